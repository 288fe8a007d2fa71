//! What stands before every handler: who may ask (against DNS rebinding and foreign pages), and the headers that tell
//! the browser what a page may do.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Shared;
use crate::problem::Problem;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Puts the security headers on every answer, refusals included.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses requests under a foreign name (421) and requests that another site's page made (403).
pub async fn origin(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let host = match authority(&request) {
        Some(host) if allowed(&host, &app.allowed_hosts) => host,
        other => return misdirected(other.as_deref(), &app.allowed_hosts).into_response(),
    };
    if let Some(why) = foreign(request.method(), request.headers(), &host) {
        return Problem::new(StatusCode::FORBIDDEN, "Refused", why).into_response();
    }
    next.run(request).await
}

/// The authority a request names, in lower case: from the address line where it is absolute, else from `Host`.
fn authority(request: &Request) -> Option<String> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|value| value.to_str().ok());
    if hosts.next().is_some() {
        return None;
    }
    let host = match (request.uri().authority(), host) {
        (Some(line), Some(host)) if line.as_str() != host => return None,
        (Some(line), _) => line.as_str(),
        (None, host) => host?,
    };
    Some(host.to_ascii_lowercase())
}

fn misdirected(host: Option<&str>, allowed: &[String]) -> Problem {
    let asked = host.map_or("no host name".to_owned(), |host| format!("the host name `{host}`"));
    let use_this = match allowed.first() {
        Some(first) => format!("Open http://{first}/ instead"),
        None => "Open it under localhost, 127.0.0.1 or [::1] instead".to_owned(),
    };
    let detail = format!(
        "This request came with {asked}. phiward answers under loopback names and its own port only, so that no \
         other web site can reach it through your browser. {use_this}; through an SSH tunnel, use the same port on both ends."
    );
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "Not this host", detail)
}

/// Whether a request under this authority is meant for us.
fn allowed(authority: &str, list: &[String]) -> bool {
    if list.iter().any(|known| known.eq_ignore_ascii_case(authority)) {
        return true;
    }
    let Some((name, port)) = split(authority) else { return false };
    is_loopback(name)
        && (list.is_empty() || list.iter().filter_map(|known| split(known)).any(|(_, known)| known == port))
}

/// Name and port of an authority; port 80 where none is given.
fn split(authority: &str) -> Option<(&str, u16)> {
    let (name, port) = match authority.rfind(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some(at) if !authority[at..].contains(']') => (&authority[..at], Some(&authority[at + 1..])),
        _ => (authority, None),
    };
    let digits = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
    match port {
        None => Some((name, 80)),
        Some(port) if digits(port) => Some((name, port.parse().ok()?)),
        Some(_) => None,
    }
}

fn is_loopback(name: &str) -> bool {
    if name.strip_suffix('.').unwrap_or(name) == "localhost" {
        return true;
    }
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.to_canonical().is_loopback()),
        None => name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
    }
}

/// Why a request is one that a foreign page made, if it is. Following a link from anywhere is plain navigation and passes.
fn foreign(method: &Method, headers: &HeaderMap, host: &str) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    let safe = *method == Method::GET || *method == Method::HEAD;
    let navigation = safe
        && text("sec-fetch-mode").as_deref() == Some("navigate")
        && matches!(text("sec-fetch-dest").as_deref(), Some("document") | None);
    if let Some(origin) = text("origin")
        && origin != format!("http://{host}")
        && !(navigation && origin == "null")
    {
        return Some(
            "The request names another web site as its origin. Only phiward's own pages and programs on this machine may ask.",
        );
    }
    match text("sec-fetch-site").as_deref() {
        None | Some("same-origin" | "none") => None,
        Some(_) if navigation => None,
        Some(_) => {
            Some("The browser says that a page of another web site made this request. Open phiward's page itself.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<String> {
        crate::loopback_hosts(8470)
    }

    #[test]
    fn loopback_in_any_form_with_the_right_port() {
        for good in [
            "localhost:8470",
            "127.0.0.1:8470",
            "[::1]:8470",
            "127.1.2.3:8470",
            "[0:0:0:0:0:0:0:1]:8470",
            "localhost.:8470",
        ] {
            assert!(allowed(good, &list()), "{good}");
        }
        for bad in [
            "localhost",
            "localhost:80",
            "evil.example:8470",
            "localhost.evil.example:8470",
            "127.0.0.1.nip.io:8470",
            "10.0.0.1:8470",
            "[::1]",
            "[::2]:8470",
            "localhost:8470@evil",
            "localhost:+8470",
            "",
            ":8470",
            "127.0.0.1:8470:8470",
            "2130706433:8470",
        ] {
            assert!(!allowed(bad, &list()), "{bad}");
        }
        assert!(allowed("localhost:9999", &[]) && !allowed("evil.example", &[]));
        assert!(allowed("phiward.internal:8470", &["phiward.internal:8470".to_owned()]));
    }

    fn of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn foreign_pages_are_told_from_links_and_programs() {
        let host = "localhost:8470";
        let refused =
            |method: Method, pairs: &[(&'static str, &'static str)]| foreign(&method, &of(pairs), host).is_some();
        assert!(!refused(Method::GET, &[]));
        assert!(!refused(Method::GET, &[("origin", "http://localhost:8470"), ("sec-fetch-site", "same-origin")]));
        assert!(!refused(
            Method::GET,
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
        ));
        assert!(refused(Method::GET, &[("origin", "http://evil.example")]));
        assert!(refused(Method::GET, &[("origin", "http://localhost:3000")]));
        assert!(refused(Method::GET, &[("origin", "null")]));
        assert!(refused(Method::GET, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")]));
        assert!(refused(
            Method::GET,
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]
        ));
        assert!(refused(
            Method::GET,
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]
        ));
        assert!(refused(
            Method::POST,
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
        ));
    }
}
