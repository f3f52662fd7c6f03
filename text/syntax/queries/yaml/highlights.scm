[(double_quote_scalar) (single_quote_scalar) (block_scalar) (string_scalar)] @string
[(integer_scalar) (float_scalar) (timestamp_scalar)] @number
[(boolean_scalar) (null_scalar)] @constant.builtin
(escape_sequence) @string.escape
(block_mapping_pair key: (flow_node (plain_scalar (string_scalar) @property.key)))
(block_mapping_pair key: (flow_node [(double_quote_scalar) (single_quote_scalar)] @property.key))
(flow_pair key: (flow_node (plain_scalar (string_scalar) @property.key)))
(flow_pair key: (flow_node [(double_quote_scalar) (single_quote_scalar)] @property.key))
(anchor) @label
(alias) @label
(anchor_name) @label
(alias_name) @label
["&" "*"] @label
(tag) @type
[(yaml_directive) (tag_directive) (reserved_directive)] @attribute
["," ":" "?" "-"] @punctuation.delimiter
["[" "]" "{" "}"] @punctuation.bracket
["---" "..." ">" "|"] @punctuation.special
(comment) @comment
