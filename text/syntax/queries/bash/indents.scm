["{" "(" "[" "((" "$(" "<("] @open
["}" ")" "]" "))"] @close
["then" "do" "else"] @open
["fi" "done" "esac" "else" "elif"] @close
(case_statement "in" @open)
(case_item ")" @after)
(ERROR "in" @after)
["&&" "||" "|"] @after
(case_item ")" @open)
(case_item termination: _ @close)
