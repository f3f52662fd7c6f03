(table) @class.outer
(table (pair)+ @class.inner)
(table_array_element) @class.outer
(table_array_element (pair)+ @class.inner)
(comment) @comment.outer
(array (_) @parameter.inner)
((array (_) @parameter.outer . "," @parameter.outer))
((array "," @parameter.outer . (_) @parameter.outer . "]"))
