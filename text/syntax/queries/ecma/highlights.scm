; What JavaScript, TypeScript and TSX share.
(identifier) @variable
((identifier) @type (#match? @type "^[A-Z][A-Za-z0-9]*[a-z]"))
((identifier) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
((identifier) @variable.builtin
  (#any-of? @variable.builtin "arguments" "console" "document" "exports" "global" "globalThis"
    "module" "process" "window"))
(property_identifier) @property
(private_property_identifier) @property
(shorthand_property_identifier) @property
(shorthand_property_identifier_pattern) @variable
(statement_identifier) @label
(this) @variable.builtin
(super) @variable.builtin

(function_declaration name: (identifier) @function)
(generator_function_declaration name: (identifier) @function)
(function_expression name: (identifier) @function)
(method_definition name: (property_identifier) @function.method)
(method_definition name: (private_property_identifier) @function.method)
(variable_declarator
  name: (identifier) @function value: [(arrow_function) (function_expression)])
(pair key: (property_identifier) @function.method
  value: [(arrow_function) (function_expression)])
(call_expression function: (identifier) @function)
(call_expression
  function: (member_expression property: (property_identifier) @function.method))
(call_expression
  function: (member_expression property: (private_property_identifier) @function.method))
(new_expression constructor: (identifier) @type)
(arrow_function parameter: (identifier) @variable.parameter)
(catch_clause parameter: (identifier) @variable.parameter)
(decorator "@" @attribute)
(decorator (identifier) @attribute)
(decorator (call_expression function: (identifier) @attribute))

[
  "as" "async" "await" "break" "case" "catch" "class" "const" "continue" "debugger" "default"
  "delete" "do" "else" "export" "extends" "finally" "for" "from" "function" "get" "if"
  "import" "in" "instanceof" "let" "new" "of" "return" "set" "static" "switch" "target"
  "throw" "try" "typeof" "using" "var" "void" "while" "with" "yield"
] @keyword
[
  "!" "!=" "!==" "%" "%=" "&" "&&" "&&=" "&=" "*" "**" "**=" "*=" "+" "++" "+=" "-" "--"
  "-=" "..." "/" "/=" "<" "<<" "<<=" "<=" "=" "==" "===" "=>" ">" ">=" ">>" ">>=" ">>>"
  ">>>=" "?" "??" "??=" "^" "^=" "|" "|=" "||" "||=" "~"
] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ";" ":" "."] @punctuation.delimiter
(optional_chain) @punctuation.delimiter
(ternary_expression ["?" ":"] @operator)

[(true) (false) (null) (undefined)] @constant.builtin
((identifier) @constant.builtin (#any-of? @constant.builtin "NaN" "Infinity"))
(number) @number
(string) @string
(template_string) @string
(escape_sequence) @string.escape
(template_substitution) @embedded
(template_substitution ["${" "}"] @punctuation.special)
(regex) @string.regex
(regex "/" @string.regex)
(regex_pattern) @string.regex
(regex_flags) @string.regex
(comment) @comment
((comment) @comment.doc (#match? @comment.doc "^/\\*\\*[^*]"))
(hash_bang_line) @comment
