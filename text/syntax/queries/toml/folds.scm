(table) @fold.section
(table_array_element) @fold.section
(array) @fold
(inline_table) @fold
(string) @fold
(comment) @fold.comment
