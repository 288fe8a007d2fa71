//! Findings: failing and undecided checks.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use utoipa::{IntoParams, OpenApi};

use super::reply_page;
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(list))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/findings", get(list))
}

/// Parameters of the findings list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by name through Params; this is their documentation")]
struct ListParams {
    /// Words that the asset's name or the check contain.
    search: Option<String>,
    /// Id of a check.
    check: Option<String>,
    /// Id of an asset.
    asset: Option<String>,
    kind: Option<String>,
    ephi: Option<v1::Ephi>,
    /// `fail` or `unknown`; both unless given.
    verdict: Option<String>,
    /// At least this severity.
    severity: Option<v1::Severity>,
    owner: Option<String>,
    /// From `next` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 unless given.
    limit: Option<u32>,
}

/// List findings: worst first, then ePHI, then oldest
#[utoipa::path(get, path = "/api/v1/findings", tag = "findings", params(ListParams), responses(
    (status = 200, description = "A page of findings", body = v1::Page<v1::Finding>),
    (status = 400, description = "A parameter makes no sense", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let page = app.store.findings(&params.findings(50)?).await?;
        let items = page.items.into_iter().map(Into::into).collect();
        Ok(v1::Page::<v1::Finding> { items, total: page.total, next: page.next })
    };
    reply_page(&params, result.await)
}
