//! Checks: what is judged, and how it went.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi;

use super::reply;
use crate::Shared;
use crate::judged::tallies;
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(list, one))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/checks", get(list)).route("/api/v1/checks/{id}", get(one))
}

/// List all checks with their tallies
#[utoipa::path(get, path = "/api/v1/checks", tag = "checks", responses(
    (status = 200, description = "All checks", body = v1::Checks),
))]
async fn list(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let tallies = tallies(app.store.tallies().await?);
        let tally = |id: &str| tallies.get(id).copied().unwrap_or_default();
        let items = app.content.checks().iter().map(|check| v1::CheckSummary::new(check, tally(&check.id))).collect();
        Ok(v1::Checks { items })
    };
    reply(&params, result.await)
}

/// One check with its rationale, remedy and expression
#[utoipa::path(get, path = "/api/v1/checks/{id}", tag = "checks",
    params(("id" = String, Path, description = "Id of the check, or a former one")),
    responses(
        (status = 200, description = "The check", body = v1::Check),
        (status = 404, description = "No check has this id", body = Problem, content_type = "application/problem+json"),
))]
async fn one(State(app): State<Shared>, Path(id): Path<String>, params: Params) -> Response {
    let result = async {
        let check = app.content.check(&id).ok_or_else(|| Problem::missing("No check has this id."))?;
        let tallies = tallies(app.store.tallies().await?);
        Ok(v1::Check::new(check, tallies.get(&check.id).copied().unwrap_or_default()))
    };
    reply(&params, result.await)
}
