//! The host phiward runs on.

pub mod facts;
