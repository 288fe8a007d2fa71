//! Strong ETags: the SHA-256 of the body, and 304 where the client has it already.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Largest body that is held to be hashed, in bytes. Pages are far below it.
const LARGEST: usize = 32 * 1024 * 1024;

/// Hashes a body and answers 304 when the client named that hash. Streams pass through untouched.
pub async fn answer(request: Request, next: Next) -> Response {
    let wanted = (*request.method() == Method::GET || *request.method() == Method::HEAD)
        .then(|| request.headers().get(header::IF_NONE_MATCH).cloned());
    let response = next.run(request).await;
    let Some(have) = wanted else { return response };
    let streams = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if response.status() != StatusCode::OK || streams || response.headers().contains_key(header::ETAG) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        let detail = "The answer grew beyond 32 MiB. Ask for less: set a smaller limit.";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Answer too large", detail).into_response();
    };
    let tag = tag(&bytes);
    let same = have.as_ref().and_then(|have| have.to_str().ok()).is_some_and(|have| matches(have, &tag));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if same {
        return not_modified(parts.headers);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// A strong tag names bytes: those of the compressed form get a tag of their own.
pub async fn mark_encoding(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.headers().contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && let Some(open) = tag.strip_suffix('"')
        && let Ok(value) = HeaderValue::from_str(&format!("{open}-gzip\""))
    {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(header::CONTENT_TYPE);
    headers.remove(header::CONTENT_LENGTH);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(bytes))
}

/// SHA-256 in hex.
pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether an `If-None-Match` list names the tag, in its plain or its compressed form.
fn matches(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| {
        let one = one.strip_prefix("W/").unwrap_or(one);
        one == "*" || one == tag || one.strip_suffix("-gzip\"").is_some_and(|open| Some(open) == tag.strip_suffix('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        let t = tag(b"body");
        let open = t.trim_end_matches('"');
        assert_eq!(t.len(), 66);
        assert!(matches(&t, &t) && matches("*", &t) && matches(&format!("\"x\", W/{t}"), &t));
        assert!(matches(&format!("{open}-gzip\""), &t));
        assert!(!matches("\"x\"", &t) && !matches("", &t) && !matches(&tag(b"other"), &t));
    }
}
