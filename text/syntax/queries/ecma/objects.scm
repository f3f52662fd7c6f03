(function_declaration body: (_) @function.inner) @function.outer
(generator_function_declaration body: (_) @function.inner) @function.outer
(function_expression body: (_) @function.inner) @function.outer
(arrow_function body: (_) @function.inner) @function.outer
(method_definition body: (_) @function.inner) @function.outer
(class_declaration body: (_) @class.inner) @class.outer
(class body: (_) @class.inner) @class.outer
(comment) @comment.outer
(formal_parameters (_) @parameter.inner)
(arguments (_) @parameter.inner)
((formal_parameters (_) @parameter.outer . "," @parameter.outer))
((arguments (_) @parameter.outer . "," @parameter.outer))
((formal_parameters "," @parameter.outer . (_) @parameter.outer . ")"))
((arguments "," @parameter.outer . (_) @parameter.outer . ")"))
(formal_parameters . "(" . (_) @parameter.outer . ")")
(arguments . "(" . (_) @parameter.outer . ")")
