//! The picture of where ePHI lives and flows: what is published, containers by network, volumes, storage and hosts.
//! The picture reports facts and what checks said; it judges nothing itself.

mod flows;
mod layout;
mod model;

use askama::Template;
use phiward_store::model::EphiMap;

use super::component;

pub use flows::{Flow, flows};
pub use model::mark;

/// A box of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub x: i64,
    pub y: i64,
    pub w: i64,
    pub h: i64,
    /// `bad`, `warn`, `unknown` or empty.
    pub class: &'static str,
    pub title: String,
    /// Whole title and state, read aloud and shown on hover.
    pub full: String,
    pub sub: String,
    /// Shape before the second line; empty for none.
    pub shape: &'static str,
    /// Where it leads; empty for nowhere.
    pub href: String,
}

/// A dashed frame around the containers of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub x: i64,
    pub y: i64,
    pub w: i64,
    pub h: i64,
    pub class: &'static str,
    pub title: String,
    pub full: String,
    pub href: String,
}

/// The picture, ready to draw.
#[derive(Clone, Debug, PartialEq, Template)]
#[template(path = "map/picture.html")]
pub struct Picture {
    pub width: i64,
    pub height: i64,
    /// Headings above the columns: where and what.
    pub heads: Vec<(i64, &'static str)>,
    pub frames: Vec<Frame>,
    pub nodes: Vec<Node>,
    /// Paths of the arrows.
    pub edges: Vec<String>,
    pub label: String,
    /// Makes the arrowhead's id different from that of another picture on the page.
    pub id: &'static str,
    /// Containers that are not drawn.
    pub left_out: usize,
    /// Containers that are.
    pub drawn: usize,
}
component!(Picture);

/// How much is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub containers: usize,
    /// Width of a box, and room between columns.
    pub width: i64,
    pub gap: i64,
    /// Storage and hosts, too.
    pub storage: bool,
    pub id: &'static str,
}

/// Draws the map; `None` when there is no container in it.
pub fn picture(map: &EphiMap, size: Size) -> Option<Picture> {
    let parts = model::parts(map, size.containers, size.storage);
    (!parts.containers.is_empty()).then(|| layout::lay_out(&parts, size))
}
