(function_definition
  type: (_) @context declarator: (function_declarator declarator: (_) @name)) @item.function
(function_definition
  type: (_) @context
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (_) @name))) @item.function
(translation_unit (declaration
  type: (_) @context declarator: (function_declarator declarator: (_) @name)) @item.function)
(struct_specifier "struct" @context name: (_) @name body: (_)) @item.struct
(union_specifier "union" @context name: (_) @name body: (_)) @item.struct
(enum_specifier "enum" @context name: (_) @name body: (_)) @item.enum
(enumerator name: (_) @name) @item.variant
(field_declaration declarator: (field_identifier) @name) @item.field
(field_declaration declarator: (pointer_declarator declarator: (field_identifier) @name))
  @item.field
(field_declaration declarator: (array_declarator declarator: (field_identifier) @name))
  @item.field
(type_definition "typedef" @context declarator: (type_identifier) @name) @item.type
(preproc_def "#define" @context name: (_) @name) @item.macro
(preproc_function_def "#define" @context name: (_) @name) @item.macro
