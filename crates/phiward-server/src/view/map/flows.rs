//! The map in words: one line a container.

use phiward_store::model::EphiMap;

use super::model::parts;

/// A container with what it touches.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    pub name: String,
    pub href: String,
    /// Absent for several together.
    pub ephi: Option<crate::view::badge::Badge>,
    pub reached: String,
    pub networks: String,
    pub stores: Vec<(String, String)>,
    pub state: String,
    pub class: &'static str,
    pub shape: &'static str,
}

/// The map as lines of a table, at most `most`.
pub fn flows(map: &EphiMap, most: usize) -> Vec<Flow> {
    let parts = parts(map, most, true);
    parts
        .containers
        .iter()
        .map(|container| Flow {
            name: container.item.title.clone(),
            href: container.item.href.clone(),
            ephi: (!container.folded).then(|| crate::view::badge::ephi(container.ephi)),
            reached: container.ports.as_ref().map_or("not published".to_owned(), |p| format!("{}, {}", p.title, p.sub)),
            networks: if container.folded {
                parts.groups.get(container.group).map(|group| group.title.clone()).unwrap_or_default()
            } else {
                container.networks.join(", ")
            },
            stores: container
                .stores
                .iter()
                .filter_map(|index| parts.stores.get(*index))
                .map(|store| (store.title.clone(), store.sub.clone()))
                .collect(),
            state: if container.item.mark.words.is_empty() {
                "nothing failing".to_owned()
            } else {
                container.item.mark.words.clone()
            },
            class: container.item.mark.class,
            shape: container.item.mark.shape,
        })
        .collect()
}
