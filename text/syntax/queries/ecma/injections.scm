; A template says by its tag what it is.
((call_expression
    function: (identifier) @language
    arguments: (template_string (string_fragment) @content))
  (#any-of? @language "json" "yaml" "toml" "markdown" "md" "bash" "sh" "python")
  (#set! combined))
((call_expression
    function: (identifier) @_tag arguments: (template_string (string_fragment) @content))
  (#eq? @_tag "$") (#set! language "bash") (#set! combined))
((call_expression
    function: (member_expression
      object: (identifier) @_object property: (property_identifier) @_name)
    arguments: (arguments . (string (string_fragment) @content)))
  (#eq? @_object "JSON") (#eq? @_name "parse") (#set! language "json"))
