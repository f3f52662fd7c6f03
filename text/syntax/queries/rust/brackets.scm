["(" "[" "{"] @open
[")" "]" "}"] @close
(type_arguments "<" @open ">" @close)
(type_parameters "<" @open ">" @close)
(closure_parameters "|" @open "|" @close)
