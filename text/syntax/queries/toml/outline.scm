(table "[" . (_) @name) @item.table
(table_array_element "[[" . (_) @name) @item.table
(document (pair . (_) @name) @item.key)
