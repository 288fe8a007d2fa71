//! Results over all assets, kept for a moment: every page shows some of them, and few requests come between two writes.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::StoreError;

/// Counts the writes of this process.
#[derive(Default)]
pub(crate) struct Writes(AtomicU64);

impl Writes {
    /// A write was committed. Called after the commit, so that what is read before counts as older.
    pub(crate) fn committed(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// One kept result.
pub(crate) struct Cached<T> {
    kept: Mutex<Option<(u64, Instant, T)>>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached { kept: Mutex::new(None) }
    }
}

impl<T: Clone> Cached<T> {
    /// The kept result when nothing was written since and it is younger than `age`, else a new one.
    pub(crate) async fn get<F>(&self, writes: &Writes, age: Duration, read: F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        // A lock left by a panic holds a whole value all the same.
        let lock = || self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = writes.now();
        if let Some((written, at, value)) = &*lock()
            && *written == before
            && at.elapsed() < age
        {
            return Ok(value.clone());
        }
        let value = read.await?;
        *lock() = Some((before, Instant::now(), value.clone()));
        Ok(value)
    }
}
