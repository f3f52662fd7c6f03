(function_definition name: (_) @name) @item.function
(program (variable_assignment name: (variable_name) @name) @item.variable)
(program (declaration_command
  (variable_assignment name: (variable_name) @name) @item.variable))
