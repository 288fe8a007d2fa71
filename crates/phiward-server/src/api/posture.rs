//! The posture now.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use phiward_core::words::Category;
use utoipa::OpenApi;

use super::reply;
use crate::Shared;
use crate::params::Params;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(now))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/posture", get(now))
}

/// The posture, overall and by category
#[utoipa::path(get, path = "/api/v1/posture", tag = "posture", responses(
    (status = 200, description = "The posture", body = v1::Posture),
))]
async fn now(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        // Whole minutes keep the answer, and so its ETag, the same while nothing changes.
        let now = Timestamp::now();
        let at = Timestamp::from_second(now.as_second() / 60 * 60).unwrap_or(now);
        let posture = app.store.posture(now).await?;
        let categories = Category::ALL
            .into_iter()
            .map(|category| {
                let population = posture.category(category).map(|population| (*population).into());
                let connected = population.is_some();
                v1::CategoryPosture { category: category.into(), title: category.title(), connected, population }
            })
            .collect();
        let content = app.content.digest().to_owned();
        Ok(v1::Posture { at, overall: posture.overall.into(), categories, content })
    };
    reply(&params, result.await)
}
