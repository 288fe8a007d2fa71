//! The whole application in one process, on a real store, with a few assets made by hand.

mod api;
mod fixture;
mod guards;
mod hostile;
mod live;
mod pages;
