//! Parts that pages are made of: words, badges, times, remedies, facts as tables, charts and the map.

pub mod badge;
pub mod facts;
pub mod filter;
pub mod history;
pub mod map;
pub mod remedy;
pub mod spark;
pub mod time;
pub mod words;

/// Lets a template be put into another without being escaped again. It has escaped its own values.
macro_rules! component {
    ($($name:ty),+) => { $(impl askama::filters::HtmlSafe for $name {})+ };
}
pub(crate) use component;
