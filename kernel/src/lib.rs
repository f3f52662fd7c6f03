//! The ground that every other room stands on: the disk, the keys and the sealed log, the ledger
//! over it, what redacts, the gate, and the descriptor of an action.
//!
//! Invariants:
//! - every byte that is read or written here goes through [`disk::Disk`], so that a test can cut
//!   the power, fill the disk, fail a sync, tear a write or flip a bit at any point;
//! - nothing that a user hands over reaches the disk unsealed, and no key reaches an error or log;
//! - "written" (survives the end of the process) and "synced" (survives a power cut) are two
//!   different answers, and neither is given early;
//! - damaged bytes cost the record that they belong to, are named in a report, and never panic;
//! - what the ledger holds cannot be changed unnoticed, and no text of a person's reaches it;
//! - the gate is total, and what nothing permits is denied: it reads no disk and knows no clock.
//!
//! It must never know what its users mean by a stream, a kind or a payload: no document, window,
//! model or peer is named here.
//!
//! Start reading at [`disk`], then [`keys`], then [`log`], which stands on both; [`ledger`] is a
//! stream of it.

pub mod action;
pub mod disk;
pub mod gate;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod principal;
pub mod redaction;

pub use action::{Action, Argument, Effect, Need, Risk, Shape, Thread};
