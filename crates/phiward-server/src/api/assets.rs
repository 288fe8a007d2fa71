//! Assets: the list, and one whole.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use phiward_core::asset::AssetId;
use utoipa::{IntoParams, OpenApi};

use super::{reply, reply_page};
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(list, one, by_id))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/assets", get(list))
        // Takes ids with their slashes encoded and plain ones alike.
        .route("/api/v1/assets/{*id}", get(one))
        .route("/api/v1/asset", get(by_id))
}

/// Parameters of the asset list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by name through Params; this is their documentation")]
struct ListParams {
    /// Words that name, id, owner or labels contain, all of them, in any case.
    search: Option<String>,
    /// `host`, `docker.container`, …
    kind: Option<String>,
    ephi: Option<v1::Ephi>,
    owner: Option<String>,
    state: Option<v1::State>,
    /// Only assets with a failing check of at least this severity.
    severity: Option<v1::Severity>,
    category: Option<v1::Category>,
    /// `worst` (default), `name`, `kind` or `seen`.
    sort: Option<String>,
    /// `asc` (default) or `desc`.
    order: Option<String>,
    /// From `next` of the page before.
    cursor: Option<String>,
    /// 1 to 500; 50 unless given.
    limit: Option<u32>,
}

/// List assets, worst first
#[utoipa::path(get, path = "/api/v1/assets", tag = "assets", params(ListParams), responses(
    (status = 200, description = "A page of assets", body = v1::Page<v1::AssetSummary>),
    (status = 400, description = "A parameter makes no sense", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let page = app.store.assets(&params.assets(50)?, Timestamp::now()).await?;
        let items = page.items.into_iter().map(Into::into).collect();
        Ok(v1::Page::<v1::AssetSummary> { items, total: page.total, next: page.next })
    };
    reply_page(&params, result.await)
}

/// One asset with its facts, verdicts and relations
#[utoipa::path(get, path = "/api/v1/assets/{id}", tag = "assets",
    params(("id" = String, Path, description = "The asset's id, percent-encoded", example = "docker%3A%2F%2FENGINE%2Fcontainer%2F4f9c")),
    responses(
        (status = 200, description = "The asset", body = v1::Asset),
        (status = 404, description = "No asset has this id", body = Problem, content_type = "application/problem+json"),
))]
async fn one(State(app): State<Shared>, Path(id): Path<String>, params: Params) -> Response {
    reply(&params, find(&app, &id).await)
}

/// One asset, its id given as a parameter
#[utoipa::path(get, path = "/api/v1/asset", tag = "assets",
    params(("id" = String, Query, description = "The asset's id")),
    responses(
        (status = 200, description = "The asset", body = v1::Asset),
        (status = 404, description = "No asset has this id", body = Problem, content_type = "application/problem+json"),
))]
async fn by_id(State(app): State<Shared>, params: Params) -> Response {
    let result = match params.text("id") {
        Ok(Some(id)) => find(&app, id).await,
        Ok(None) => Err(Problem::bad("The parameter `id` is missing. Give the asset's id, percent-encoded.")),
        Err(problem) => Err(problem),
    };
    reply(&params, result)
}

async fn find(app: &Shared, id: &str) -> Result<v1::Asset, Problem> {
    let missing = || Problem::missing("No asset has this id. It may be gone; the list of assets has those known now.");
    // A database may refuse the zero byte; no id holds one.
    if id.contains('\0') {
        return Err(missing());
    }
    let stored = app.store.asset(&AssetId(id.to_owned())).await?;
    Ok(stored.ok_or_else(missing)?.into())
}
