(interface_declaration "interface" @context name: (_) @name) @item.interface
(type_alias_declaration "type" @context name: (_) @name) @item.type
(enum_declaration "enum" @context name: (_) @name) @item.enum
(internal_module "namespace" @context name: (_) @name) @item.module
(abstract_class_declaration "abstract" @context "class" @context name: (_) @name) @item.class
(function_signature "function" @context name: (_) @name) @item.function
(method_signature name: (_) @name) @item.method
(abstract_method_signature "abstract" @context name: (_) @name) @item.method
(public_field_definition name: (_) @name) @item.field
(interface_body (property_signature name: (_) @name) @item.field)
