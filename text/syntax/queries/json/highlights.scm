(string) @string
(pair key: (string) @property.key)
(escape_sequence) @string.escape
(number) @number
[(true) (false) (null)] @constant.builtin
(comment) @comment
["{" "}" "[" "]"] @punctuation.bracket
["," ":"] @punctuation.delimiter
