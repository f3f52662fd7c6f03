(function_item body: (block) @function.inner) @function.outer
(closure_expression body: (_) @function.inner) @function.outer
(function_signature_item) @function.outer
(struct_item body: (_) @class.inner) @class.outer
(enum_item body: (_) @class.inner) @class.outer
(union_item body: (_) @class.inner) @class.outer
(trait_item body: (_) @class.inner) @class.outer
(impl_item body: (_) @class.inner) @class.outer
(mod_item body: (_) @class.inner) @class.outer
(line_comment) @comment.outer
(block_comment) @comment.outer
(line_comment doc: (_) @comment.inner)
(block_comment doc: (_) @comment.inner)
(parameters (_) @parameter.inner)
(closure_parameters (_) @parameter.inner)
(arguments (_) @parameter.inner)
(type_parameters (_) @parameter.inner)
(type_arguments (_) @parameter.inner)
((parameters (_) @parameter.outer . "," @parameter.outer))
((arguments (_) @parameter.outer . "," @parameter.outer))
((parameters "," @parameter.outer . (_) @parameter.outer . ")"))
((arguments "," @parameter.outer . (_) @parameter.outer . ")"))
(parameters . "(" . (_) @parameter.outer . ")")
(arguments . "(" . (_) @parameter.outer . ")")
