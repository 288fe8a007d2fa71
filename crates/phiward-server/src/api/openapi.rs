//! The OpenAPI 3.1 document, put together from the groups.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::{Info, OpenApi as Document};

use super::{GROUPS, reply};
use crate::Shared;
use crate::params::Params;

#[derive(OpenApi)]
#[openapi(paths(document))]
pub struct Doc;

pub fn routes() -> Router<Shared> {
    Router::new().route("/api/openapi.json", get(document))
}

/// This document
#[utoipa::path(get, path = "/api/openapi.json", tag = "operation", responses(
    (status = 200, description = "The OpenAPI document", body = Object),
))]
async fn document(State(app): State<Shared>, params: Params) -> Response {
    reply(&params, Ok(build(app.version)))
}

/// The whole document.
pub fn build(version: &str) -> Document {
    let mut whole = Document::default();
    for group in GROUPS {
        whole.merge((group.document)());
    }
    whole.info = Info::new("phiward", version);
    whole.info.description = Some(
        "The live HIPAA posture of this machine and its containers. Lists give a cursor in `next` and in the `Link` header; \
         errors are problem details (RFC 9457); answers carry strong ETags."
            .to_owned(),
    );
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_resolves_and_every_path_answers_200() {
        let document = serde_json::to_value(build("1.2.3")).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], "1.2.3");
        let text = document.to_string();
        let references: Vec<&str> =
            text.split("\"$ref\":\"#/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 20);
        for reference in references {
            let pointer = format!("/{reference}");
            assert!(document.pointer(&pointer).is_some(), "{reference} leads nowhere");
        }
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 17, "{}", paths.len());
        for (path, item) in paths {
            assert!(item["get"]["responses"]["200"].is_object(), "{path}");
            assert!(item["get"]["summary"].is_string(), "{path}");
        }
    }
}
