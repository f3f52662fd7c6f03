//! Figures, by hand: `cargo test -p render --test pictures figures -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use render::color::Color;
use render::cpu::{Contents, CpuRenderer};
use render::geometry::{PhysicalSize, Point};
use render::glyph::{Bins, GlyphCache, Hinting, Rasterisation};
use render::icon::Icon;
use render::layout::{Element, lay_out};
use render::scene::Scene;
use render::shape::{Direction, Fonts, ShapeOptions, Shaper, TextStyle};
use render::theme::Appearance;

use crate::desk::{Desk, SIZE};

/// The median of some runs, each prepared by itself.
fn median<T>(mut prepare: impl FnMut(usize) -> T, mut run: impl FnMut(T)) -> Duration {
    let mut times: Vec<Duration> = (0..25)
        .map(|i| {
            let prepared = prepare(i);
            let start = Instant::now();
            run(prepared);
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn dense(row: usize, salt: usize) -> String {
    let body = "let value = self.history.record(&edit, version + 1).map(|x| x.len()); ";
    format!("{salt:05}{row:05} {}", body.repeat(2)).chars().take(120).collect()
}

fn shaping() {
    let options = ShapeOptions::default();
    let mut shaper = Shaper::new(Fonts::bundled());
    shaper.shape("warm", TextStyle::mono(14.0), options);
    shaper.shape("warm سلام", TextStyle::ui(14.0), options);
    let mut screen = |name: &str, style: TextStyle, line: &dyn Fn(usize, usize) -> String| {
        let time = median(
            |i| (0..50).map(|row| line(row, i)).collect::<Vec<_>>(),
            |lines| {
                for text in &lines {
                    shaper.shape(text, style, options);
                }
            },
        );
        eprintln!("reshape 120 x 50, {name}: {time:?}");
    };
    screen("mono ASCII", TextStyle::mono(14.0), &dense);
    screen("mono with Latin-1", TextStyle::mono(14.0), &|r, s| dense(r, s).replace("edit", "édit"));
    screen("mono, a third Arabic", TextStyle::mono(14.0), &|r, s| {
        format!("{} // {}", &dense(r, s)[..80], "السطر العربي ".repeat(3))
    });
    screen("interface ASCII", TextStyle::ui(14.0), &dense);
    screen("missing emoji", TextStyle::mono(14.0), &|r, s| dense(r, s).replace("edit", "🦀世"));
    for (name, unit) in [("ASCII", "let x = 1; "), ("Latin", "élan né; "), ("Arabic", "السطر ")]
    {
        let text = unit.repeat((100 << 10) / unit.len());
        let start = Instant::now();
        shaper.shape(&text, TextStyle::mono(14.0), options);
        eprintln!("one line of 100 KiB, {name}: {:?}", start.elapsed());
    }
}

fn dense_scene(shaper: &mut Shaper, edited: usize) -> Scene {
    let mut scene = Scene::new(Color::WHITE);
    for row in 0..36 {
        let salt = if row == 17 { edited } else { 0 };
        let line = shaper.shape(&dense(row, salt), TextStyle::mono(14.0), ShapeOptions::default());
        let origin = Point::new(8.0, 16.0 + 22.0 * row as f32);
        scene.text(&line, origin, Color::BLACK);
    }
    scene
}

fn rasterising() {
    let mut shaper = Shaper::new(Fonts::bundled());
    let letters: String = ('!'..='~').collect();
    let line = shaper.shape(&letters, TextStyle::mono(14.0), ShapeOptions::default());
    let face = &line.spans()[0].face;
    for hinting in [Hinting::On, Hinting::Off] {
        let settings = Rasterisation { hinting, ..Rasterisation::default() };
        for sizes in [1, 4] {
            let time = median(
                |_| GlyphCache::new(settings),
                |mut cache| {
                    for (size, glyph) in
                        (0..sizes).flat_map(|s| line.glyphs().iter().map(move |g| (s, g)))
                    {
                        cache.glyph(face, glyph.id, 12.0 + size as f32, 0);
                    }
                },
            );
            eprintln!("94 letters in {sizes} sizes, hinting {hinting:?}: {time:?}");
        }
    }
}

/// A tree of exactly 150 elements: 37 rows of four and the two around them.
fn layout() {
    let ui = TextStyle::ui(13.0);
    let row = |i: usize| {
        Element::row()
            .height(26.0)
            .gap(6.0)
            .child(Element::icon(Icon::File, 12.0, Color::BLACK))
            .child(Element::text(format!("row {i}"), ui, Color::BLACK))
            .child(Element::spacer())
    };
    let list = Element::column().children((0..37).map(row));
    let root = Element::column().child(list);
    let mut shaper = Shaper::new(Fonts::bundled());
    let mut build = || {
        let layout = lay_out(&root, SIZE, &mut shaper, Direction::Ltr);
        let mut scene = Scene::new(Color::WHITE);
        layout.paint(&mut scene);
    };
    build();
    eprintln!("layout and paint of 150 elements: {:?}", median(|_| (), |()| build()));
}

fn drawing() {
    let size = PhysicalSize::new(SIZE.width as u32, SIZE.height as u32);
    let mut target = vec![0; size.pixels()];
    let mut desk = Desk::new(Appearance::Light);
    let start = Instant::now();
    let scene = desk.scene();
    eprintln!("first scene, nothing cached: {:?}", start.elapsed());
    for hinting in [Hinting::On, Hinting::Off] {
        for bins in [Bins::One, Bins::Four] {
            let settings = Rasterisation { hinting, bins, ..Rasterisation::default() };
            let time = median(
                |_| CpuRenderer::new(settings),
                |mut renderer| {
                    renderer.draw(&scene, size, 1.0, Contents::Unknown, &mut target);
                },
            );
            eprintln!("first draw, hinting {hinting:?}, bins {bins:?}: {time:?}");
        }
    }
    let mut renderer = CpuRenderer::new(Rasterisation::default());
    eprintln!("layout: {:?}", median(|_| (), |()| drop(desk.layout())));
    eprintln!("scene, everything cached: {:?}", median(|_| (), |()| drop(desk.scene())));
    let mut full = |scene: &Scene| {
        median(|_| (), |()| drop(renderer.draw(scene, size, 1.0, Contents::Unknown, &mut target)))
    };
    eprintln!("full repaint: {:?}", full(&scene));
    let mut with_palette = scene.clone();
    desk.palette(&mut with_palette);
    eprintln!("full repaint with palette: {:?}", full(&with_palette));
    let mut shaper = Shaper::new(Fonts::bundled());
    let text = dense_scene(&mut shaper, 0);
    eprintln!("full repaint, 36 dense rows: {:?}", full(&text));
    let same =
        median(|_| (), |()| drop(renderer.draw(&text, size, 1.0, Contents::Frame(1), &mut target)));
    eprintln!("draw of the same scene: {same:?}");
    let edited = median(
        |i| i + 1,
        |i| {
            let scene = dense_scene(&mut shaper, i);
            renderer.draw(&scene, size, 1.0, Contents::Frame(1), &mut target);
        },
    );
    eprintln!("one dense line edited, shape + scene + draw: {edited:?}");
    let edited = median(
        |i| {
            desk.lines[17] = format!("        self.undo.push(edit.invert({i}), version);");
            desk.scene()
        },
        |scene| drop(renderer.draw(&scene, size, 1.0, Contents::Frame(1), &mut target)),
    );
    eprintln!("one line edited on the desk, draw alone: {edited:?}");
}

#[test]
#[ignore = "measures, and says nothing on a busy machine"]
fn figures() {
    shaping();
    rasterising();
    layout();
    drawing();
}
