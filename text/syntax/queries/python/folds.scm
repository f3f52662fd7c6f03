(function_definition) @fold
(class_definition) @fold
(if_statement) @fold
(elif_clause) @fold
(else_clause) @fold
(for_statement) @fold
(while_statement) @fold
(try_statement) @fold
(except_clause) @fold
(finally_clause) @fold
(with_statement) @fold
(match_statement) @fold
(case_clause) @fold
(list) @fold
(dictionary) @fold
(set) @fold
(tuple) @fold
(argument_list) @fold
(parameters) @fold
(parenthesized_expression) @fold
(string) @fold
(comment) @fold.comment
(module (import_statement) @fold.imports)
(module (import_from_statement) @fold.imports)
