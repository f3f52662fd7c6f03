["{" "(" "["] @open
["}" ")" "]"] @close
(type_arguments "<" @open ">" @close)
(type_parameters "<" @open ">" @close)
["=" "=>" "+=" "-="] @after
(let_declaration) @statement
(expression_statement) @statement
(function_item) @statement
(function_signature_item) @statement
(struct_item) @statement
(enum_item) @statement
(impl_item) @statement
(trait_item) @statement
(const_item) @statement
(static_item) @statement
(type_item) @statement
(use_declaration) @statement
(match_arm ",") @statement
(block_comment) @statement
