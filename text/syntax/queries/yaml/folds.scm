(block_mapping_pair) @fold
(block_sequence_item) @fold
(flow_mapping) @fold
(flow_sequence) @fold
(comment) @fold.comment
