(function_definition body: (_) @function.inner) @function.outer
(comment) @comment.outer
(command argument: (_) @parameter.inner)
