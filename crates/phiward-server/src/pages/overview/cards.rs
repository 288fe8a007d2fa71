//! The five categories of the posture.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;
use phiward_core::posture::Posture;
use phiward_core::words::Category;

use crate::Shared;
use crate::params::address;
use crate::problem::Problem;
use crate::view::spark::{Spark, spark};
use crate::view::words;

/// Seconds a drawn trend is kept: it moves by the hour, and reading thirty days takes longer than the rest of the page.
const KEPT: i64 = 60;

/// Trends drawn lately.
#[derive(Debug, Default)]
pub(crate) struct Sparks(Mutex<HashMap<Category, (Timestamp, Option<Spark>)>>);

impl Sparks {
    async fn get(&self, app: &Shared, category: Category, now: Timestamp) -> Result<Option<Spark>, Problem> {
        let fresh = |at: Timestamp| {
            (0..KEPT).contains(&(now.as_second() - at.as_second())) && now.as_second() / 3600 == at.as_second() / 3600
        };
        let lock = || self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((at, drawn)) = lock().get(&category)
            && fresh(*at)
        {
            return Ok(drawn.clone());
        }
        let since = Timestamp::from_second(now.as_second() - 30 * 86_400).unwrap_or(now);
        let drawn = spark(&app.store.trend(Some(category), since).await?, now);
        lock().insert(category, (now, drawn.clone()));
        Ok(drawn)
    }
}

/// One category: a share with its population, or how to connect it.
pub struct Card {
    pub title: &'static str,
    pub href: String,
    pub connected: bool,
    /// `82%`; empty when nothing is judged.
    pub share: String,
    /// `31 of 38 compliant`.
    pub of: String,
    /// `38 of 41 judged`: the rest was not seen lately, or an answer that counts is unknown.
    pub seen: String,
    /// `3 not seen lately`; empty when all were.
    pub stale: String,
    /// Per cent judged, for the bar.
    pub coverage: i64,
    pub spark: Option<Spark>,
    /// How to connect it.
    pub how: &'static str,
}

/// Cards for all categories.
pub async fn cards(app: &Shared, posture: &Posture, now: Timestamp) -> Result<Vec<Card>, Problem> {
    let mut cards = Vec::new();
    for category in Category::ALL {
        let Some(population) = posture.category(category) else {
            cards.push(unconnected(category));
            continue;
        };
        let figure = words::number;
        cards.push(Card {
            title: category.title(),
            href: address("/assets", [("category", category.as_str())]),
            connected: true,
            share: population.compliance().map(|share| format!("{share}%")).unwrap_or_default(),
            of: format!("{} of {} compliant", figure(population.compliant), figure(population.judged())),
            seen: format!("{} of {} judged", figure(population.covered()), figure(population.known)),
            stale: if population.stale > 0 {
                format!("{} not seen lately", figure(population.stale))
            } else {
                String::new()
            },
            coverage: population.coverage().unwrap_or(0),
            spark: app.sparks.get(app, category, now).await?,
            how: "",
        });
    }
    Ok(cards)
}

fn unconnected(category: Category) -> Card {
    let (how, href) = match category {
        Category::VirtualMachines => ("phiward has not read this host. The sources say why.", "/sources"),
        Category::ContainerClusters => ("Start Docker here, or point DOCKER_HOST at an engine.", "/sources"),
        Category::SystemPatching => ("No host’s package lists have been read yet.", "/sources"),
        Category::DataBackup => (
            "phiward cannot read backups yet. See what the rule asks of them.",
            "/controls/164.308%28a%29%287%29%28ii%29%28A%29",
        ),
        Category::DataCenter => {
            ("No provider’s assurance can be added yet. See what the rule asks.", "/controls#s164.310")
        }
    };
    Card {
        title: category.title(),
        href: href.to_owned(),
        connected: false,
        share: String::new(),
        of: String::new(),
        seen: String::new(),
        stale: String::new(),
        coverage: 0,
        spark: None,
        how,
    }
}
