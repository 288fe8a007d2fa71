//! Findings and the assessment they make up: what reports are written from.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::asset::{Asset, AssetId, Ephi, Status};
use crate::check::Check;
use crate::judge::{Judge, deciding_facts};
use crate::posture::{Posture, states};
use crate::words::Verdict;

/// The asset a finding is about.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetRef {
    pub id: AssetId,
    pub name: String,
    pub kind: String,
    pub owner: String,
    pub ephi: Ephi,
}

/// A check's verdict on an asset, with the facts that decided it.
#[derive(Clone, Debug)]
pub struct Finding {
    pub check: Arc<Check>,
    pub asset: Arc<AssetRef>,
    pub verdict: Verdict,
    /// Why it is unknown; empty otherwise.
    pub reason: String,
    /// Path to value, of the facts the check read. Empty for `not-applicable`.
    pub facts: Value,
    pub collector: String,
    pub collected_at: Timestamp,
    /// When it began, where a history is kept.
    pub since: Option<Timestamp>,
}

/// A source and how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceState {
    pub collector: String,
    pub target: String,
    pub status: Status,
    pub needs: Vec<String>,
    pub help: Option<String>,
}

/// One whole judgment of what was found.
#[derive(Clone, Debug)]
pub struct Assessment {
    pub at: Timestamp,
    /// Digest of the content that judged.
    pub content: String,
    pub sources: Vec<SourceState>,
    pub posture: Posture,
    /// Every verdict on every asset: worst first within failing, then unknown, then the rest.
    pub findings: Vec<Finding>,
    pub assets: usize,
}

impl Assessment {
    /// Judges `assets` with `judge`, keeping the checks that `wanted` lets through. Posture counts those alone.
    pub fn new(
        judge: &Judge,
        content_digest: &str,
        assets: &[Asset],
        sources: Vec<SourceState>,
        at: Timestamp,
        wanted: impl Fn(&Check) -> bool,
    ) -> Self {
        let mut posture = Posture::default();
        let mut findings = Vec::new();
        for asset in assets {
            let mut outcomes = judge.judge(asset);
            outcomes.retain(|o| wanted(&o.check));
            if outcomes.is_empty() {
                continue;
            }
            posture.add(&states(&outcomes), true);
            let about = Arc::new(AssetRef {
                id: asset.id.clone(),
                name: asset.name.clone(),
                kind: asset.kind.clone(),
                owner: asset.owner.clone(),
                ephi: asset.ephi,
            });
            findings.extend(outcomes.into_iter().map(|outcome| Finding {
                facts: match outcome.verdict {
                    Verdict::NotApplicable => Value::Object(serde_json::Map::new()),
                    _ => deciding_facts(&outcome.check, &asset.facts),
                },
                check: outcome.check,
                asset: Arc::clone(&about),
                verdict: outcome.verdict,
                reason: outcome.reason,
                collector: asset.collector.clone(),
                collected_at: asset.collected_at,
                since: None,
            }));
        }
        let order = |v: Verdict| Verdict::ALL.iter().position(|o| *o == v);
        findings.sort_by(|a, b| {
            order(a.verdict)
                .cmp(&order(b.verdict))
                .then(b.check.severity.cmp(&a.check.severity))
                .then(a.check.id.cmp(&b.check.id))
                .then(a.asset.name.cmp(&b.asset.name))
                .then(a.asset.id.cmp(&b.asset.id))
        });
        Assessment { at, content: content_digest.to_owned(), sources, posture, findings, assets: assets.len() }
    }
}
