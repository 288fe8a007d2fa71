//! What went wrong, in words, with a way back.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Response};

use super::{Chrome, render};
use crate::Shared;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "problem/page.html")]
struct ProblemPage {
    chrome: Chrome,
    problem: Problem,
}

/// It has no address of its own.
pub fn routes() -> Router<Shared> {
    Router::new()
}

/// The page of a problem. It reads nothing from the store, which may be what failed.
pub async fn page(app: &Shared, problem: Problem) -> Response {
    let page = ProblemPage { chrome: Chrome::bare(app, &problem.title), problem };
    match render(&page, page.problem.code()) {
        Ok(mut response) => {
            let no_store = axum::http::HeaderValue::from_static("no-store");
            response.headers_mut().insert(axum::http::header::CACHE_CONTROL, no_store);
            response
        }
        Err(failed) => failed.into_response(),
    }
}
