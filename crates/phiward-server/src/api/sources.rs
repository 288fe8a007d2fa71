//! Where facts come from.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi;

use super::reply;
use crate::Shared;
use crate::params::Params;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(list))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/sources", get(list))
}

/// List sources, how they were read and what is missing
#[utoipa::path(get, path = "/api/v1/sources", tag = "sources", responses(
    (status = 200, description = "All sources", body = v1::Sources),
))]
async fn list(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let rows = app.store.sources().await?;
        Ok(v1::Sources { items: rows.into_iter().map(Into::into).collect() })
    };
    reply(&params, result.await)
}
