//! From an asset and its verdicts to the form the store keeps.

use jiff::Timestamp;
use phiward_core::asset::Asset;
use phiward_core::judge::{Judge, deciding_facts};
use phiward_core::posture::states;
use phiward_core::words::Verdict;

use crate::codes::letter_of;
use crate::model::{JudgedAsset, NewFinding};

impl JudgedAsset {
    /// Judges `asset`. `at` is the time its judgment is worth, which for facts read earlier is when they were read.
    pub fn new(judge: &Judge, asset: Asset, at: Timestamp) -> Self {
        let outcomes = judge.judge(&asset);
        JudgedAsset {
            judged_at: at,
            states: states(&outcomes),
            verdicts: outcomes.iter().map(|o| letter_of(o.verdict)).collect(),
            checks: outcomes.iter().map(|o| o.check.id.clone()).collect(),
            findings: outcomes
                .into_iter()
                .filter(|o| matches!(o.verdict, Verdict::Fail | Verdict::Unknown))
                .map(|o| NewFinding {
                    check: o.check.id.clone(),
                    severity: o.check.severity,
                    verdict: o.verdict,
                    facts: deciding_facts(&o.check, &asset.facts),
                    reason: o.reason,
                })
                .collect(),
            asset,
        }
    }
}
