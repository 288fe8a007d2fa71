//! The pages, rendered here so that they work without script: one folder a page. To add one, see
//! `docs/adding/page.md`.

mod asset;
mod assets;
mod check;
mod checks;
mod chrome;
mod control;
mod controls;
mod findings;
mod help;
mod map;
mod overview;
pub(crate) mod problem;
mod sources;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;

pub(crate) use chrome::Chrome;
pub(crate) use overview::Sparks;

/// A page.
pub(crate) struct Page {
    /// Name of its folder.
    #[cfg_attr(not(test), allow(dead_code))]
    pub name: &'static str,
    pub routes: fn() -> Router<Shared>,
}

/// All pages.
pub(crate) const PAGES: &[Page] = &[
    Page { name: "overview", routes: overview::routes },
    Page { name: "findings", routes: findings::routes },
    Page { name: "assets", routes: assets::routes },
    Page { name: "asset", routes: asset::routes },
    Page { name: "map", routes: map::routes },
    Page { name: "controls", routes: controls::routes },
    Page { name: "control", routes: control::routes },
    Page { name: "checks", routes: checks::routes },
    Page { name: "check", routes: check::routes },
    Page { name: "sources", routes: sources::routes },
    Page { name: "help", routes: help::routes },
    Page { name: "problem", routes: problem::routes },
];

/// Routes of all pages.
pub(crate) fn routes() -> Router<Shared> {
    PAGES.iter().fold(Router::new(), |router, page| router.merge((page.routes)()))
}

/// Renders a page, or the page of what went wrong.
async fn reply<T: Template>(app: &Shared, params: &Params, result: Result<T, Problem>) -> Response {
    match result {
        Ok(page) => match render(&page, StatusCode::OK) {
            Ok(response) => response,
            Err(failed) => problem::page(app, failed.at(&params.path)).await,
        },
        Err(found) => problem::page(app, found.at(&params.path)).await,
    }
}

fn render<T: Template>(page: &T, status: StatusCode) -> Result<Response, Problem> {
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error",
            "The page could not be put together. The log says more.",
        )
    })?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    Ok((status, headers, html).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_folders_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages");
        let mut folders: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        folders.sort();
        for name in &folders {
            assert!(std::path::Path::new(folder).join(name).join("page.html").is_file(), "{name} has no page.html");
        }
        let mut listed: Vec<&str> = PAGES.iter().map(|page| page.name).collect();
        listed.sort_unstable();
        assert_eq!(folders, listed);
    }

    #[test]
    fn no_template_carries_inline_style_or_script() {
        let mut waiting = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages"))];
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|e| e == "html") {
                let text = std::fs::read_to_string(&path).unwrap();
                for forbidden in [" style=", "<style", "javascript:", " onclick", " onload", " onchange", "|safe"] {
                    assert!(!text.contains(forbidden), "{} has {forbidden}", path.display());
                }
            }
        }
    }
}
