(block_mapping_pair value: (_) @class.inner) @class.outer
(comment) @comment.outer
(block_sequence_item) @parameter.outer
(block_sequence_item (_) @parameter.inner)
(flow_sequence (flow_node) @parameter.inner)
