//! The API, version 1: one file a group of endpoints. To add one: write `NAME.rs` with `routes` and `Doc`, and add
//! its line to [`GROUPS`].

pub(crate) mod assets;
mod changes;
mod checks;
mod controls;
mod events;
mod findings;
mod health;
mod openapi;
mod posture;
mod sources;
mod trends;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;

/// A group of endpoints.
pub(crate) struct Group {
    /// Name of its file.
    #[cfg_attr(not(test), allow(dead_code))]
    pub name: &'static str,
    pub routes: fn() -> Router<Shared>,
    /// Its part of the OpenAPI document.
    pub document: fn() -> Document,
}

/// All groups, in the order of the documentation.
pub(crate) const GROUPS: &[Group] = &[
    Group { name: "assets", routes: assets::routes, document: assets::Doc::openapi },
    Group { name: "findings", routes: findings::routes, document: findings::Doc::openapi },
    Group { name: "checks", routes: checks::routes, document: checks::Doc::openapi },
    Group { name: "controls", routes: controls::routes, document: controls::Doc::openapi },
    Group { name: "posture", routes: posture::routes, document: posture::Doc::openapi },
    Group { name: "trends", routes: trends::routes, document: trends::Doc::openapi },
    Group { name: "changes", routes: changes::routes, document: changes::Doc::openapi },
    Group { name: "events", routes: events::routes, document: events::Doc::openapi },
    Group { name: "sources", routes: sources::routes, document: sources::Doc::openapi },
    Group { name: "health", routes: health::routes, document: health::Doc::openapi },
    Group { name: "openapi", routes: openapi::routes, document: openapi::Doc::openapi },
];

/// Routes of all groups.
pub(crate) fn routes() -> Router<Shared> {
    GROUPS.iter().fold(Router::new(), |router, group| router.merge((group.routes)()))
}

/// A JSON answer, or the problem with its path.
fn reply<T: Serialize>(params: &Params, result: Result<T, Problem>) -> Response {
    let written = result.and_then(|value| {
        serde_json::to_vec(&value).map_err(|error| {
            tracing::error!(%error, path = params.path, "an answer could not be written as JSON");
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "Internal error",
                "The answer could not be written as JSON.",
            )
        })
    });
    match written {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
            ];
            (headers, body).into_response()
        }
        Err(problem) => problem.at(&params.path).into_response(),
    }
}

/// A page of a list, with a `Link` to the next one.
fn reply_page<T: Serialize + utoipa::ToSchema>(
    params: &Params,
    result: Result<crate::v1::Page<T>, Problem>,
) -> Response {
    let next = result.as_ref().ok().and_then(|page| page.next.as_deref()).map(|next| params.with(&[("cursor", next)]));
    let mut response = reply(params, result);
    link(&mut response, next);
    response
}

/// Adds `Link: <…>; rel="next"`.
fn link(response: &mut Response, next: Option<String>) {
    if let Some(value) = next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok()) {
        response.headers_mut().insert(header::LINK, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_folder_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "mod.rs")
            .map(|name| name.trim_end_matches(".rs").to_owned())
            .collect();
        files.sort();
        let mut listed: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
        listed.sort_unstable();
        assert_eq!(files, listed);
    }
}
