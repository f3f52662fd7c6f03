(function_definition body: (_) @function.inner) @function.outer
(struct_specifier body: (_) @class.inner) @class.outer
(union_specifier body: (_) @class.inner) @class.outer
(enum_specifier body: (_) @class.inner) @class.outer
(comment) @comment.outer
(parameter_list (_) @parameter.inner)
(argument_list (_) @parameter.inner)
((parameter_list (_) @parameter.outer . "," @parameter.outer))
((argument_list (_) @parameter.outer . "," @parameter.outer))
((parameter_list "," @parameter.outer . (_) @parameter.outer . ")"))
((argument_list "," @parameter.outer . (_) @parameter.outer . ")"))
(parameter_list . "(" . (_) @parameter.outer . ")")
(argument_list . "(" . (_) @parameter.outer . ")")
