["{" "["] @open
["}" "]"] @close
(block_mapping_pair ":" @after)
(ERROR ":" @after)
(block_scalar ["|" ">"] @after)
