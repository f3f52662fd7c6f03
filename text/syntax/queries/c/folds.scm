(compound_statement) @fold
(field_declaration_list) @fold
(enumerator_list) @fold
(initializer_list) @fold
(parameter_list) @fold
(argument_list) @fold
(preproc_if) @fold
(preproc_ifdef) @fold
(preproc_else) @fold
(preproc_elif) @fold
(preproc_function_def) @fold
(comment) @fold.comment
(translation_unit (preproc_include) @fold.imports)
