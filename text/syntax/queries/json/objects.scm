(object) @class.outer
(object) @class.inner
(comment) @comment.outer
(object (pair) @parameter.inner)
(array (_) @parameter.inner)
((object (pair) @parameter.outer . "," @parameter.outer))
((array (_) @parameter.outer . "," @parameter.outer))
((object "," @parameter.outer . (pair) @parameter.outer . "}"))
((array "," @parameter.outer . (_) @parameter.outer . "]"))
