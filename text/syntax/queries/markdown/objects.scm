(section) @class.outer
(fenced_code_block (code_fence_content) @function.inner) @function.outer
(list_item) @parameter.outer
