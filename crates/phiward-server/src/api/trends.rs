//! The posture by the hour.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use utoipa::OpenApi;

use super::reply;
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::v1;

#[derive(OpenApi)]
#[openapi(paths(trend))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/trends", get(trend))
}

/// The posture by the hour, with what moved it
#[utoipa::path(get, path = "/api/v1/trends", tag = "posture",
    params(
        ("category" = Option<v1::Category>, Query, description = "One category; overall unless given"),
        ("days" = Option<u32>, Query, description = "1 to 366; 30 unless given"),
    ),
    responses(
        (status = 200, description = "The trend", body = v1::Trend),
        (status = 400, description = "A parameter makes no sense", body = Problem, content_type = "application/problem+json"),
))]
async fn trend(State(app): State<Shared>, params: Params) -> Response {
    let result = async {
        let category = params.category()?;
        let days = params.number("days", 1, 366)?.unwrap_or(30);
        let now = Timestamp::now();
        let since = Timestamp::from_second(now.as_second() - days * 86_400).unwrap_or(now);
        let points = app.store.trend(category, since).await?;
        Ok(v1::Trend { category: category.map(Into::into), points: points.into_iter().map(Into::into).collect() })
    };
    reply(&params, result.await)
}
