; A here-document says what it is by the program that reads it, or by the word that ends it.
(redirected_statement
  body: (command name: (command_name (word) @language))
  redirect: (heredoc_redirect (heredoc_body) @content))
(heredoc_redirect (heredoc_body) @content (heredoc_end) @language)
