//! Rules: unbroken, dashed, and waves.

use super::canvas::{Canvas, byte};
use super::quad::dash_coverage;
use crate::device;
use crate::scene::{Rule, RuleStyle};

pub(super) fn draw(rule: &Rule, scale: f32, canvas: &mut Canvas<'_>) {
    let rect = device::rule_rect(rule, scale);
    let thickness = device::stroke(rule.thickness, scale);
    match rule.style {
        RuleStyle::Solid => canvas.fill(rect, rule.color),
        RuleStyle::Dashed => {
            let period = device::DASH_PERIOD * thickness as f32;
            for x in rect.left.max(canvas.clip.left)..rect.right.min(canvas.clip.right) {
                let phase = ((x - rect.left) as f32 + 0.5).rem_euclid(period);
                let coverage = byte(dash_coverage(phase, period));
                for y in rect.top..rect.bottom {
                    canvas.cover(x, y, rule.color, coverage);
                }
            }
        }
        RuleStyle::Squiggle => {
            let stroke = thickness as f32;
            let amplitude = stroke * device::WAVE_AMPLITUDE;
            let turn = std::f32::consts::TAU / (stroke * device::WAVE_PERIOD);
            let middle = rect.top as f32 + amplitude + stroke / 2.0 + 0.5;
            for x in rect.left.max(canvas.clip.left)..rect.right.min(canvas.clip.right) {
                let angle = ((x - rect.left) as f32 + 0.5) * turn;
                let center = middle - amplitude * angle.sin();
                // The stroke is as thick across a slope as on a crest.
                let slope = amplitude * turn * angle.cos();
                let half = stroke / 2.0 * (1.0 + slope * slope).sqrt();
                for y in rect.top..rect.bottom {
                    let (top, bottom) = (y as f32, y as f32 + 1.0);
                    let covered = (center + half).min(bottom) - (center - half).max(top);
                    canvas.cover(x, y, rule.color, byte(covered));
                }
            }
        }
    }
}
