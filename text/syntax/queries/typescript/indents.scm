(type_arguments "<" @open ">" @close)
(type_parameters "<" @open ">" @close)
(type_alias_declaration) @statement
