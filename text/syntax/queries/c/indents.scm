["{" "(" "["] @open
["}" ")" "]"] @close
["=" "+="] @after
(case_statement ":" @after)
(if_statement condition: (parenthesized_expression ")" @after))
(for_statement ")" @after)
(while_statement condition: (parenthesized_expression ")" @after))
(else_clause "else" @after)
(do_statement "do" @after)
(expression_statement) @statement
(declaration) @statement
(return_statement) @statement
(break_statement) @leave
(function_definition) @statement
(if_statement) @statement
(for_statement) @statement
(while_statement) @statement
(switch_statement) @statement
(comment) @statement
