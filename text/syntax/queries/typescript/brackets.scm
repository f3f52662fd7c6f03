(type_arguments "<" @open ">" @close)
(type_parameters "<" @open ">" @close)
