(mod_item (visibility_modifier)? @context "mod" @context name: (_) @name) @item.module
(struct_item (visibility_modifier)? @context "struct" @context name: (_) @name) @item.struct
(union_item (visibility_modifier)? @context "union" @context name: (_) @name) @item.struct
(enum_item (visibility_modifier)? @context "enum" @context name: (_) @name) @item.enum
(enum_variant name: (_) @name) @item.variant
(trait_item (visibility_modifier)? @context "trait" @context name: (_) @name) @item.interface
(impl_item "impl" @context !trait type: (_) @name) @item.implementation
(impl_item "impl" @context trait: (_) @context "for" @context type: (_) @name)
  @item.implementation
(function_item
  (visibility_modifier)? @context (function_modifiers)? @context "fn" @context name: (_) @name)
  @item.function
(function_signature_item
  (visibility_modifier)? @context (function_modifiers)? @context "fn" @context name: (_) @name)
  @item.function
(const_item (visibility_modifier)? @context "const" @context name: (_) @name) @item.constant
(static_item (visibility_modifier)? @context "static" @context name: (_) @name) @item.constant
(type_item (visibility_modifier)? @context "type" @context name: (_) @name) @item.type
(associated_type "type" @context name: (_) @name) @item.type
(field_declaration (visibility_modifier)? @context name: (_) @name) @item.field
(macro_definition "macro_rules!" @context name: (_) @name) @item.macro
