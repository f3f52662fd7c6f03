(identifier) @variable
((identifier) @type (#match? @type "^_*[A-Z][A-Za-z0-9]*[a-z]"))
((identifier) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
((identifier) @variable.builtin (#any-of? @variable.builtin "self" "cls"))
(attribute attribute: (identifier) @property)
(type (identifier) @type)
(type (attribute attribute: (identifier) @type))
(generic_type (identifier) @type)
((identifier) @type.builtin
  (#any-of? @type.builtin "bool" "bytes" "dict" "float" "frozenset" "int" "list" "object" "set"
    "str" "tuple" "type"))
(class_definition name: (identifier) @type)
(class_definition superclasses: (argument_list (identifier) @type))
(parameters (identifier) @variable.parameter)
(lambda_parameters (identifier) @variable.parameter)
(default_parameter name: (identifier) @variable.parameter)
(typed_parameter (identifier) @variable.parameter)
(typed_default_parameter name: (identifier) @variable.parameter)
(typed_parameter (list_splat_pattern (identifier) @variable.parameter))
(typed_parameter (dictionary_splat_pattern (identifier) @variable.parameter))
(parameters (list_splat_pattern (identifier) @variable.parameter))
(parameters (dictionary_splat_pattern (identifier) @variable.parameter))
((parameters . (identifier) @variable.builtin)
  (#any-of? @variable.builtin "self" "cls"))
(keyword_argument name: (identifier) @variable.parameter)
(function_definition name: (identifier) @function)
(call function: (identifier) @function)
(call function: (attribute attribute: (identifier) @function.method))
((call function: (identifier) @constructor) (#match? @constructor "^[A-Z]"))
(import_statement name: (dotted_name (identifier) @module))
(aliased_import name: (dotted_name (identifier) @module))
(import_from_statement module_name: (dotted_name (identifier) @module))
(import_from_statement module_name: (relative_import (dotted_name (identifier) @module)))
(decorator "@" @attribute)
(decorator (identifier) @attribute)
(decorator (attribute attribute: (identifier) @attribute))
(decorator (call function: (identifier) @attribute))
(decorator (call function: (attribute attribute: (identifier) @attribute)))

[
  "and" "as" "assert" "async" "await" "break" "case" "class" "continue" "def" "del" "elif"
  "else" "except" "exec" "finally" "for" "from" "global" "if" "import" "in" "is" "is not"
  "lambda" "match" "nonlocal" "not" "not in" "or" "pass" "print" "raise" "return" "try" "type"
  "while" "with" "yield"
] @keyword
[
  "!=" "%" "%=" "&" "&=" "*" "**" "**=" "*=" "+" "+=" "-" "-=" "->" "/" "//" "//=" "/=" ":="
  "<" "<<" "<<=" "<=" "<>" "=" "==" ">" ">=" ">>" ">>=" "@" "@=" "^" "^=" "|" "|=" "~"
] @operator
(decorator "@" @attribute)
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" ";" "."] @punctuation.delimiter
(ellipsis) @constant.builtin
[(true) (false) (none)] @constant.builtin
[(integer) (float)] @number
(comment) @comment
(string) @string
(string_start) @string
(string_content) @string
(string_end) @string
(escape_sequence) @string.escape
(escape_interpolation) @string.escape
(interpolation) @embedded
(interpolation ["{" "}"] @punctuation.special)
(type_conversion) @operator
(module . (comment)* . (expression_statement (string) @comment.doc))
(module . (comment)* . (expression_statement
  (string [(string_start) (string_content) (string_end)] @comment.doc)))
((function_definition body: (block . (expression_statement (string) @comment.doc))))
((function_definition body: (block . (expression_statement
  (string [(string_start) (string_content) (string_end)] @comment.doc)))))
((class_definition body: (block . (expression_statement (string) @comment.doc))))
((class_definition body: (block . (expression_statement
  (string [(string_start) (string_content) (string_end)] @comment.doc)))))

; The places of values in texts that are formatted, and patterns.
(binary_operator left: (string (string_content) @format.percents) operator: "%")
((call
    function: (attribute
      object: (string (string_content) @format.braces) attribute: (identifier) @_name))
  (#eq? @_name "format"))
((call
    function: (attribute object: (identifier) @_module attribute: (identifier) @_name)
    arguments: (argument_list
      . (string [(string_start) (string_content) (string_end)] @string.regex)))
  (#eq? @_module "re")
  (#any-of? @_name "compile" "findall" "finditer" "fullmatch" "match" "search" "split" "sub"
    "subn"))
