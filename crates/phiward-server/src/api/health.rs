//! For whoever watches the server: alive, ready, metrics.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use utoipa::OpenApi;

use crate::Shared;
use crate::metrics::{Scrape, text};
use crate::params::Params;
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(paths(alive, ready, metrics))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

fn plain(kind: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}

/// Whether the process answers
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
async fn alive() -> Response {
    plain("text/plain; charset=utf-8", "alive\n".to_owned())
}

/// Whether the database answers
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "It does", body = String, content_type = "text/plain"),
    (status = 503, description = "It does not", body = Problem, content_type = "application/problem+json"),
))]
async fn ready(State(app): State<Shared>, params: Params) -> Response {
    match app.store.ping().await {
        Ok(()) => plain("text/plain; charset=utf-8", "ready\n".to_owned()),
        Err(error) => Problem::from(error).at(&params.path).into_response(),
    }
}

/// Metrics in Prometheus' text form
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "Metrics", body = String, content_type = "text/plain"),
))]
async fn metrics(State(app): State<Shared>, params: Params) -> Response {
    let now = Timestamp::now();
    let read = async {
        Ok::<_, Problem>((app.store.posture(now).await?, app.store.counts().await?, app.store.sources().await?))
    };
    let (posture, counts, sources) = match read.await {
        Ok(read) => read,
        Err(problem) => return problem.at(&params.path).into_response(),
    };
    let scrape = Scrape {
        posture: &posture,
        counts: &counts,
        sources: &sources,
        content: app.content.digest(),
        version: app.version,
        started: app.started,
        now,
    };
    plain("text/plain; version=0.0.4; charset=utf-8", text(&app.metrics, &scrape))
}
