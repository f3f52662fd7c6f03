//! The ground that every other room stands on: the disk, the keys, the sealed log, the five
//! primitives (row, object, ledger, gate, run), what redacts, and the descriptor of an action.
//!
//! Invariants:
//! - every byte that is read or written here goes through [`disk::Disk`], so that a test can cut
//!   the power, fill the disk, fail a sync, tear a write or flip a bit at any point (the one thing
//!   beside it is the objects' other tier, which is read back before it is relied on);
//! - nothing that a user hands over reaches the disk unsealed, and no key reaches an error or log;
//! - "written" (survives the end of the process) and "synced" (survives a power cut) are two
//!   different answers, and neither is given early;
//! - damaged bytes cost the record that they belong to, are named in a report, and never panic;
//! - a row is in the log before it is anywhere else, so that its index is disposable;
//! - what the ledger holds cannot be changed unnoticed, and no text of a person's reaches it;
//! - the gate is total, and what nothing permits is denied: it reads no disk and knows no clock;
//! - a step of a run is done when its outputs and then its row are durable, and what counts each
//!   time is never done twice unasked.
//!
//! It must never know what its users mean by a stream, a kind or a payload: no document, window,
//! model or peer is named here.
//!
//! Start reading at [`disk`], then [`keys`], then [`log`], which stands on both. [`row`] and
//! [`ledger`] are streams of the log; [`object`] keeps bytes; [`gate`] decides; [`run`] keeps its
//! account in rows. [`authority`] is the gate with a memory: the [`inbox`], the ledger and the kill
//! switch around it.

pub mod action;
pub mod authority;
pub mod disk;
pub mod gate;
pub mod inbox;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod object;
pub mod principal;
pub mod redaction;
pub mod row;
pub mod run;

pub use action::{Action, Argument, Effect, Need, Risk, Shape, Thread};
