//! Errors as people and programs get them: RFC 9457 for the API, a page with a way back for the browser.

use std::any::Any;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use phiward_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Shared;

/// A problem: what went wrong with a request, why, and what to do (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// Kind of problem; `about:blank` means the status says it all.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    /// Few words, the same for every problem of the kind.
    #[schema(example = "Bad request")]
    pub title: String,
    /// HTTP status code.
    #[schema(example = 400)]
    pub status: u16,
    /// What failed, on what, why, and what to do.
    pub detail: String,
    /// Path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Problem {
    /// A problem with this status.
    pub fn new(status: StatusCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem {
            kind: "about:blank",
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
        }
    }

    /// 400 for a parameter.
    pub fn bad(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "Bad request", detail)
    }

    /// 404 for a thing that is not there.
    pub fn missing(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "Not found", detail)
    }

    /// The same, at this path.
    pub fn at(mut self, path: &str) -> Self {
        self.instance = Some(path.to_owned());
        self
    }

    /// The status as a type.
    pub fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor(_) => Problem::bad(format!("{error}.")),
            other => {
                tracing::error!(error = &other as &dyn std::error::Error, "the store failed");
                // The database's own words may hold paths or statements: they go to the log only.
                let detail =
                    "The database did not answer as it should. The log of phiward says more; try again in a moment.";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Database trouble", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.code(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Whether the answer goes to a program: its path is the API's.
fn for_program(path: &str) -> bool {
    path.starts_with("/api/") || matches!(path, "/api" | "/healthz" | "/readyz" | "/metrics")
}

/// No such path.
pub async fn not_found(State(app): State<Shared>, uri: Uri) -> Response {
    let detail =
        "There is nothing at this address. It may have been typed wrongly, or belong to another version of phiward.";
    reply(&app, Problem::missing(detail), uri.path()).await
}

/// The path exists, the method does not.
pub async fn method_not_allowed(State(app): State<Shared>, uri: Uri, request: Request) -> Response {
    let detail = format!("{} is not possible here. Everything phiward serves is read with GET.", request.method());
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", detail);
    let mut response = reply(&app, problem, uri.path()).await;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

async fn reply(app: &Shared, problem: Problem, path: &str) -> Response {
    if for_program(path) {
        problem.at(path).into_response()
    } else {
        crate::pages::problem::page(app, problem.at(path)).await
    }
}

/// A handler panicked: a fault of ours. The log has it, the client gets no detail.
pub fn panicked(what: Box<dyn Any + Send + 'static>) -> Response {
    let text = what.downcast_ref::<String>().map(String::as_str).or_else(|| what.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("unknown"), "a request made phiward panic: please report this");
    let detail = "phiward made a mistake while answering. Its log says more; please report it.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_the_members_of_rfc_9457() {
        let value = serde_json::to_value(Problem::bad("x").at("/api/v1/assets")).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "type": "about:blank", "title": "Bad request", "status": 400, "detail": "x", "instance": "/api/v1/assets"
            })
        );
        let response = Problem::bad("x").into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn the_databases_words_stay_inside() {
        let error = StoreError::Open { url: "postgres://u:secret@h/d".to_owned(), why: "no".to_owned() };
        let problem = Problem::from(error);
        assert_eq!(problem.status, 503);
        assert!(!problem.detail.contains("secret"));
        assert_eq!(Problem::from(StoreError::Cursor("zz".to_owned())).status, 400);
    }
}
