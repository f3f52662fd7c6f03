["{" "(" "[" "((" "$(" "<("] @open
["}" ")" "]" "))"] @close
["then" "do" "else"] @open
["fi" "done" "esac" "else" "elif"] @close
(case_statement "in" @open)
(case_item ")" @after)
(ERROR "in" @after)
(case_item ")" @open)
[";;" ";&" ";;&"] @end
