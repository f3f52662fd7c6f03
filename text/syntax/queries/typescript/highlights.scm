(type_identifier) @type
(predefined_type) @type.builtin
(class_declaration name: (type_identifier) @type)
(nested_type_identifier module: (identifier) @module)
(internal_module name: (identifier) @module)
(enum_declaration name: (identifier) @type)
(enum_body name: (property_identifier) @constant)
(enum_assignment name: (property_identifier) @constant)
(extends_clause value: (identifier) @type)
(required_parameter pattern: (identifier) @variable.parameter)
(optional_parameter pattern: (identifier) @variable.parameter)
(required_parameter pattern: (rest_pattern (identifier) @variable.parameter))
(required_parameter pattern: (this) @variable.builtin)
(function_signature name: (identifier) @function)
(method_signature name: (property_identifier) @function.method)
(abstract_method_signature name: (property_identifier) @function.method)
(property_signature name: (property_identifier) @property)
(this_type) @type.builtin
(type_predicate name: (identifier) @variable.parameter)

[
  "abstract" "accessor" "asserts" "assert" "declare" "enum" "implements" "infer" "interface"
  "is" "keyof" "module" "namespace" "override" "private" "protected" "public" "readonly"
  "require" "satisfies" "type" "unique symbol"
] @keyword
(type_arguments ["<" ">"] @punctuation.bracket)
(type_parameters ["<" ">"] @punctuation.bracket)
(optional_parameter "?" @operator)
["?." "?:" "-?:" "+?:"] @operator
