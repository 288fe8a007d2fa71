//! What was read of an engine, kept between readings so that a change of one object can be set against the others.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phiward_core::asset::{AssetId, Missing, Status};

use super::facts::{ContainerFacts, EngineFacts, ImageFacts, NetworkFacts, VolumeFacts};

/// One object as read: its facts, or why there are none.
#[derive(Clone, Debug)]
pub(super) struct Object<F> {
    pub name: String,
    pub facts: Result<F, String>,
    pub missing: Vec<Missing>,
    pub at: Timestamp,
}

impl<F> Object<F> {
    pub(super) fn read(name: String, facts: F, missing: Vec<Missing>, at: Timestamp) -> Self {
        Self { name, facts: Ok(facts), missing, at }
    }

    pub(super) fn failed(name: String, why: String, at: Timestamp) -> Self {
        Self { name, facts: Err(why), missing: Vec::new(), at }
    }

    pub(super) fn status(&self) -> Status {
        match &self.facts {
            Ok(_) => Status::from_missing(self.missing.clone()),
            Err(why) => Status::Failed { why: why.clone() },
        }
    }

    pub(super) fn ok(&self) -> Option<&F> {
        self.facts.as_ref().ok()
    }
}

/// Everything of one engine, by the engine's own ids (volumes by name).
#[derive(Clone, Debug)]
pub(super) struct Inventory {
    pub engine_id: String,
    pub host_id: Option<AssetId>,
    pub engine: Object<EngineFacts>,
    pub engine_labels: BTreeMap<String, String>,
    pub containers: BTreeMap<String, Object<ContainerFacts>>,
    pub images: BTreeMap<String, Object<ImageFacts>>,
    pub volumes: BTreeMap<String, Object<VolumeFacts>>,
    pub networks: BTreeMap<String, Object<NetworkFacts>>,
    /// Kinds that could not be listed, with the reason: `containers`, `images`, `volumes`, `networks`.
    pub unlisted: BTreeMap<&'static str, String>,
}

impl Inventory {
    /// The engine's own asset.
    pub(super) fn engine_asset(&self) -> AssetId {
        AssetId(format!("docker://{}", encode(&self.engine_id)))
    }

    /// The asset of one object: `kind` is `container`, `image`, `volume` or `network`.
    pub(super) fn asset(&self, kind: &str, id: &str) -> AssetId {
        AssetId(format!("docker://{}/{kind}/{}", encode(&self.engine_id), encode(id)))
    }

    /// What all ids below the engine begin with.
    pub(super) fn prefix(&self) -> String {
        format!("docker://{}/", encode(&self.engine_id))
    }

    /// Why what containers do to other objects is not fully known; `None` when all of them were read.
    pub(super) fn containers_unknown(&self) -> Option<String> {
        if let Some(why) = self.unlisted.get("containers") {
            return Some(format!("the containers could not be listed: {why}"));
        }
        let (_, first) = self.containers.iter().find(|(_, c)| c.facts.is_err())?;
        Some(format!("the container {} could not be read", first.name))
    }
}

/// Percent-encodes what is not plain in a URI. Colons stay: engine and image ids have them.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_encoded() {
        assert_eq!(encode("a b/c%é"), "a%20b%2Fc%25%C3%A9");
        assert_eq!(encode("sha256:ab-_.~"), "sha256:ab-_.~");
    }
}
