//! The JSON-RPC 2.0 peer: one codec and one peer for the control socket, language servers and
//! whatever else speaks it over bytes.
//!
//! Invariants:
//! - bytes from the other side are parsed within [`Limits`]; what is malformed is answered with the
//!   error that JSON-RPC has for it, and never panics;
//! - every call ends: with an answer, late, or with the connection;
//! - nothing here blocks the caller but [`Peer::call`], which says so;
//! - a local socket is open to its owner alone, and each side checks who the other is.
//!
//! It must never know what a method means: no document, no language server, no QUIC.
//!
//! Start reading at [`Peer`]; [`codec`] is the bytes, [`message`] the JSON, [`local`] the sockets.

pub mod codec;
pub mod local;
pub mod message;
mod peer;
mod wire;

pub use codec::{Framing, Limits};
pub use message::{ErrorCode, RpcError};
pub use peer::{CallError, CallId, Canceller, Handler, Peer, Request};
pub use wire::Wire;
