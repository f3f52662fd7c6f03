(object) @fold
(array) @fold
(comment) @fold.comment
