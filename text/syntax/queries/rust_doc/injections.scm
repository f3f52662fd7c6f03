; In Rust's documentation code is Rust unless it says otherwise.
(fenced_code_block
  . (fenced_code_block_delimiter) . (block_continuation)? . (code_fence_content) @content
  (#set! language "rust"))
((fenced_code_block (info_string (language) @_words) (code_fence_content) @content)
  (#match? @_words "^(ignore|no_run|should_panic|compile_fail|edition[0-9]+)")
  (#set! language "rust"))
