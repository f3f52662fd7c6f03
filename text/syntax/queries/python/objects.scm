(function_definition body: (_) @function.inner) @function.outer
(decorated_definition definition: (function_definition)) @function.outer
(lambda body: (_) @function.inner) @function.outer
(class_definition body: (_) @class.inner) @class.outer
(decorated_definition definition: (class_definition)) @class.outer
(comment) @comment.outer
(parameters (_) @parameter.inner)
(lambda_parameters (_) @parameter.inner)
(argument_list (_) @parameter.inner)
((parameters (_) @parameter.outer . "," @parameter.outer))
((argument_list (_) @parameter.outer . "," @parameter.outer))
((parameters "," @parameter.outer . (_) @parameter.outer . ")"))
((argument_list "," @parameter.outer . (_) @parameter.outer . ")"))
(parameters . "(" . (_) @parameter.outer . ")")
(argument_list . "(" . (_) @parameter.outer . ")")
