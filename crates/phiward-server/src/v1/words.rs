//! The small words of the API.

use phiward_core::asset::Ephi as CoreEphi;
use phiward_core::check::Automation as CoreAutomation;
use phiward_core::control::ControlState as CoreControlState;
use phiward_core::posture::State as CoreState;
use phiward_core::words::{Category as CoreCategory, Severity as CoreSeverity, Verdict as CoreVerdict};
use phiward_store::model::ChangeKind as CoreChangeKind;
use serde::Serialize;
use utoipa::ToSchema;

/// An enum of words with the way from core's; a word added there does not compile until it is added here.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident from $core:ident { $($word:ident),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($word),+ }

        impl From<$core> for $name {
            fn from(word: $core) -> Self {
                match word { $($core::$word => $name::$word),+ }
            }
        }
    };
}

words!(
    /// How bad a failing check is.
    Severity from CoreSeverity { Critical, High, Medium, Low, Info });
words!(
    /// A check's answer about one asset. `unknown` means that a needed fact is missing; it is never a pass.
    Verdict from CoreVerdict { Pass, Fail, Unknown, NotApplicable, Excepted });
words!(
    /// Whether an asset holds ePHI. `unknown` is treated as yes.
    Ephi from CoreEphi { Yes, No, Unknown });
words!(
    /// Where an asset stands. `undetermined`: a check that counts could not be decided.
    State from CoreState { Compliant, Failing, Undetermined });
words!(
    /// A part of the posture.
    Category from CoreCategory { VirtualMachines, ContainerClusters, SystemPatching, DataBackup, DataCenter });
words!(
    /// How much of it a program can decide.
    Automation from CoreAutomation { Full, Partial, Manual });
words!(
    /// What can be said about a control from the checks that cite it.
    ControlState from CoreControlState { Failing, Unknown, Supported, Met, NotJudged, NeedsPerson });
words!(
    /// What changed.
    ChangeKind from CoreChangeKind { Appeared, Gone, Opened, Closed, BecameUnknown, Source });
