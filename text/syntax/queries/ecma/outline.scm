(function_declaration "async"? @context "function" @context name: (_) @name) @item.function
(generator_function_declaration "async"? @context "function" @context name: (_) @name)
  @item.function
(class_declaration "class" @context name: (_) @name) @item.class
(method_definition ["static" "async" "get" "set" "*"]* @context name: (_) @name) @item.method
(program (lexical_declaration
  ["const" "let"] @context (variable_declarator name: (identifier) @name) @item.variable))
(program (export_statement (lexical_declaration
  ["const" "let"] @context (variable_declarator name: (identifier) @name) @item.variable)))
(program (variable_declaration
  "var" @context (variable_declarator name: (identifier) @name) @item.variable))
