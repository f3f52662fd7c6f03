(fenced_code_block) @fold
(html_block) @fold
(list) @fold
(pipe_table) @fold
(minus_metadata) @fold
(plus_metadata) @fold
