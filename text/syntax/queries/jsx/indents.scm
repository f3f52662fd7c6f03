(jsx_element open_tag: (jsx_opening_element ">" @after))
(jsx_opening_element "<" @open ">" @close)
(jsx_self_closing_element "<" @open "/>" @close)
(jsx_element) @statement
