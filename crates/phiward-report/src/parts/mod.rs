//! What several formats share.

#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod summary;
pub(crate) mod terminal;
pub(crate) mod text;
