//! What slides to its new place: tabs when one comes, goes or is moved, notices when one leaves.
//!
//! Nobody has to say that something moves: a frame that finds tabs in another order than the frame
//! before, or a notice gone, begins the movement from where things were drawn.

use std::time::Duration;

use render::geometry::{Point, Rect};
use render::layout::{Element, Layout};
use render::motion::{Motion, Spring};
use render::theme::Colors;

use super::{Program, Window};
use crate::buffer::BufferId;
use crate::notice::Notice;
use crate::panes::PaneId;
use crate::ui::notices;
use crate::ui::target::Target;

/// What can slide.
#[derive(Clone, Debug, PartialEq)]
enum Who {
    Tab(PaneId, BufferId),
    Notice(String),
}

/// A notice that is no more, on its way out of sight.
struct Leaving {
    notice: Notice,
    at: Rect,
    /// How far it is gone, from 0 to 1.
    way: Spring,
}

/// Slides under way in one window, and what the frame before showed.
pub(super) struct Slides {
    /// How far everything is from where it was to where it belongs, from 0 to 1.
    way: Spring,
    from: Vec<(Who, Point)>,
    leaving: Vec<Leaving>,
    drawn: Vec<(Who, Rect)>,
    /// While a frame is built: how far things are from where they belong.
    shifts: Vec<(Target, Point)>,
}

impl Default for Slides {
    fn default() -> Self {
        Slides {
            way: Spring::at(1.0),
            from: Vec::new(),
            leaving: Vec::new(),
            drawn: Vec::new(),
            shifts: Vec::new(),
        }
    }
}

impl Slides {
    pub(super) fn are_under_way(&self) -> bool {
        !self.way.is_at_rest() || !self.leaving.is_empty()
    }

    pub(super) fn advance(&mut self, passed: Duration) {
        self.way.advance(passed);
        self.leaving.iter_mut().for_each(|one| one.way.advance(passed));
        self.leaving.retain(|one| !one.way.is_at_rest());
    }

    /// Everything goes from where it was drawn last to where it will belong.
    fn begin(&mut self, motion: Motion) {
        let at = |rect: &Rect| Point { x: rect.x, y: rect.y };
        self.from = self.drawn.iter().map(|(who, rect)| (who.clone(), at(rect))).collect();
        self.way = Spring::at(0.0);
        self.way.send(1.0, motion);
    }

    /// How far an element is drawn from where it belongs.
    pub(super) fn shift_of(&self, target: Target) -> Point {
        let found = self.shifts.iter().find(|(one, _)| *one == target);
        found.map_or(Point { x: 0.0, y: 0.0 }, |(_, shift)| *shift)
    }
}

impl Program {
    /// Finds what has changed since the frame before; it begins to move.
    pub(super) fn begin_slides(&mut self) {
        let gone = match self.window.id == self.focused_window() {
            true => self.notices.take_gone(),
            false => Vec::new(),
        };
        let motion = self.motion_here();
        let has_moved = self.tabs_differ();
        let slides = &mut self.window.movements.slides;
        if motion == Motion::Reduced {
            slides.leaving.clear();
            slides.way = Spring::at(1.0);
            return;
        }
        if has_moved || !gone.is_empty() {
            slides.begin(motion);
        }
        for notice in gone {
            let who = Who::Notice(notice.sentence.clone());
            // One that was never seen has no place to leave.
            let Some((_, at)) = slides.drawn.iter().find(|(one, _)| *one == who) else { continue };
            let (at, mut way) = (*at, Spring::at(0.0));
            way.send(1.0, motion);
            slides.leaving.push(Leaving { notice, at, way });
        }
    }

    /// Whether a pane that was drawn has other tabs now, or has them in another order.
    fn tabs_differ(&self) -> bool {
        let drawn = &self.window.movements.slides.drawn;
        self.window.panes.iter().any(|pane| {
            let before = drawn.iter().filter_map(|(who, _)| match who {
                Who::Tab(of, buffer) if *of == pane.id => Some(*buffer),
                _ => None,
            });
            let before: Vec<BufferId> = before.collect();
            let now = pane.items.iter().map(|view| view.buffer);
            !before.is_empty() && !before.into_iter().eq(now)
        })
    }

    /// How far everything in `layout`, where it lies as it belongs, is from there.
    pub(super) fn shift_slides(&mut self, layout: &Layout) {
        let share = self.window.movements.slides.way.value();
        let shifts = places(&self.window, self.shown_notices(), layout);
        let from = &self.window.movements.slides.from;
        let shift = |(who, target, rect): (Who, Target, Rect)| {
            let (_, from) = from.iter().find(|(one, _)| *one == who)?;
            let left = 1.0 - share;
            let shift = match who {
                Who::Tab(..) => Point { x: ((from.x - rect.x) * left).round(), y: 0.0 },
                Who::Notice(_) => Point { x: 0.0, y: ((from.y - rect.y) * left).round() },
            };
            Some((target, shift))
        };
        self.window.movements.slides.shifts = shifts.into_iter().filter_map(shift).collect();
    }

    /// Notes where everything is drawn.
    pub(super) fn note_slides(&mut self, layout: &Layout) {
        let drawn = places(&self.window, self.shown_notices(), layout);
        let slides = &mut self.window.movements.slides;
        slides.drawn = drawn.into_iter().map(|(who, _, rect)| (who, rect)).collect();
        slides.shifts.clear();
    }

    /// Notices that are no more, on their way out of sight.
    pub(super) fn leaving_notices(&self, colors: &Colors) -> Vec<Element> {
        let leaving = self.window.movements.slides.leaving.iter();
        leaving.map(|one| notices::leaving(&one.notice, one.at, one.way.value(), colors)).collect()
    }
}

/// Where everything that can slide lies in `layout`.
fn places(window: &Window, notices: &[Notice], layout: &Layout) -> Vec<(Who, Target, Rect)> {
    let mut all = Vec::new();
    for pane in window.panes.iter() {
        for (index, view) in pane.items.iter().enumerate() {
            let target = Target::Tab(pane.id, index as u32);
            let rect = layout.rect(target.id());
            all.extend(rect.map(|rect| (Who::Tab(pane.id, view.buffer), target, rect)));
        }
    }
    for (index, notice) in notices.iter().enumerate() {
        let target = Target::Notice(index as u32);
        let rect = layout.rect(target.id());
        all.extend(rect.map(|rect| (Who::Notice(notice.sentence.clone()), target, rect)));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::command::stage::Stage;

    const FRAME: Duration = Duration::from_millis(16);

    /// Draws for so long, a frame each time one is wanted; answers how many were.
    fn draw(stage: &mut Stage, now: &mut Instant, time: Duration) -> usize {
        let (end, mut frames) = (*now + time, 0);
        while *now < end {
            stage.program.tick(*now);
            if stage.program.wants_frame() {
                stage.program.prepare(*now);
                stage.program.presented();
                frames += 1;
            }
            *now += FRAME;
        }
        frames
    }

    fn rect(stage: &Stage, target: Target) -> Rect {
        stage.program.window.frame.layout.as_ref().unwrap().rect(target.id()).unwrap()
    }

    fn tabs(stage: &Stage) -> Vec<f32> {
        let pane = stage.program.window.panes.focused();
        let tab = |index: usize| rect(stage, Target::Tab(pane.id, index as u32)).x;
        (0..pane.items.len()).map(tab).collect()
    }

    fn three() -> (Stage, Instant) {
        let mut stage = Stage::with_file("a.txt", "|one");
        for name in ["bb.txt", "ccc.txt"] {
            let path = stage.write(name, name);
            stage.run("file.open", json!({ "path": path })).unwrap();
        }
        let mut now = Instant::now();
        draw(&mut stage, &mut now, Duration::from_secs(2));
        (stage, now)
    }

    #[test]
    fn tabs_slide_to_where_another_was_and_then_ask_for_nothing() {
        let (mut stage, mut now) = three();
        let before = tabs(&stage);
        let pane = stage.program.window.panes.focused().id;
        stage.program.drop_tab(pane, 0);
        draw(&mut stage, &mut now, FRAME);
        let first = tabs(&stage);
        assert_eq!(first, before[1..], "they begin where they were");
        let frames = draw(&mut stage, &mut now, Duration::from_millis(64));
        assert!(frames >= 3 && tabs(&stage)[0] < first[0], "they move: {frames} frames");
        draw(&mut stage, &mut now, Duration::from_secs(2));
        assert_eq!(tabs(&stage)[0], before[0]);
        assert_eq!(
            draw(&mut stage, &mut now, Duration::from_secs(2)),
            0,
            "what rests is not drawn"
        );
        assert_eq!(stage.program.next_movement(), None);
        stage.program.move_tab(pane, 0, pane, Some(1));
        let before = tabs(&stage);
        draw(&mut stage, &mut now, FRAME);
        assert_eq!(tabs(&stage), [before[1], before[0]], "each from where it was");
        draw(&mut stage, &mut now, Duration::from_secs(2));
        assert_ne!(tabs(&stage), [before[1], before[0]]);
    }

    #[test]
    fn a_notice_slides_out_while_it_fades_and_those_above_come_down() {
        let (mut stage, mut now) = three();
        stage.program.warn("The first thing is so.");
        stage.program.warn("Another thing is so.");
        draw(&mut stage, &mut now, Duration::from_secs(2));
        let before = rect(&stage, Target::Notice(0));
        stage.program.notices.dismiss(1);
        stage.program.redraw();
        draw(&mut stage, &mut now, FRAME);
        assert_eq!(rect(&stage, Target::Notice(0)).y, before.y);
        let slides = &stage.program.window.movements.slides;
        assert_eq!(slides.leaving[0].notice.sentence, "Another thing is so.");
        draw(&mut stage, &mut now, Duration::from_secs(2));
        assert!(rect(&stage, Target::Notice(0)).y > before.y);
        assert!(stage.program.window.movements.slides.leaving.is_empty());
        assert_eq!(draw(&mut stage, &mut now, Duration::from_secs(1)), 0);
    }

    #[test]
    fn nothing_slides_where_less_motion_is_wanted() {
        let (mut stage, mut now) = three();
        let still = json!({ "key": "appearance.reduce_motion", "value": "on", "layer": "session" });
        stage.run("settings.set", still).unwrap();
        stage.program.warn("Something is so.");
        draw(&mut stage, &mut now, Duration::from_secs(1));
        let before = tabs(&stage);
        let pane = stage.program.window.panes.focused().id;
        stage.program.drop_tab(pane, 0);
        stage.program.notices.dismiss_all();
        draw(&mut stage, &mut now, FRAME);
        assert_eq!(tabs(&stage)[0], before[0], "it is there at once");
        assert!(!stage.program.window.movements.slides.are_under_way());
    }
}
