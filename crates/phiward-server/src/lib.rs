//! The HTTP server: API, pages, live updates.
//!
//! It shows what the store holds and judges nothing itself. It answers on loopback only, refuses requests that a
//! foreign web page could have caused, and its pages work without script.

mod api;
mod bind;
mod etag;
mod guard;
mod judged;
mod live;
mod metrics;
mod pages;
mod params;
mod problem;
mod serve;
mod statics;
#[cfg(test)]
mod tests;
mod v1;
mod view;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use jiff::Timestamp;
use phiward_core::content::Content;
use phiward_store::Store;
use phiward_store::model::Change;
use tokio::sync::{broadcast, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

pub use bind::{BindError, check_bind, loopback_hosts};
pub use serve::serve;

/// Longest a request may take before it is answered with 503. An event stream is not bound by it once it began.
const REQUEST_TIME: Duration = Duration::from_secs(20);
/// Largest request body, in bytes. Nothing here takes a body yet.
const BODY_LIMIT: usize = 16 * 1024;

/// What the server shows and from where.
pub struct AppState {
    /// The open database.
    pub store: Store,
    /// Checks and controls in force.
    pub content: Arc<Content>,
    /// Changes as they are recorded; open pages listen to it.
    pub changes: broadcast::Sender<Change>,
    /// Version of phiward, shown in metrics and at the foot of pages.
    pub version: &'static str,
    /// When this process began.
    pub started: Timestamp,
    /// Name of the installation, the heading of the overview: `Hospital production`.
    pub title: String,
    /// Authorities (`localhost:8470`) that requests may name. A loopback name in any form passes with the port of any
    /// of them; when the list is empty, with every port. See [`loopback_hosts`].
    pub allowed_hosts: Vec<String>,
}

/// [`AppState`] with what the server itself keeps.
pub(crate) struct App {
    state: AppState,
    pub metrics: metrics::Metrics,
    pub sparks: pages::Sparks,
    /// Turns true when the server stops, so that event streams end.
    pub closing: watch::Receiver<bool>,
}

impl Deref for App {
    type Target = AppState;
    fn deref(&self) -> &AppState {
        &self.state
    }
}

/// The state handlers get.
pub(crate) type Shared = Arc<App>;

/// The whole application: pages, API, files, with every guard in front.
pub fn router(state: AppState) -> Router {
    // Nobody closes this one: the streams end with their connections.
    let (_, closing) = watch::channel(false);
    build(state, closing)
}

/// As [`router`], with a signal that ends event streams.
pub(crate) fn build(state: AppState, closing: watch::Receiver<bool>) -> Router {
    let app: Shared =
        Arc::new(App { state, metrics: metrics::Metrics::default(), sparks: pages::Sparks::default(), closing });
    Router::new()
        .merge(pages::routes())
        .merge(api::routes())
        .merge(statics::routes())
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        // From the innermost outward.
        .layer(from_fn(etag::answer))
        .layer(CompressionLayer::new().gzip(true))
        .layer(from_fn(etag::mark_encoding))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(Arc::clone(&app), guard::origin))
        .layer(from_fn(guard::headers))
        .layer(from_fn_with_state(Arc::clone(&app), metrics::count))
        .with_state(app)
}
