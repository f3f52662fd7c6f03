//! Motion: springs for what moves in space, and nothing else.

use std::time::Duration;

/// Stiffness per mass, 1/s².
const STIFFNESS: f32 = 400.0;
/// Damping per mass, 1/s: below critical (2 x sqrt(400) = 40).
const DAMPING: f32 = 30.0;
/// The longest step that stays exact enough; longer ones are divided.
const STEP: f32 = 1.0 / 240.0;
/// A spring that was not looked at for longer than this has arrived.
const LONGEST: Duration = Duration::from_secs(1);

/// Whether the person's system asks for less motion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Motion {
    /// Springs move.
    #[default]
    Full,
    /// Springs are at their target at once.
    Reduced,
}

/// A value on its way to a target; it can be sent elsewhere at any time and keeps its speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spring {
    value: f32,
    velocity: f32,
    target: f32,
}

impl Spring {
    /// A spring at rest.
    pub const fn at(value: f32) -> Self {
        Self { value, velocity: 0.0, target: value }
    }

    /// Where it is.
    pub fn value(self) -> f32 {
        self.value
    }

    /// Where it goes.
    pub fn target(self) -> f32 {
        self.target
    }

    /// Sends it to a target; with reduced motion it is there at once.
    pub fn send(&mut self, target: f32, motion: Motion) {
        self.target = target;
        if motion == Motion::Reduced {
            *self = Self::at(target);
        }
    }

    /// Lets time pass. Semi-implicit Euler in steps of at most 1/240 s: the same time gives the
    /// same place, however it is cut.
    pub fn advance(&mut self, time: Duration) {
        if self.is_at_rest() || time >= LONGEST {
            *self = Self::at(self.target);
            return;
        }
        let steps = (time.as_secs_f32() / STEP).ceil().max(1.0);
        let step = time.as_secs_f32() / steps;
        for _ in 0..steps as u32 {
            let pull = (self.target - self.value) * STIFFNESS - self.velocity * DAMPING;
            self.velocity += pull * step;
            self.value += self.velocity * step;
        }
        if self.is_at_rest() {
            *self = Self::at(self.target);
        }
    }

    /// Whether no one could see it move any more: no frame is needed for it.
    pub fn is_at_rest(self) -> bool {
        (self.target - self.value).abs() < 0.01 && self.velocity.abs() < 0.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_micros(16_667);

    #[test]
    fn a_spring_is_mostly_there_after_180_ms_and_then_rests() {
        let mut spring = Spring::at(0.0);
        spring.send(1.0, Motion::Full);
        let mut frames = 0;
        while !spring.is_at_rest() {
            spring.advance(FRAME);
            frames += 1;
            if frames == 11 {
                assert!((spring.value() - 1.0).abs() < 0.1, "{}", spring.value());
            }
            assert!(frames < 60);
        }
        assert_eq!(spring, Spring::at(1.0));
    }

    #[test]
    fn a_spring_can_be_turned_on_its_way() {
        let mut spring = Spring::at(0.0);
        spring.send(100.0, Motion::Full);
        spring.advance(FRAME * 3);
        let there = spring.value();
        spring.send(0.0, Motion::Full);
        spring.advance(FRAME);
        assert!(spring.value() > there, "it keeps its speed at first");
        spring.advance(FRAME * 50);
        assert_eq!(spring.value(), 0.0);
    }

    #[test]
    fn reduced_motion_jumps() {
        let mut spring = Spring::at(0.0);
        spring.send(5.0, Motion::Reduced);
        assert!(spring.is_at_rest() && spring.value() == 5.0);
    }

    #[test]
    fn a_long_pause_ends_at_the_target() {
        let mut spring = Spring::at(0.0);
        spring.send(5.0, Motion::Full);
        spring.advance(Duration::from_secs(3600));
        assert_eq!(spring, Spring::at(5.0));
    }
}
