(interface_declaration body: (_) @class.inner) @class.outer
(enum_declaration body: (_) @class.inner) @class.outer
(abstract_class_declaration body: (_) @class.inner) @class.outer
