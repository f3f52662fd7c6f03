["{" "(" "[" "${"] @open
["}" ")" "]"] @close
["=" "=>" "+="] @after
(switch_case ":" @after)
(switch_default ":" @after)
(lexical_declaration) @statement
(variable_declaration) @statement
(expression_statement) @statement
(return_statement) @statement
(throw_statement) @statement
(import_statement) @statement
(export_statement) @statement
(break_statement) @leave
(switch_case (return_statement) @leave)
(if_statement) @statement
(for_statement) @statement
(for_in_statement) @statement
(while_statement) @statement
(function_declaration) @statement
(method_definition) @statement
(comment) @statement
