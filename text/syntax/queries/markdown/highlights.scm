(atx_heading) @markup.heading
(setext_heading) @markup.heading
(thematic_break) @punctuation.special
(fenced_code_block) @markup.raw
(indented_code_block) @markup.raw
(code_fence_content) @markup.raw
(fenced_code_block_delimiter) @punctuation.delimiter
(info_string) @label
(html_block) @tag
(block_quote) @markup.quote
[(block_continuation) (block_quote_marker)] @punctuation.special
[
  (list_marker_plus) (list_marker_minus) (list_marker_star) (list_marker_dot)
  (list_marker_parenthesis)
] @markup.list
[(task_list_marker_checked) (task_list_marker_unchecked)] @markup.list
(link_destination) @markup.link.url
(link_title) @string
(link_label) @markup.link
(pipe_table_header (pipe_table_cell) @markup.bold)
(pipe_table_header "|" @punctuation.delimiter)
(pipe_table_row "|" @punctuation.delimiter)
(pipe_table_delimiter_row) @punctuation.delimiter
(backslash_escape) @string.escape
[(entity_reference) (numeric_character_reference)] @string.escape
