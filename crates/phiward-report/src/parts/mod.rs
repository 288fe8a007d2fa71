//! What several formats share.

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod hostile;
pub(crate) mod json;
pub(crate) mod summary;
pub(crate) mod terminal;
pub(crate) mod text;
