//! From a reading to the database: judge, store in one transaction, tell the open pages.

use std::sync::Arc;

use jiff::Timestamp;
use phiward_collect::source::Collection;
use phiward_core::asset::{Asset, AssetId};
use phiward_core::content::Content;
use phiward_core::judge::Judge;
use phiward_store::model::{AssetQuery, Batch, Change, JudgedAsset};
use phiward_store::{Store, StoreError};
use tokio::sync::broadcast;

/// Judges readings and keeps them.
#[derive(Clone)]
pub struct Keeper {
    pub store: Store,
    pub content: Arc<Content>,
    pub changes: broadcast::Sender<Change>,
}

impl Keeper {
    /// Judges a reading, stores it whole or not at all, and sends what changed to whoever listens.
    pub async fn keep(&self, collection: Collection) -> Result<(), StoreError> {
        let whole_prefix = (collection.whole && !collection.prefix.is_empty()).then_some(collection.prefix);
        if collection.assets.is_empty() && collection.gone.is_empty() && whole_prefix.is_none() {
            return Ok(());
        }
        let now = Timestamp::now();
        let batch = Batch {
            assets: self.judge(collection.assets, move |_| now).await,
            gone: collection.gone,
            whole_prefix,
            content: self.content.digest().to_owned(),
        };
        self.apply(batch, now).await
    }

    async fn apply(&self, batch: Batch, now: Timestamp) -> Result<(), StoreError> {
        for change in self.store.apply(batch, now).await?.changes {
            // Nobody listening is fine.
            let _ = self.changes.send(change);
        }
        Ok(())
    }

    /// Judgment takes the processor for a while on a large engine, so it leaves the threads that answer requests alone.
    async fn judge(&self, assets: Vec<Asset>, at: impl Fn(&Asset) -> Timestamp + Send + 'static) -> Vec<JudgedAsset> {
        let content = Arc::clone(&self.content);
        let work = move || {
            let judge = Judge::new(&content);
            assets
                .into_iter()
                .map(|asset| {
                    let at = at(&asset);
                    JudgedAsset::new(&judge, asset, at)
                })
                .collect()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_default()
    }

    /// Judges every stored asset again when the content is another than the one that judged it. Its facts, and so
    /// the time its judgment is worth, stay what they were.
    pub async fn rejudge_if_content_changed(&self) -> Result<usize, StoreError> {
        const KEY: &str = "content";
        if self.store.meta(KEY).await?.as_deref() == Some(self.content.digest()) {
            return Ok(0);
        }
        let mut query = AssetQuery { limit: 500, sort: phiward_store::model::AssetSort::Name, ..AssetQuery::default() };
        let mut count = 0;
        loop {
            let now = Timestamp::now();
            let page = self.store.assets(&query, now).await?;
            let mut assets = Vec::with_capacity(page.items.len());
            for row in &page.items {
                assets.extend(self.asset(&row.id).await?);
            }
            count += assets.len();
            let batch = Batch {
                assets: self.judge(assets, |asset| asset.collected_at).await,
                content: self.content.digest().to_owned(),
                ..Batch::default()
            };
            self.apply(batch, now).await?;
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        self.store.set_meta(KEY, self.content.digest()).await?;
        Ok(count)
    }

    async fn asset(&self, id: &AssetId) -> Result<Option<Asset>, StoreError> {
        Ok(self.store.asset(id).await?.map(|stored| stored.asset))
    }
}
