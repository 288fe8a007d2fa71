//! Collectors: each gives facts about assets and its own status. A collector never knows a check.

pub mod docker;
pub mod files;
pub mod host;
#[cfg(test)]
#[path = "../../phiward-core/tests/mutate/mod.rs"]
mod mutate;
pub mod source;
pub mod storage;

use phiward_core::asset::KindSchema;

/// Every kind of facts that collectors give, with its JSON Schema.
pub fn kinds() -> Vec<KindSchema> {
    fn kind<T: schemars::JsonSchema>(kind: &'static str, title: &'static str) -> KindSchema {
        KindSchema { kind, title, schema: schemars::schema_for!(T).to_value() }
    }
    vec![
        kind::<host::facts::HostFacts>("host", "Host"),
        kind::<docker::facts::EngineFacts>("docker.engine", "Docker engine"),
        kind::<docker::facts::ContainerFacts>("docker.container", "Container"),
        kind::<docker::facts::ImageFacts>("docker.image", "Image"),
        kind::<docker::facts::VolumeFacts>("docker.volume", "Volume"),
        kind::<docker::facts::NetworkFacts>("docker.network", "Network"),
    ]
}
