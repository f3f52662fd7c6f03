(word) @string
(command_name (word) @function)
(command argument: (word) @variable)
((command argument: (word) @constant) (#match? @constant "^-"))
(function_definition name: (word) @function)
(variable_name) @variable
(special_variable_name) @variable.builtin
((variable_name) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
((command_name (word) @keyword)
  (#any-of? @keyword "break" "continue" "eval" "exec" "exit" "return" "set" "shift" "source"
    "trap" "wait"))
[
  "case" "declare" "do" "done" "elif" "else" "esac" "export" "fi" "for" "function" "if" "in"
  "local" "readonly" "select" "then" "typeset" "unset" "until" "while"
] @keyword
[
  "!" "!=" "&&" "||" "|" "|&" "&" "=" "+=" "==" "=~" "<" ">" ">>" "<<" "<<-" "<<<" ">&" "<&"
  "&>" "&>>" ">|" "-" "+" "*" "/" "%" "++" "--" "<=" ">=" "?"
] @operator
(test_operator) @operator
(file_descriptor) @number
(number) @number
["(" ")" "[" "]" "[[" "]]" "{" "}" "((" "))"] @punctuation.bracket
["$" "${" "$(" "$((" "<(" ">(" "`"] @punctuation.special
(simple_expansion "$" @punctuation.special)
(expansion ["${" "}"] @punctuation.special)
(command_substitution ["$(" ")"] @punctuation.special)
[";" ";;" ";&" ";;&" ","] @punctuation.delimiter
(string) @string
(raw_string) @string
(ansi_c_string) @string
(translated_string) @string
(heredoc_body) @string
(heredoc_start) @label
(heredoc_end) @label
(regex) @string.regex
(extglob_pattern) @string.regex
(expansion) @embedded
(simple_expansion) @embedded
(command_substitution) @embedded
(comment) @comment
