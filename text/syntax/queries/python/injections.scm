; A text that says what it is by the function that takes it.
((call
    function: (attribute object: (identifier) @_module attribute: (identifier) @_name)
    arguments: (argument_list . (string (string_content) @content)))
  (#eq? @_module "json") (#eq? @_name "loads") (#set! language "json"))
