(jsx_opening_element "<" @open ">" @close)
(jsx_closing_element "</" @open ">" @close)
(jsx_self_closing_element "<" @open "/>" @close)
