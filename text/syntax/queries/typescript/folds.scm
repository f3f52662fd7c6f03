(interface_body) @fold
(enum_body) @fold
(object_type) @fold
