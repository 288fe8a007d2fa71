//! Controls with their state, worked out from the checks that serve them and how those went. Used by API and pages.

use std::collections::HashMap;
use std::sync::Arc;

use phiward_core::check::Check;
use phiward_core::content::Content;
use phiward_core::control::{Control, ControlState, Framework, Tally, control_state};
use phiward_store::model::CheckTally;

/// How each check went, by its id.
pub type Tallies = HashMap<String, Tally>;

/// A map from what the store gives.
pub fn tallies(rows: Vec<CheckTally>) -> Tallies {
    rows.into_iter().map(|row| (row.check, row.tally)).collect()
}

/// A control, its checks and its state.
pub struct Judged<'c> {
    pub framework: &'c Framework,
    pub control: &'c Control,
    /// Checks that serve it, manual ones too.
    pub checks: Vec<&'c Arc<Check>>,
    /// Of these, the ones a program decides.
    pub automatic: usize,
    /// Verdicts of the automatic ones together.
    pub tally: Tally,
    pub state: ControlState,
}

/// One control. A standard is served by what serves its specifications, too.
pub fn judged<'c>(
    content: &'c Content,
    framework: &'c Framework,
    control: &'c Control,
    tallies: &Tallies,
) -> Judged<'c> {
    let checks = content.checks_for_control(control, control.kind != "implementation-specification");
    let mut tally = Tally::default();
    let mut automatic = 0;
    for check in checks.iter().filter(|check| check.automatic()) {
        automatic += 1;
        if let Some(of_check) = tallies.get(&check.id) {
            tally.add(of_check);
        }
    }
    Judged { framework, control, state: control_state(control, automatic, &tally), checks, automatic, tally }
}

/// Every control of every framework, in the content's order.
pub fn all<'c>(content: &'c Content, tallies: &Tallies) -> Vec<Judged<'c>> {
    let controls =
        content.frameworks().iter().flat_map(|framework| framework.controls.iter().map(move |c| (framework, c)));
    controls.map(|(framework, control)| judged(content, framework, control, tallies)).collect()
}
