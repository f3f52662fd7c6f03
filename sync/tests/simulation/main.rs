//! Up to five devices that edit the same files while links break, frames are late or come twice,
//! processes are killed and machines lose their power. Afterwards, with the links up, every device
//! has the same texts, and nothing that was acknowledged is lost.
//!
//! A seed replays a run: `HEARTH_SYNC_SEED=7 cargo test -p sync --test simulation`. More of them:
//! `HEARTH_SYNC_SEEDS=20000 cargo test --release -p sync --test simulation -- --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::time::Instant;

use world::{Faults, World};

/// Seeds of a run that is not told otherwise.
const SEEDS: u64 = 60;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64) {
    let mut world = World::new(seed, Faults::All);
    world.live(400);
    world.heal();
    world.check();
}

#[test]
fn after_any_faults_all_devices_have_the_same_texts_and_nothing_acknowledged_is_lost() {
    if let Some(seed) = number("HEARTH_SYNC_SEED") {
        return run(seed);
    }
    let (seeds, start) = (number("HEARTH_SYNC_SEEDS").unwrap_or(SEEDS), Instant::now());
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = outcome {
            eprintln!("replay: HEARTH_SYNC_SEED={seed} cargo test -p sync --test simulation");
            std::panic::resume_unwind(panic);
        }
    }
    let hours = start.elapsed().as_secs_f64() / 3600.0;
    eprintln!("{seeds} seeds, {:.0} an hour", seeds as f64 / hours);
}

#[test]
fn a_copied_profile_that_writes_on_is_told_and_costs_no_batch_of_others() {
    for seed in 0..20 {
        let mut world = World::new(seed, Faults::None);
        world.live(60);
        world.copy_and_write_on();
        world.heal();
        assert!(world.was_told_of_a_fork(), "seed {seed}");
        world.check_all_but_the_copied();
    }
}

#[test]
fn what_a_removed_device_writes_afterwards_is_not_taken_from_anybody() {
    for seed in 0..20 {
        let mut world = World::new(seed, Faults::None);
        world.live(60);
        world.heal();
        world.remove_one_and_let_it_write();
        world.heal();
        world.check_without_the_removed();
    }
}

#[test]
fn bytes_that_are_no_frames_change_nothing() {
    for seed in 0..30 {
        let mut world = World::new(seed, Faults::None);
        world.live(40);
        world.heal();
        let before = world.texts();
        world.send_garbage(400);
        world.heal();
        assert_eq!(world.texts(), before, "seed {seed}");
        world.check();
    }
}
