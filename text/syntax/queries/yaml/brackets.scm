["{" "["] @open
["}" "]"] @close
