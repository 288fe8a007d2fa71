//! The stylesheet and the script, embedded. Their addresses carry a hash of their bytes, so that they may be kept
//! for a year and still change with the program.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::Shared;
use crate::etag::hex;

const CSS: &str = include_str!("../static/app.css");
const JS: &str = include_str!("../static/app.js");
const ICON: &str = include_str!("../static/icon.svg");

/// Address of the stylesheet.
pub static CSS_PATH: LazyLock<String> = LazyLock::new(|| format!("/static/app.css?v={}", &hex(CSS.as_bytes())[..12]));
/// Address of the script.
pub static JS_PATH: LazyLock<String> = LazyLock::new(|| format!("/static/app.js?v={}", &hex(JS.as_bytes())[..12]));
/// Address of the icon.
pub static ICON_PATH: LazyLock<String> =
    LazyLock::new(|| format!("/static/icon.svg?v={}", &hex(ICON.as_bytes())[..12]));

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/static/app.css", get(async || file(CSS, "text/css; charset=utf-8")))
        .route("/static/app.js", get(async || file(JS, "text/javascript; charset=utf-8")))
        .route("/static/icon.svg", get(async || file(ICON, "image/svg+xml")))
}

fn file(text: &'static str, kind: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stays_small_and_the_style_is_one_file() {
        assert!(JS.len() < 6 * 1024, "app.js has {} bytes", JS.len());
        assert!(CSS.len() < 40 * 1024, "app.css has {} bytes", CSS.len());
        assert!(!CSS.contains("url(") && !CSS.contains("@import"), "the policy lets no other file in");
    }
}
