(bare_key) @property.key
(quoted_key) @property.key
(table (bare_key) @type)
(table (quoted_key) @type)
(table (dotted_key (bare_key) @type))
(table (dotted_key (quoted_key) @type))
(table_array_element (bare_key) @type)
(table_array_element (quoted_key) @type)
(table_array_element (dotted_key (bare_key) @type))
(table_array_element (dotted_key (quoted_key) @type))
(string) @string
(escape_sequence) @string.escape
[(integer) (float)] @number
[(offset_date_time) (local_date_time) (local_date) (local_time)] @number
(boolean) @constant.builtin
(comment) @comment
"=" @operator
["[" "]" "[[" "]]" "{" "}"] @punctuation.bracket
["," "."] @punctuation.delimiter
