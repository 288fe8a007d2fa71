//! What changed.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi;

use super::{link, reply};
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(list))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/changes", get(list))
}

/// List changes after a given one, oldest first
#[utoipa::path(get, path = "/api/v1/changes", tag = "changes",
    params(
        ("after" = Option<i64>, Query, description = "Id of the last change you have; from the first unless given"),
        ("limit" = Option<u32>, Query, description = "1 to 500; 100 unless given"),
    ),
    responses(
        (status = 200, description = "Changes", body = v1::Changes),
        (status = 400, description = "A parameter makes no sense", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let after = params.number("after", 0, i64::MAX)?.unwrap_or(0);
        let limit = params.limit(100)?;
        let changes = app.store.changes_after(after, limit).await?;
        let full = changes.len() >= limit as usize;
        let next = changes.last().filter(|_| full).map(|last| last.id.to_string());
        Ok(v1::Changes { items: changes.into_iter().map(Into::into).collect(), next })
    };
    let result: Result<v1::Changes, Problem> = result.await;
    let next = result.as_ref().ok().and_then(|c| c.next.as_deref()).map(|next| params.with(&[("after", next)]));
    let mut response = reply(&params, result);
    link(&mut response, next);
    response
}
