(section (atx_heading
  [
    (atx_h1_marker) (atx_h2_marker) (atx_h3_marker) (atx_h4_marker) (atx_h5_marker)
    (atx_h6_marker)
  ] @context
  heading_content: (_) @name)) @item.heading
(section (setext_heading heading_content: (_) @name)) @item.heading
