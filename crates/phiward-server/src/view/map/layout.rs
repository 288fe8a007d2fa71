//! Where the boxes of the picture go: columns from left to right as data flows, rows from worst to best.

use super::model::{Container, Item, Parts};
use super::{Frame, Node, Picture, Size};
use crate::view::words;

const BOX_H: i64 = 46;
const GAP: i64 = 12;
const TOP: i64 = 30;
const PAD: i64 = 12;
const LEFT: i64 = 4;

/// Places everything.
pub fn lay_out(parts: &Parts, size: Size) -> Picture {
    let mut picture = Picture {
        width: 0,
        height: 0,
        heads: Vec::new(),
        frames: Vec::new(),
        nodes: Vec::new(),
        edges: Vec::new(),
        label: label(parts),
        id: size.id,
        left_out: parts.left_out,
        drawn: parts.drawn,
    };
    let published = parts.containers.iter().any(|container| container.ports.is_some());
    let containers_x = LEFT + if published { size.width + size.gap } else { PAD };
    let stores_x = containers_x + size.width + size.gap;
    let storage_x = stores_x + size.width + size.gap;
    if published {
        picture.heads.push((LEFT, "Reached through"));
    }
    picture.heads.push((containers_x, "Containers by network"));

    let mut bottom = TOP;
    let places = place_containers(parts, size, containers_x, &mut picture, &mut bottom);
    for (container, y) in parts.containers.iter().zip(&places) {
        if let Some(ports) = &container.ports {
            picture.nodes.push(node(ports, size, LEFT, *y));
            picture.edges.push(arrow(LEFT + size.width, y + BOX_H / 2, containers_x, y + BOX_H / 2));
        }
    }

    let mut right = containers_x + size.width + PAD;
    let store_places = column(&wishes(parts.stores.len(), links_of(&parts.containers), &places));
    if !parts.stores.is_empty() {
        picture.heads.push((stores_x, "Keeps data in"));
        right = stores_x + size.width;
    }
    for (store, y) in parts.stores.iter().zip(&store_places) {
        picture.nodes.push(node(store, size, stores_x, *y));
        bottom = bottom.max(y + BOX_H);
    }
    for (container, y) in parts.containers.iter().zip(&places) {
        for store in &container.stores {
            if let Some(to) = store_places.get(*store) {
                picture.edges.push(arrow(containers_x + size.width, y + BOX_H / 2, stores_x, to + BOX_H / 2));
            }
        }
    }
    if size.storage {
        let links = parts.under.iter().enumerate().filter_map(|(store, under)| under.map(|under| (store, under)));
        let under_places = column(&wishes(parts.storage.len(), links, &store_places));
        let column_x = if parts.stores.is_empty() { stores_x } else { storage_x };
        for (store, under) in parts.under.iter().enumerate() {
            if let (Some(from), Some(to)) = (store_places.get(store), under.and_then(|under| under_places.get(under))) {
                picture.edges.push(arrow(stores_x + size.width, from + BOX_H / 2, column_x, to + BOX_H / 2));
            }
        }
        let mut y = under_places.iter().max().map_or(TOP, |last| last + BOX_H + 2 * GAP);
        for (item, y) in parts.storage.iter().zip(&under_places) {
            picture.nodes.push(node(item, size, column_x, *y));
        }
        for host in &parts.hosts {
            picture.nodes.push(node(host, size, column_x, y));
            y += BOX_H + GAP;
        }
        if !parts.storage.is_empty() || !parts.hosts.is_empty() {
            picture.heads.push((column_x, "Storage and hosts"));
            right = column_x + size.width;
            bottom = bottom.max(y - GAP).max(under_places.iter().max().map_or(0, |last| last + BOX_H));
        }
    }
    picture.width = right + LEFT;
    picture.height = bottom + PAD;
    picture
}

fn label(parts: &Parts) -> String {
    let n = |len: usize| i64::try_from(len).unwrap_or(i64::MAX);
    let failing = parts.containers.iter().filter(|c| matches!(c.item.mark.class, "bad" | "warn")).count();
    format!(
        "{} that hold or may hold ePHI, on {}, keeping data in {}; {} with a failing check. The table says the same in words.",
        words::count(n(parts.drawn), "container", "containers"),
        words::count(n(parts.groups.len()), "network", "networks"),
        words::count(n(parts.stores.len()), "place", "places"),
        words::number(n(failing)),
    )
}

/// Puts containers in the frames of their networks; gives the y of each container.
fn place_containers(parts: &Parts, size: Size, x: i64, picture: &mut Picture, bottom: &mut i64) -> Vec<i64> {
    let mut places = vec![0; parts.containers.len()];
    let mut order: Vec<usize> = (0..parts.groups.len()).collect();
    // The network with the worst container first.
    let worst = |group: usize| parts.containers.iter().filter(|c| c.group == group).map(|c| c.worst).max().unwrap_or(0);
    order.sort_by_key(|group| std::cmp::Reverse(worst(*group)));
    let mut y = TOP;
    for group in order {
        let Some(frame) = parts.groups.get(group) else { continue };
        if !parts.containers.iter().any(|container| container.group == group) {
            continue;
        }
        let begin = y;
        y += 28;
        for (index, container) in parts.containers.iter().enumerate().filter(|(_, c)| c.group == group) {
            places[index] = y;
            picture.nodes.push(node(&container.item, size, x, y));
            y += BOX_H + GAP;
        }
        picture.frames.push(Frame {
            x: x - PAD,
            y: begin,
            w: size.width + 2 * PAD,
            h: y - begin,
            class: frame.mark.class,
            title: words::cut(&frame.title, 26),
            full: full("Network ", &frame.title, &frame.mark.words),
            href: frame.href.clone(),
        });
        *bottom = (*bottom).max(y);
        y += GAP;
    }
    places
}

fn full(class: &str, title: &str, state: &str) -> String {
    if state.is_empty() { format!("{class}{title}") } else { format!("{class}{title}: {state}") }
}

fn node(item: &Item, size: Size, x: i64, y: i64) -> Node {
    let marked = !item.mark.words.is_empty();
    let sub = if marked { format!("{} · {}", item.mark.words, item.sub) } else { item.sub.clone() };
    // Letters of the widest usual font; what is longer is cut at the box's edge.
    let letters = usize::try_from(size.width / 7).unwrap_or(20);
    Node {
        x,
        y,
        w: size.width,
        h: BOX_H,
        class: item.mark.class,
        title: words::cut(&item.title, letters),
        full: full("", &item.title, &sub),
        sub: words::cut(&sub, if marked { letters } else { letters + 3 }),
        shape: item.mark.shape,
        href: item.href.clone(),
    }
}

fn links_of(containers: &[Container]) -> impl Iterator<Item = (usize, usize)> + '_ {
    containers.iter().enumerate().flat_map(|(index, c)| c.stores.iter().map(move |store| (index, *store)))
}

/// Where each box would like to be: at the middle of what leads to it.
fn wishes(len: usize, links: impl Iterator<Item = (usize, usize)>, from: &[i64]) -> Vec<i64> {
    let mut sums = vec![(0_i64, 0_i64); len];
    for (source, target) in links {
        if let (Some(sum), Some(y)) = (sums.get_mut(target), from.get(source)) {
            *sum = (sum.0 + y, sum.1 + 1);
        }
    }
    sums.into_iter().map(|(sum, count)| if count > 0 { sum / count } else { TOP }).collect()
}

/// Stacks boxes in the order of their wishes without overlap; gives the y of each.
fn column(wishes: &[i64]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|index| wishes.get(*index).copied().unwrap_or(0));
    let mut places = vec![TOP; wishes.len()];
    let mut free = TOP;
    for index in order {
        let wish = wishes.get(index).copied().unwrap_or(TOP);
        if let Some(place) = places.get_mut(index) {
            *place = wish.max(free);
            free = *place + BOX_H + GAP;
        }
    }
    places
}

fn arrow(x1: i64, y1: i64, x2: i64, y2: i64) -> String {
    let end = x2 - 3;
    if y1 == y2 {
        return format!("M{x1} {y1}H{end}");
    }
    let bend = (x2 - x1) / 2;
    format!("M{x1} {y1}C{} {y1} {} {y2} {end} {y2}", x1 + bend, x2 - bend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_do_not_overlap() {
        let places = column(&[100, 100, 40, 500]);
        let mut sorted = places.clone();
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= BOX_H + GAP), "{sorted:?}");
        assert_eq!(places[3], 500);
        assert!(column(&[]).is_empty());
    }
}
