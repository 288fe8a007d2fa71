//! The stream behind open pages. It first catches up from the store, then follows the broadcast; a reader that falls
//! too far behind is told to read everything anew.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use jiff::Timestamp;
use phiward_store::model::Change;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::{Shared, v1};

/// Most changes replayed to a reader that comes back; beyond that it is quicker to read anew.
const REPLAY: u32 = 500;
/// Silence after which a comment is sent, so that a dead connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Id of the newest change; 0 when there is none.
pub async fn newest(app: &Shared) -> i64 {
    match app.store.recent_changes(Timestamp::UNIX_EPOCH, None, 1).await {
        Ok(changes) => changes.first().map_or(0, |change| change.id),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the newest change could not be read");
            0
        }
    }
}

/// Answers with changes after `after`, or from now on.
pub async fn stream(app: Shared, after: Option<i64>) -> Response {
    // Listening begins before the store is read, so that nothing falls between.
    let receiver = app.changes.subscribe();
    let mut waiting = VecDeque::new();
    let last = match after {
        Some(after) => match app.store.changes_after(after, REPLAY + 1).await {
            // An id beyond the newest comes from another database: the page shows what is no more.
            Ok(missed) if missed.is_empty() && newest(&app).await < after => {
                let newest = newest(&app).await;
                waiting.push_back(resync(newest, "the database is another one"));
                newest
            }
            Ok(missed) if missed.len() <= REPLAY as usize => {
                let last = missed.last().map_or(after, |change| change.id);
                waiting.extend(missed.into_iter().map(change_event));
                last
            }
            Ok(_) => {
                let newest = newest(&app).await;
                waiting.push_back(resync(newest, "too many changes while you were away"));
                newest
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "missed changes could not be read");
                waiting.push_back(resync(after, "missed changes could not be read"));
                after
            }
        },
        None => newest(&app).await,
    };
    // Names the place in the stream at once, so that even a reader that saw no change can resume.
    let place = after.unwrap_or(last);
    waiting.push_front(Event::default().id(place.to_string()).event("hello").data("{}"));
    let follower = Follower { waiting, receiver, last, closing: app.closing.clone() };
    let mut response = Sse::new(follower.run()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

struct Follower {
    waiting: VecDeque<Event>,
    receiver: broadcast::Receiver<Change>,
    /// Newest change sent.
    last: i64,
    closing: watch::Receiver<bool>,
}

impl Follower {
    fn run(self) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.waiting.pop_front() {
            return Some(event);
        }
        loop {
            let received = tokio::select! {
                received = self.receiver.recv() => received,
                // An error means that nobody can ever close it: then the connection alone ends the stream.
                Ok(_) = self.closing.wait_for(|closed| *closed) => return None,
            };
            match received {
                Ok(change) if change.id <= self.last => {}
                Ok(change) => {
                    self.last = change.id;
                    return Some(change_event(change));
                }
                Err(RecvError::Lagged(_)) => {
                    return Some(resync(self.last, "changes came faster than they could be sent"));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn change_event(change: Change) -> Event {
    let id = change.id.to_string();
    let data = serde_json::to_string(&v1::Change::from(change)).unwrap_or_else(|_| "{}".to_owned());
    Event::default().id(id).event("change").data(data)
}

fn resync(last: i64, why: &str) -> Event {
    let data = serde_json::json!({ "reason": why }).to_string();
    Event::default().id(last.to_string()).event("resync").data(data)
}
