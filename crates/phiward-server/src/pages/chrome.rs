//! What stands around every page: navigation, heading, live indicator.

use jiff::Timestamp;
use phiward_store::model::{Change, Counts};

use crate::Shared;
use crate::problem::Problem;
use crate::statics::{CSS_PATH, ICON_PATH, JS_PATH};
use crate::view::time::When;
use crate::view::words;

/// A link of the navigation.
pub(crate) struct Link {
    pub href: &'static str,
    pub text: &'static str,
    /// How many; empty for none.
    pub count: String,
    pub current: bool,
}

/// What every page needs besides its own.
pub(crate) struct Chrome {
    /// Name of the installation.
    pub site: String,
    /// Of the page, for the window.
    pub title: String,
    pub work: Vec<Link>,
    pub assurance: Vec<Link>,
    pub css: &'static str,
    pub js: &'static str,
    pub icon: &'static str,
    pub version: &'static str,
    /// Id of the newest change in the page.
    pub after: i64,
    /// When something last changed.
    pub last: Option<When>,
    pub counts: Counts,
    pub now: Timestamp,
}

impl Chrome {
    /// Reads what the frame shows. `current` is the address of the navigation's entry.
    pub async fn load(app: &Shared, current: &str, title: &str) -> Result<Chrome, Problem> {
        // Read first: a change that comes while the page is made is then sent to it once more, not lost.
        let newest = app.store.recent_changes(Timestamp::UNIX_EPOCH, None, 1).await?;
        let counts = app.store.counts().await?;
        Ok(Chrome::put_together(app, current, title, newest.first(), Some(counts)))
    }

    /// The frame alone, for pages that must work when the store does not.
    pub fn bare(app: &Shared, title: &str) -> Chrome {
        Chrome::put_together(app, "", title, None, None)
    }

    fn put_together(
        app: &Shared,
        current: &str,
        title: &str,
        newest: Option<&Change>,
        counts: Option<Counts>,
    ) -> Chrome {
        let now = Timestamp::now();
        let failing = counts.as_ref().map(|c| c.failing.values().sum::<i64>());
        let assets = counts.as_ref().map(|c| c.kinds.values().map(|k| k.all).sum::<i64>());
        let figure = |n: Option<i64>| n.map(words::number).unwrap_or_default();
        let link = |href, text, count| Link { href, text, count, current: href == current };
        Chrome {
            site: app.title.clone(),
            title: title.to_owned(),
            work: vec![
                link("/", "Overview", String::new()),
                link("/findings", "Findings", figure(failing)),
                link("/assets", "Assets", figure(assets)),
                link("/map", "ePHI map", String::new()),
            ],
            assurance: vec![
                link("/controls", "Controls", String::new()),
                link("/checks", "Checks", words::number(i64::try_from(app.content.checks().len()).unwrap_or(i64::MAX))),
                link("/sources", "Sources", String::new()),
                link("/help", "Words", String::new()),
            ],
            css: CSS_PATH.as_str(),
            js: JS_PATH.as_str(),
            icon: ICON_PATH.as_str(),
            version: app.version,
            after: newest.map_or(0, |change| change.id),
            last: newest.map(|change| When::ago(change.at, now)),
            counts: counts.unwrap_or_default(),
            now,
        }
    }

    /// Assets known in all.
    pub fn assets(&self) -> i64 {
        self.counts.kinds.values().map(|kind| kind.all).sum()
    }

    /// Failing findings in all.
    pub fn failing(&self) -> i64 {
        self.counts.failing.values().sum()
    }
}
