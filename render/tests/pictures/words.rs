//! Text: both families, weights, scripts, directions, what no font has, and fractional scales.

use std::sync::Arc;

use render::color::Color;
use render::geometry::Point;
use render::scene::{ColorSpan, Scene};
use render::shape::{
    Fonts, Ligatures, ParagraphDirection, ShapeOptions, Shaper, Slant, TextStyle, Weight,
};

use crate::goldens::check;

const INK: Color = Color::hex(0x2b_2733);
const PAPER: Color = Color::hex(0xfb_f8fb);

fn lines() -> Vec<(&'static str, TextStyle, ParagraphDirection)> {
    let (ui, mono) = (TextStyle::ui(13.0), TextStyle::mono(14.0));
    let auto = ParagraphDirection::Auto;
    vec![
        ("The quick brown fox, 0123456789 AV To fi ffi.", ui, auto),
        ("Medium: written to the log, and sent.", ui.weight(Weight::Medium), auto),
        ("SemiBold: written to the log, and sent.", ui.weight(Weight::SemiBold), auto),
        ("Italic is skewed: written to the log.", ui.slant(Slant::Italic), auto),
        (
            "Keeping devices in step",
            TextStyle::ui(22.0).weight(Weight::SemiBold).tracking(-0.5),
            auto,
        ),
        ("pub fn apply(&mut self) -> Change { 0 != 1 }", mono, auto),
        ("bold, and", mono.weight(Weight::SemiBold), auto),
        ("italic: let é = \"naïve\"; // ├─┤ → …", mono.slant(Slant::Italic), auto),
        ("// السطر العربي يُشكَّل ويُرتَّب كما يُكتب", mono, ParagraphDirection::Ltr),
        ("fn greeting() -> &str { \"مرحبا بالعالم\" }", mono, auto),
        ("كل تعديل عملية: تُطبَّق هنا فورًا (rope 2.1)", ui.ligatures(Ligatures::Off), auto),
        ("لا إله 12:34 و abc ثم", ui.weight(Weight::SemiBold), auto),
        ("no CJK 世界 and no emoji 🦀👩‍💻 here", mono, auto),
        ("│ 世界 │ aligned", mono, auto),
        ("│ abcd │ aligned", mono, auto),
    ]
}

pub fn scene(paper: Color, ink: Color) -> Scene {
    let mut shaper = Shaper::new(Fonts::bundled());
    let mut scene = Scene::new(paper);
    let mut top = 6.0;
    for (text, style, direction) in lines() {
        let height = if style.size > 14.0 { 32.0 } else { 22.0 };
        let line = shaper.shape(text, style, ShapeOptions { direction, cell_width: None });
        scene.text(&line, Point::new(10.0, top + line.baseline_in(height)), ink);
        top += height;
    }
    let line = shaper.shape(
        "let name = \"مرحبا\"; // many colours",
        TextStyle::mono(14.0),
        ShapeOptions::default(),
    );
    let text_colors = [(0..3, 0x8f_4e00), (11..23, 0x3b_6f46), (25..42, 0x6b_6477)];
    let spans: Arc<[ColorSpan]> =
        text_colors.map(|(bytes, color)| ColorSpan { bytes, color: Color::hex(color) }).into();
    scene.glyphs(&line, Point::new(10.0, top + line.baseline_in(22.0)), ink, &spans);
    scene
}

#[test]
fn words_look_as_they_did() {
    let light = scene(PAPER, INK);
    for (name, scale) in
        [("words-1", 1.0), ("words-1.25", 1.25), ("words-1.5", 1.5), ("words-2", 2.0)]
    {
        check(name, &light, (420, 370), scale);
    }
    check("words-dark", &scene(Color::hex(0x14_1414), Color::hex(0xed_eded)), (420, 370), 1.0);
}
