(array "[" @open "]" @close)
(inline_table "{" @open "}" @close)
(ERROR ["[" "{"] @open)
