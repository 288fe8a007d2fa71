//! A judged asset made ready for the tables: text cleaned, documents written out, sort keys worked out.

use std::collections::BTreeMap;

use phiward_core::asset::AssetId;
use phiward_core::posture::overall;
use phiward_core::words::{Severity, Verdict};
use sha2::{Digest, Sha256};

use crate::codes::{
    LONGEST_ID, asset_order, clean, ephi_code, finding_order, search_text, short, sort_name, state_code, states_text,
};
use crate::model::JudgedAsset;

/// A judged asset with what tells whether it changed. The rest is worked out only if it did.
pub(crate) struct Ready {
    pub id: String,
    pub judged: JudgedAsset,
    pub facts: String,
    pub labels: String,
    pub status: String,
    /// Digest over everything a collector said but the time, and one over the relations alone.
    pub digest: String,
}

impl Ready {
    /// `None` when the id is too long to be kept.
    pub fn new(judged: JudgedAsset) -> Option<Self> {
        let asset = &judged.asset;
        let id = usable(&asset.id)?;
        let facts = asset.facts.to_string();
        let labels = serde_json::to_string(&asset.labels).unwrap_or_else(|_| "{}".to_owned());
        let status = serde_json::to_string(&asset.status).unwrap_or_else(|_| "{}".to_owned());
        let relations = serde_json::to_string(&asset.relations).unwrap_or_default();
        let digest = format!(
            "{}.{}",
            digest(&[
                &asset.kind,
                &asset.name,
                &asset.owner,
                asset.ephi.as_str(),
                &asset.collector,
                &labels,
                &status,
                &facts
            ]),
            digest(&[&relations]),
        );
        Some(Ready { id, judged, facts, labels, status, digest })
    }

    pub fn relations_differ(&self, old_digest: &str) -> bool {
        self.digest.split_once('.').map(|(_, r)| r) != old_digest.split_once('.').map(|(_, r)| r)
    }

    /// The columns of the asset's row.
    pub fn row(&self, n: i64, layout: i64, first_seen: i64) -> Row {
        let judged = &self.judged;
        let asset = &judged.asset;
        let count =
            |letter: u8| i64::try_from(judged.verdicts.bytes().filter(|l| *l == letter).count()).unwrap_or(i64::MAX);
        let worst =
            judged.findings.iter().filter(|f| f.verdict == Verdict::Fail).map(|f| f.severity.rank()).max().unwrap_or(0);
        let state = overall(&judged.states);
        let (failing, unknown) = (count(b'f'), count(b'u'));
        Row {
            n,
            id: self.id.clone(),
            kind: clean(&asset.kind).into_owned(),
            ephi: ephi_code(asset.ephi),
            state: state_code(state),
            states: states_text(&judged.states),
            worst,
            ord: asset_order(state, worst, asset.ephi, failing, unknown),
            collected_at: asset.collected_at.as_millisecond(),
            judged_at: judged.judged_at.as_millisecond(),
            first_seen,
            failing,
            unknown,
            passing: count(b'p'),
            not_applicable: count(b'n'),
            status: asset.status.word(),
            layout,
            owner: clean(&asset.owner).into_owned(),
            name: clean(&asset.name).into_owned(),
            sort_name: sort_name(&asset.name),
            verdicts: clean(&judged.verdicts).into_owned(),
            digest: self.digest.clone(),
            search: search_text(asset),
        }
    }

    /// The findings to keep, by check.
    pub fn findings(&self) -> BTreeMap<&str, Found> {
        let ephi = self.judged.asset.ephi;
        self.judged
            .findings
            .iter()
            .filter(|f| matches!(f.verdict, Verdict::Fail | Verdict::Unknown))
            .map(|f| {
                let found = Found {
                    ord: finding_order(f.verdict, f.severity, ephi),
                    severity: f.severity,
                    reason: short(&f.reason, 2000),
                    facts: f.facts.to_string(),
                };
                (f.check.as_str(), found)
            })
            .collect()
    }
}

/// An id as it is kept; `None` when it is longer than the databases can index.
pub(crate) fn usable(id: &AssetId) -> Option<String> {
    let id = clean(id.as_str()).into_owned();
    (id.len() <= LONGEST_ID).then_some(id)
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The row of an asset; see the migration for the meaning of its columns.
pub(crate) struct Row {
    pub n: i64,
    pub id: String,
    pub kind: String,
    pub ephi: i64,
    pub state: i64,
    pub states: String,
    pub worst: i64,
    pub ord: i64,
    pub collected_at: i64,
    pub judged_at: i64,
    pub first_seen: i64,
    pub failing: i64,
    pub unknown: i64,
    pub passing: i64,
    pub not_applicable: i64,
    pub status: &'static str,
    pub layout: i64,
    pub owner: String,
    pub name: String,
    pub sort_name: String,
    pub verdicts: String,
    pub digest: String,
    pub search: String,
}

/// A finding on its way in.
pub(crate) struct Found {
    pub ord: i64,
    pub severity: Severity,
    pub reason: String,
    pub facts: String,
}
