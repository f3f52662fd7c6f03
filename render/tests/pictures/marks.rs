//! Everything that is not text: quads, borders, shadows, rules, clips, images, icons.

use std::sync::Arc;

use render::color::Color;
use render::geometry::{Point, Rect};
use render::icon::ICONS;
use render::scene::{
    Border, Image, ImageData, Primitive, Quad, Radii, Rule, RuleStyle, Scene, Shadow,
};

use crate::goldens::check;

const INK: Color = Color::hex(0x2b_2733);
const EDGE: Color = Color::hex(0xc8_c3cd);
const ACCENT: Color = Color::hex(0xfb_c881);
const GROUND: Color = Color::hex(0xf4_edf3);

fn quads(scene: &mut Scene) {
    let boxes = [(0.0, 1.0), (7.0, 1.0), (10.0, 2.0), (40.0, 1.0)];
    for (i, (radius, width)) in boxes.into_iter().enumerate() {
        let x = 10.0 + 70.0 * i as f32;
        let quad = |y: f32, border| Quad {
            rect: Rect::new(x, y, 60.0, 36.0),
            radii: Radii::all(radius),
            fill: Color::WHITE,
            border: Some(border),
            shadow: None,
        };
        scene.quad(quad(10.0, Border::solid(width, EDGE)));
        scene.quad(quad(54.0, Border::dashed(width, INK)));
    }
    let mut mixed = Quad::fill(Rect::new(10.0, 98.0, 60.0, 36.0), ACCENT.with_alpha(128));
    mixed.radii = Radii { top_left: 12.0, top_right: 0.0, bottom_right: 18.0, bottom_left: 4.0 };
    mixed.border = Some(Border::solid(3.0, INK.with_alpha(128)));
    scene.quad(mixed);
    scene.quad(Quad {
        rect: Rect::new(100.0, 104.0, 80.0, 40.0),
        radii: Radii::all(12.0),
        fill: Color::WHITE,
        border: Some(Border::solid(1.0, EDGE)),
        shadow: Some(Shadow {
            offset: Point::new(0.0, 6.0),
            blur: 20.0,
            color: INK.with_alpha(70),
        }),
    });
    scene.quad(Quad {
        rect: Rect::new(222.0, 120.0, 12.0, 12.0),
        radii: Radii::all(6.0),
        fill: ACCENT,
        border: None,
        shadow: Some(Shadow { offset: Point::new(0.0, 2.0), blur: 12.0, color: INK }),
    });
}

fn lines_and_clips(scene: &mut Scene) {
    for (i, style) in
        [RuleStyle::Solid, RuleStyle::Dashed, RuleStyle::Squiggle].into_iter().enumerate()
    {
        for thickness in [1.0, 2.0] {
            let origin = Point::new(10.0 + 90.0 * (thickness - 1.0), 160.0 + 12.0 * i as f32);
            scene.rule(Rule { origin, length: 80.0, thickness, color: INK, style });
        }
    }
    scene.clipped(Rect::new(200.0, 156.0, 80.0, 40.0), 12.0, |scene| {
        scene.fill(Rect::new(190.0, 150.0, 50.0, 60.0), ACCENT);
        scene.clipped(Rect::new(220.0, 160.0, 90.0, 30.0), 8.0, |scene| {
            scene.fill(Rect::new(0.0, 0.0, 300.0, 300.0), INK);
        });
    });
    let pixels: Vec<u8> = (0..8 * 8_u32)
        .flat_map(|i| {
            [(i % 8 * 36) as u8, (i / 8 * 36) as u8, 120, if i % 9 == 0 { 0 } else { 255 }]
        })
        .collect();
    let data = Arc::new(ImageData::new(8, 8, pixels).unwrap());
    for (rect, radius) in
        [(Rect::new(10.0, 204.0, 8.0, 8.0), 0.0), (Rect::new(26.0, 204.0, 40.0, 40.0), 10.0)]
    {
        scene.push(Primitive::Image(Image { rect, data: Arc::clone(&data), radius }));
    }
    for (i, icon) in ICONS.into_iter().enumerate() {
        let (column, row) = (i % 10, i / 10);
        let rect = Rect::new(76.0 + 21.0 * column as f32, 204.0 + 21.0 * row as f32, 16.0, 16.0);
        scene.icon(icon, rect, INK);
    }
}

pub fn scene() -> Scene {
    let mut scene = Scene::new(GROUND);
    quads(&mut scene);
    lines_and_clips(&mut scene);
    scene
}

#[test]
fn marks_look_as_they_did() {
    let scene = scene();
    for (name, scale) in
        [("marks-1", 1.0), ("marks-1.25", 1.25), ("marks-1.5", 1.5), ("marks-2", 2.0)]
    {
        check(name, &scene, (300, 256), scale);
    }
}
