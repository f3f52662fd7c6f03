//! The control socket: how scripts, tests and a second `hearth` ask something of the running one.
//!
//! Newline-delimited JSON-RPC over a socket that only the owner can open. Each connection is a
//! principal; what it may is decided before the UI thread hears of a call. Approvals, trust and
//! unlocking are not commands of the registry, so no client reaches them.

mod client;
mod principal;
mod proof;
mod server;

pub use client::Client;
pub use principal::Driving;
pub use proof::Verifier;
pub use server::{Control, Mailbox, Request};

#[cfg(test)]
mod tests;
