//! One workspace on many devices.
//!
//! It must never know windows, and no socket: it is told what came and answers what to send.
