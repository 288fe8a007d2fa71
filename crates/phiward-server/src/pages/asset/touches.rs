//! What an asset touches, both ways: as a table, and as a small picture.

use std::collections::HashMap;

use phiward_core::asset::{AssetId, Relation};
use phiward_store::model::{AssetRow, StoredAsset};

use crate::Shared;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::map::{Node, Picture};
use crate::view::words;

/// Relations on the page.
const MOST: usize = 60;
/// Boxes on each side of the picture.
const SIDE: usize = 5;

/// One relation in words.
pub struct Touch {
    /// `keeps data in`, seen from this asset.
    pub verb: String,
    pub name: String,
    pub kind: String,
    /// Empty when the other asset is not known.
    pub href: String,
    pub detail: String,
    pub state: Option<Badge>,
    pub ephi: Option<Badge>,
    pub incoming: bool,
    class: &'static str,
    sub: String,
    shape: &'static str,
}

/// Verbs for a relation, from the one that has it and from the other.
fn verb(kind: &str, incoming: bool) -> &str {
    match (kind, incoming) {
        ("runs-on", false) => "runs on",
        ("runs-on", true) => "runs here",
        ("uses-image", false) => "is made from",
        ("uses-image", true) => "is made from this",
        ("mounts", false) => "keeps data in",
        ("mounts", true) => "keeps data here",
        ("joins", false) => "joins",
        ("joins", true) => "joins this",
        ("part-of", false) => "belongs to",
        ("part-of", true) => "belongs to this",
        (other, _) => other,
    }
}

/// Relations of an asset, what it touches first; and how many were left out.
pub async fn touches(app: &Shared, stored: &StoredAsset) -> Result<(Vec<Touch>, usize), Problem> {
    let outgoing = stored.asset.relations.iter().map(|relation| (relation, false));
    let incoming = stored.incoming.iter().map(|relation| (relation, true));
    let all: Vec<(&Relation, bool)> = outgoing.chain(incoming).collect();
    let shown = all.get(..all.len().min(MOST)).unwrap_or_default();
    let ids: Vec<AssetId> = shown.iter().map(|(relation, _)| relation.to.clone()).collect();
    let rows = app.store.asset_rows(&ids).await?;
    let by_id: HashMap<&str, &AssetRow> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let touches =
        shown.iter().map(|(relation, incoming)| touch(relation, *incoming, by_id.get(relation.to.as_str()).copied()));
    Ok((touches.collect(), all.len() - shown.len()))
}

fn touch(relation: &Relation, incoming: bool, row: Option<&AssetRow>) -> Touch {
    let mark = row.map(crate::view::map::mark).unwrap_or_default();
    let kind = row.map(|row| words::kind(&row.kind).to_owned()).unwrap_or_default();
    Touch {
        verb: verb(&relation.kind, incoming).to_owned(),
        name: row.map_or_else(|| words::cut(relation.to.as_str(), 80), |row| words::cut(&row.name, 100)),
        href: row.map(|row| words::asset_href(row.id.as_str())).unwrap_or_default(),
        detail: relation.detail.clone(),
        state: row.map(badge::asset),
        ephi: row.map(|row| badge::ephi(row.ephi)),
        incoming,
        class: mark.class,
        sub: if mark.words.is_empty() { kind.clone() } else { format!("{} · {kind}", mark.words) },
        shape: mark.shape,
        kind,
    }
}

/// The asset in the middle, what uses it on the left, what it touches on the right. `None` without relations.
pub fn picture(stored: &StoredAsset, touches: &[Touch]) -> Option<Picture> {
    const STEP: i64 = 58;
    const W: i64 = 190;
    const H: i64 = 46;
    const GAP: i64 = 60;
    let side = |incoming: bool| touches.iter().filter(move |touch| touch.incoming == incoming);
    let (left, right) = (side(true).count(), side(false).count());
    if left + right == 0 {
        return None;
    }
    let rows = left.min(SIDE + 1).max(right.min(SIDE + 1)).max(1);
    let height = i64::try_from(rows).unwrap_or(1) * STEP;
    let x_mid = if left > 0 { 4 + W + GAP } else { 4 };
    let mark = crate::view::map::mark(&stored.row);
    let y_mid = 30 + (height - STEP) / 2;
    let node = |touch: &Touch, x: i64, y: i64| Node {
        x,
        y,
        w: W,
        h: H,
        class: touch.class,
        title: words::cut(&touch.name, 27),
        full: format!("{} {}", touch.name, touch.verb),
        sub: words::cut(&touch.sub, 27),
        shape: touch.shape,
        href: touch.href.clone(),
    };
    let mut picture = Picture {
        width: x_mid + W + if right > 0 { W + GAP } else { 0 } + 4,
        height: height + 34,
        heads: vec![(x_mid, "This asset")],
        frames: Vec::new(),
        nodes: Vec::new(),
        edges: Vec::new(),
        label: format!("{} uses it, it touches {}. The table says the same in words.", left, right),
        id: "near",
        left_out: 0,
        drawn: 0,
    };
    picture.nodes.push(Node {
        x: x_mid,
        y: y_mid,
        w: W,
        h: H,
        class: mark.class,
        title: words::cut(&stored.row.name, 27),
        full: stored.row.name.clone(),
        sub: if mark.words.is_empty() { words::kind(&stored.row.kind).to_owned() } else { mark.words },
        shape: mark.shape,
        href: String::new(),
    });
    for (incoming, count, x) in [(true, left, 4), (false, right, x_mid + W + GAP)] {
        if count == 0 {
            continue;
        }
        picture.heads.push((x, if incoming { "Uses it" } else { "It touches" }));
        let own = i64::try_from(count.min(SIDE + 1)).unwrap_or(1) * STEP;
        let top = 30 + (height - own) / 2;
        for (index, touch) in side(incoming).take(SIDE).enumerate() {
            let y = top + i64::try_from(index).unwrap_or(0) * STEP;
            picture.nodes.push(node(touch, x, y));
            let (from, to, y1, y2) = if incoming { (x + W, x_mid, y, y_mid) } else { (x_mid + W, x, y_mid, y) };
            let (y1, y2, bend, end) = (y1 + H / 2, y2 + H / 2, (to - from) / 2, to - 3);
            picture.edges.push(format!("M{from} {y1}C{} {y1} {} {y2} {end} {y2}", from + bend, to - bend));
        }
        if count > SIDE {
            let y = top + i64::try_from(SIDE).unwrap_or(0) * STEP;
            let title = format!("and {} more", count - SIDE);
            picture.nodes.push(Node {
                x,
                y,
                w: W,
                h: H,
                class: "rest",
                full: title.clone(),
                title,
                sub: "in the table".to_owned(),
                shape: "",
                href: String::new(),
            });
        }
    }
    Some(picture)
}
