//! Docker engines: inventory, live facts, events.

pub mod facts;
