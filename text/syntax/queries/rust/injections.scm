; What a macro is given is code, most of the time; with its delimiters it is an expression.
(macro_invocation (token_tree) @content (#set! language "rust") (#set! whole) (#set! expression))
; The lines of one documentation comment are one text.
(line_comment (outer_doc_comment_marker) doc: (doc_comment) @content
  (#set! language "rust_doc_inline") (#set! lines))
(line_comment (inner_doc_comment_marker) doc: (doc_comment) @content
  (#set! language "rust_doc_inline") (#set! lines))
