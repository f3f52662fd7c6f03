(code_span) @markup.raw
[(emphasis_delimiter) (code_span_delimiter)] @punctuation.delimiter
(emphasis) @markup.italic
(strong_emphasis) @markup.bold
(strikethrough) @markup.strikethrough
[(link_text) (link_label) (image_description)] @markup.link
[(link_destination) (uri_autolink) (email_autolink)] @markup.link.url
(link_title) @string
[(backslash_escape) (hard_line_break)] @string.escape
[(entity_reference) (numeric_character_reference)] @string.escape
(html_tag) @tag
(latex_block) @markup.raw
(inline_link ["[" "]" "(" ")"] @punctuation.bracket)
(image ["!" "[" "]" "(" ")"] @punctuation.bracket)
(shortcut_link ["[" "]"] @punctuation.bracket)
(full_reference_link ["[" "]"] @punctuation.bracket)
(collapsed_reference_link ["[" "]"] @punctuation.bracket)
