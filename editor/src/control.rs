//! The control socket: how scripts, tests and a second `hearth` ask something of the running one.
//!
//! Newline-delimited JSON-RPC over a socket that only the owner can open. Each connection is a
//! principal; what it may is the gate's to say, before the UI thread hears of a call. What belongs
//! to a person is refused to all but a terminal whose owner has proved the passphrase.

mod client;
mod principal;
mod proof;
mod server;

pub use client::{Client, Place};
pub use principal::Driving;
pub use proof::Verifier;
pub use server::{Control, Desk, Mailbox, Request};

#[cfg(test)]
mod tests;
