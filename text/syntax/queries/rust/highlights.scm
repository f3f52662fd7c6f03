; The last pattern that captures a node counts; an inner node counts before an outer one.
(identifier) @variable
((identifier) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
((identifier) @type (#match? @type "^[A-Z][A-Za-z0-9]*[a-z]"))
(type_identifier) @type
((type_identifier) @type.builtin (#eq? @type.builtin "Self"))
(primitive_type) @type.builtin
(field_identifier) @property
(shorthand_field_identifier) @property
(enum_variant name: (identifier) @constructor)
(const_item name: (identifier) @constant)
(static_item name: (identifier) @constant)
(parameter pattern: (identifier) @variable.parameter)
(parameter pattern: (mut_pattern (identifier) @variable.parameter))
(parameter pattern: (reference_pattern (identifier) @variable.parameter))
(closure_parameters (identifier) @variable.parameter)
(closure_parameters (tuple_pattern (identifier) @variable.parameter))

(mod_item name: (identifier) @module)
(scoped_identifier path: (identifier) @module)
(scoped_type_identifier path: (identifier) @module)
(scoped_identifier path: (scoped_identifier name: (identifier) @module))
(scoped_type_identifier path: (scoped_identifier name: (identifier) @module))
(scoped_use_list path: (identifier) @module)
(scoped_use_list path: (scoped_identifier name: (identifier) @module))
(use_wildcard (identifier) @module)
(use_wildcard (scoped_identifier name: (identifier) @module))
((scoped_identifier path: (identifier) @type) (#match? @type "^[A-Z]"))
((scoped_identifier path: (scoped_identifier name: (identifier) @type))
  (#match? @type "^[A-Z]"))
((scoped_type_identifier path: (identifier) @type) (#match? @type "^[A-Z]"))
((scoped_identifier path: (identifier) @_type name: (identifier) @constructor)
  (#match? @_type "^[A-Z]") (#match? @constructor "^[A-Z][A-Za-z0-9]*[a-z]"))
((scoped_type_identifier path: (identifier) @_type name: (type_identifier) @constructor)
  (#match? @_type "^[A-Z]"))
((identifier) @constructor (#any-of? @constructor "Some" "None" "Ok" "Err"))
((identifier) @type.builtin (#eq? @type.builtin "Self"))
(token_tree (identifier) @function . (token_tree "("))

(function_item name: (identifier) @function)
(function_signature_item name: (identifier) @function)
(call_expression function: (identifier) @function)
(call_expression function: (scoped_identifier name: (identifier) @function))
(call_expression function: (field_expression field: (field_identifier) @function.method))
(generic_function function: (identifier) @function)
(generic_function function: (scoped_identifier name: (identifier) @function))
(generic_function function: (field_expression field: (field_identifier) @function.method))
((call_expression function: (identifier) @constructor) (#match? @constructor "^[A-Z]"))
((call_expression function: (scoped_identifier name: (identifier) @constructor))
  (#match? @constructor "^[A-Z]"))
(macro_invocation macro: (identifier) @function.macro "!" @function.macro)
(macro_invocation
  macro: (scoped_identifier name: (identifier) @function.macro) "!" @function.macro)
(macro_definition name: (identifier) @function.macro)
(metavariable) @variable.parameter
(fragment_specifier) @type.builtin

(attribute_item) @attribute
(inner_attribute_item) @attribute
(attribute (identifier) @attribute)
(attribute (scoped_identifier name: (identifier) @attribute))

[
  "as" "async" "await" "break" "const" "continue" "default" "dyn" "else" "enum" "extern" "fn"
  "for" "gen" "if" "impl" "in" "let" "loop" "macro_rules!" "match" "mod" "move" "pub" "raw"
  "ref" "return" "static" "struct" "trait" "type" "union" "unsafe" "use" "where" "while"
  "yield"
] @keyword
(crate) @keyword
(super) @keyword
(mutable_specifier) @keyword
(self) @variable.builtin
((identifier) @variable.builtin (#eq? @variable.builtin "self"))

[
  "!" "!=" "%" "%=" "&" "&=" "&&" "*" "*=" "+" "+=" "-" "-=" "->" ".." "..." "..=" "/" "/="
  "<" "<<" "<<=" "<=" "=" "==" "=>" ">" ">=" ">>" ">>=" "?" "@" "^" "^=" "|" "|=" "||"
] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
(type_arguments ["<" ">"] @punctuation.bracket)
(type_parameters ["<" ">"] @punctuation.bracket)
(closure_parameters "|" @punctuation.bracket)
(bracketed_type ["<" ">"] @punctuation.bracket)
["," ";" ":" "::" "."] @punctuation.delimiter
["#" "$"] @punctuation.special
(attribute_item ["#" "[" "]"] @attribute)
(inner_attribute_item ["#" "!" "[" "]"] @attribute)

(lifetime) @label
(label) @label
(lifetime "'" @label (identifier) @label)
(label "'" @label (identifier) @label)
(lifetime (identifier) @label)
(label (identifier) @label)
(integer_literal) @number
(float_literal) @number
(boolean_literal) @constant.builtin
(char_literal) @string
(string_literal) @string
(raw_string_literal) @string
(escape_sequence) @string.escape
(line_comment) @comment
(block_comment) @comment
(line_comment doc: (doc_comment)) @comment.doc
(block_comment doc: (doc_comment)) @comment.doc
(outer_doc_comment_marker "/" @comment.doc)
(inner_doc_comment_marker "!" @comment.doc)
(shebang) @comment

; The places of values in texts that are formatted.
((macro_invocation
    macro: (identifier) @_macro
    (token_tree (string_literal (string_content) @format.braces)))
  (#any-of? @_macro "assert" "assert_eq" "assert_ne" "bail" "debug" "debug_assert" "eprint"
    "eprintln" "error" "format" "format_args" "info" "panic" "print" "println" "todo" "trace"
    "unimplemented" "unreachable" "warn" "write" "writeln"))
((call_expression
    function: (scoped_identifier path: (identifier) @_type name: (identifier) @_new)
    arguments: (arguments . [(string_literal) (raw_string_literal)] @string.regex))
  (#any-of? @_type "Regex" "RegexSet" "RegexBuilder") (#eq? @_new "new"))
