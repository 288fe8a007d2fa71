//! Controls: the Security Rule and the paper's rows, with their states.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi;

use super::reply;
use crate::Shared;
use crate::judged::{Judged, all, judged, tallies};
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(list, one))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/controls", get(list)).route("/api/v1/controls/{*id}", get(one))
}

fn public(judged: &Judged) -> v1::Control {
    let checks = judged.checks.iter().map(|check| check.id.clone()).collect();
    v1::Control::new(&judged.framework.framework, judged.control, judged.state, checks, judged.tally)
}

/// List all controls with their states
#[utoipa::path(get, path = "/api/v1/controls", tag = "controls",
    params(("framework" = Option<String>, Query, description = "`hipaa` or `paper`; all unless given")),
    responses((status = 200, description = "All controls", body = v1::Controls)),
)]
async fn list(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let framework = params.text("framework")?;
        let tallies = tallies(app.store.tallies().await?);
        let mut states: BTreeMap<&'static str, i64> = BTreeMap::new();
        let items = all(&app.content, &tallies)
            .iter()
            .filter(|judged| framework.is_none_or(|wanted| judged.framework.framework == wanted))
            .inspect(|judged| *states.entry(judged.state.as_str()).or_default() += 1)
            .map(public)
            .collect();
        Ok(v1::Controls { items, states })
    };
    reply(&params, result.await)
}

/// One control with its state and what serves it
#[utoipa::path(get, path = "/api/v1/controls/{id}", tag = "controls",
    params(("id" = String, Path, description = "Id of the control, percent-encoded", example = "164.312(a)(1)")),
    responses(
        (status = 200, description = "The control", body = v1::Control),
        (status = 404, description = "No control has this id", body = Problem, content_type = "application/problem+json"),
))]
async fn one(State(app): State<Shared>, Path(id): Path<String>, params: Params) -> Response {
    let result = async {
        let found = app.content.control(&id).ok_or_else(|| Problem::missing("No control has this id."))?;
        let tallies = tallies(app.store.tallies().await?);
        Ok(public(&judged(&app.content, found.0, found.1, &tallies)))
    };
    reply(&params, result.await)
}
