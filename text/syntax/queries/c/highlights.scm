(identifier) @variable
((identifier) @type (#match? @type "[a-z0-9]_t$"))
((identifier) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
(field_identifier) @property
(type_identifier) @type
(primitive_type) @type.builtin
(sized_type_specifier) @type.builtin
(sized_type_specifier ["long" "short" "signed" "unsigned"] @type.builtin)
(statement_identifier) @label
(parameter_declaration declarator: (identifier) @variable.parameter)
(parameter_declaration
  declarator: (pointer_declarator declarator: (identifier) @variable.parameter))
(parameter_declaration
  declarator: (array_declarator declarator: (identifier) @variable.parameter))
(preproc_params (identifier) @variable.parameter)
(enumerator name: (identifier) @constant)
(function_declarator declarator: (identifier) @function)
(call_expression function: (identifier) @function)
(call_expression function: (field_expression field: (field_identifier) @function.method))
(preproc_function_def name: (identifier) @function.macro)
(preproc_def name: (identifier) @constant)
(attribute name: (identifier) @attribute)

[
  "break" "case" "const" "constexpr" "continue" "default" "do" "else" "enum" "extern" "for"
  "goto" "if" "inline" "noreturn" "register" "restrict" "return" "sizeof" "static" "struct"
  "switch" "thread_local" "typedef" "union" "volatile" "while" "_Alignas" "_Atomic" "_Generic"
  "_Noreturn" "alignas" "offsetof" "asm" "__asm__" "__attribute__"
] @keyword
[
  "#define" "#elif" "#elifdef" "#elifndef" "#else" "#endif" "#if" "#ifdef" "#ifndef" "#include"
  "defined"
] @keyword
(preproc_directive) @keyword
[
  "!" "!=" "%" "%=" "&" "&&" "&=" "*" "*=" "+" "++" "+=" "-" "--" "-=" "->" "/" "/=" "<" "<<"
  "<<=" "<=" "=" "==" ">" ">=" ">>" ">>=" "?" "^" "^=" "|" "|=" "||" "~"
] @operator
(conditional_expression ":" @operator)
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ";" ":" "."] @punctuation.delimiter
["..."] @punctuation.special

(number_literal) @number
[(true) (false) (null)] @constant.builtin
(string_literal) @string
(system_lib_string) @string
(char_literal) @string
(preproc_arg) @embedded
((preproc_arg) @number (#match? @number "^[0-9]"))
((preproc_arg) @string (#match? @string "^\"[^\"]*\"$"))
(escape_sequence) @string.escape
(comment) @comment
((comment) @comment.doc (#match? @comment.doc "^/(\\*\\*[^*/]|//)"))

; The places of values in texts that are formatted.
((call_expression
    function: (identifier) @_function
    arguments: (argument_list (string_literal (string_content) @format.percents)))
  (#match? @_function "(printf|scanf|err|warn|log|LOG|error|Error|print)[a-zA-Z]*$"))
