(mod_item "mod" @context name: (_) @name) @item.module
(struct_item "struct" @context name: (_) @name) @item.struct
(union_item "union" @context name: (_) @name) @item.struct
(enum_item "enum" @context name: (_) @name) @item.enum
(enum_variant name: (_) @name) @item.variant
(trait_item "trait" @context name: (_) @name) @item.interface
(impl_item "impl" @context !trait type: (_) @name) @item.implementation
(impl_item "impl" @context trait: (_) @context "for" @context type: (_) @name)
  @item.implementation
(function_item (function_modifiers)? @context "fn" @context name: (_) @name)
  @item.function
(function_signature_item (function_modifiers)? @context "fn" @context name: (_) @name)
  @item.function
(const_item "const" @context name: (_) @name) @item.constant
(static_item "static" @context name: (_) @name) @item.constant
(type_item "type" @context name: (_) @name) @item.type
(associated_type "type" @context name: (_) @name) @item.type
(field_declaration name: (_) @name) @item.field
(macro_definition "macro_rules!" @context name: (_) @name) @item.macro
