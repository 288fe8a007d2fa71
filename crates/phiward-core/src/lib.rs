//! The words of phiward as types, and the judgment of facts against content.
//!
//! No I/O, no clock, no async: facts and time come in, verdicts go out. Bad content is an error when it is loaded;
//! a bad or missing fact is the verdict `unknown`, never a pass.

pub mod asset;
mod bounds;
pub mod check;
pub mod content;
pub mod control;
pub mod finding;
pub mod judge;
pub mod posture;
mod schema;
pub mod words;
