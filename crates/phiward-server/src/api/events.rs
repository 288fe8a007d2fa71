//! Changes as a stream (server-sent events).

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;

use crate::Shared;
use crate::live;
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(stream), components(schemas(v1::Change)))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/events", get(stream))
}

/// Changes as they happen
///
/// Server-sent events. `change` carries a Change and its id; `resync` says that changes were left out and everything
/// should be read anew. After a lost connection, `Last-Event-ID` resumes where it broke.
#[utoipa::path(get, path = "/api/v1/events", tag = "changes",
    params(
        ("after" = Option<i64>, Query, description = "Id of the last change you have; only new ones unless given"),
        ("Last-Event-ID" = Option<i64>, Header, description = "The same, as browsers send it; goes before `after`"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A parameter makes no sense", body = Problem, content_type = "application/problem+json"),
))]
async fn stream(State(app): State<Shared>, headers: HeaderMap, params: Params) -> Response {
    let given =
        headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.trim().parse::<i64>().ok());
    let after = match (given, params.number("after", 0, i64::MAX)) {
        (Some(id), _) => Some(id),
        (None, Ok(after)) => after,
        (None, Err(problem)) => return problem.at(&params.path).into_response(),
    };
    live::stream(app, after).await
}
