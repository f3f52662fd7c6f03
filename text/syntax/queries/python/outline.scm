(class_definition "class" @context name: (_) @name) @item.class
(function_definition "async"? @context "def" @context name: (_) @name) @item.function
(module (expression_statement (assignment left: (identifier) @name) @item.variable))
(type_alias_statement "type" @context left: (_) @name) @item.type
