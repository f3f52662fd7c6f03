["{" "(" "["] @open
["}" ")" "]"] @close
(function_definition ":" @after)
(class_definition ":" @after)
(if_statement ":" @after)
(elif_clause ":" @after)
(else_clause ":" @after)
(for_statement ":" @after)
(while_statement ":" @after)
(try_statement ":" @after)
(except_clause ":" @after)
(finally_clause ":" @after)
(with_statement ":" @after)
(match_statement ":" @after)
(case_clause ":" @after)
(ERROR ":" @after)
(line_continuation) @after
(return_statement) @leave
(pass_statement) @leave
(break_statement) @leave
(continue_statement) @leave
(raise_statement) @leave
(return_statement) @statement
(raise_statement) @statement
(expression_statement) @statement
(import_from_statement) @statement
