(jsx_element) @fold
(jsx_self_closing_element) @fold
