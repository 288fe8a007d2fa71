//! What a collector hands over: assets, and how the collection went.

use phiward_core::asset::{Asset, AssetId, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one source (an engine, this host) was read. Shown in terminal, API and pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceReport {
    /// Name of the collector: `docker` or `host`.
    pub collector: String,
    /// What was read: `unix:///var/run/docker.sock`, a host's name.
    pub target: String,
    pub status: Status,
    /// What the collector needs to read everything: `read and write access to the engine's socket`, `root on the host`.
    pub needs: Vec<String>,
    /// When something is missing: what to do, ready to follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Wall time in milliseconds.
    pub took_ms: u64,
}

/// The result of one reading of a source.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Assets read. After a whole reading: all of them. After a partial one: those whose facts changed.
    pub assets: Vec<Asset>,
    /// Assets that are certainly gone (removed on purpose), not merely unseen.
    pub gone: Vec<AssetId>,
    /// Everything of this source was listed: assets of it that are stored and not in `assets` no longer exist.
    pub whole: bool,
    /// Prefix that all asset ids of this source share: `docker://ENGINE/`; empty when the source could not be reached.
    pub prefix: String,
    pub source: SourceReport,
}
