; Steps of pipelines are shell.
((block_mapping_pair
    key: (flow_node (plain_scalar (string_scalar) @_key))
    value: (block_node (block_scalar) @content))
  (#any-of? @_key "run" "script" "before_script" "after_script")
  (#set! language "bash") (#set! below))
((block_mapping_pair
    key: (flow_node (plain_scalar (string_scalar) @_key))
    value: (flow_node (plain_scalar (string_scalar) @content)))
  (#any-of? @_key "run" "script") (#set! language "bash"))
((block_mapping_pair
    key: (flow_node (plain_scalar (string_scalar) @_key))
    value: (block_node (block_sequence (block_sequence_item
      (flow_node (plain_scalar (string_scalar) @content))))))
  (#any-of? @_key "script" "before_script" "after_script") (#set! language "bash"))
