(statement_block) @fold
(class_body) @fold
(object) @fold
(object_pattern) @fold
(array) @fold
(arguments) @fold
(formal_parameters) @fold
(switch_body) @fold
(template_string) @fold
(named_imports) @fold
(export_clause) @fold
(comment) @fold.comment
(program (import_statement) @fold.imports)
