//! Requests from a hostile hand: a refusal in words or an answer, never a failure, and never their own text as markup.

#[path = "../../../phiward-core/tests/mutate/mod.rs"]
mod mutate;

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::BodyExt;
use mutate::{LIMIT, NASTY, Rng};
use tower::ServiceExt;

use super::fixture::{ENGINE, Fixture};
use crate::params::encode;

const PATHS: [&str; 27] = [
    "/",
    "/findings",
    "/assets",
    "/asset",
    "/map",
    "/controls",
    "/controls/164.312(a)(1)",
    "/checks",
    "/checks/not-privileged",
    "/sources",
    "/help",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/app.css",
    "/api/openapi.json",
    "/api/v1/assets",
    "/api/v1/assets/host://1",
    "/api/v1/asset",
    "/api/v1/findings",
    "/api/v1/checks",
    "/api/v1/checks/host-logs",
    "/api/v1/controls",
    "/api/v1/controls/164.312(b)",
    "/api/v1/posture",
    "/api/v1/trends",
    "/api/v1/sources",
];
const NAMES: [&str; 19] = [
    "id",
    "search",
    "kind",
    "ephi",
    "owner",
    "state",
    "severity",
    "category",
    "sort",
    "order",
    "cursor",
    "limit",
    "verdict",
    "check",
    "asset",
    "since",
    "after",
    "went",
    "framework",
];
const WORDS: [&str; 14] = [
    "yes",
    "failing",
    "critical",
    "worst",
    "desc",
    "500",
    "fail",
    "host://1",
    "not-privileged",
    "docker.container",
    "24h",
    "virtual-machines",
    "2026-01-01T00:00:00Z",
    "hipaa",
];
/// Markup that would show in an answer that does not escape.
const MARKS: [&str; 6] =
    ["<zq9>", "\"><zq9 a=\"", "'zq9=1 '", "</script><zq9>", "{{zq9}}<zq9", "javascript:zq9//<zq9>"];

/// A value as it may come: good, spoiled, or with markup in it.
fn value(rng: &mut Rng) -> String {
    let word = rng.pick(&WORDS);
    match rng.below(5) {
        0 => word.to_owned(),
        1 => format!("{}{}", rng.pick(&MARKS), rng.pick(NASTY)),
        2 => format!("{word}{}", rng.pick(&MARKS)),
        3 => format!("{ENGINE}/container/{}", rng.pick(&MARKS)),
        _ => mutate::text(rng, word),
    }
}

fn address(rng: &mut Rng) -> String {
    let path = rng.pick(&PATHS).to_owned();
    let path = match rng.below(4) {
        // Bytes that may stand in an address line, and those that may not once encoded.
        0 => format!("{path}/{}", encode(&value(rng))),
        1 => format!("/{}{path}", String::from_utf8_lossy(&mutate::bytes(rng, path.as_bytes())).replace(' ', "%20")),
        _ => path,
    };
    let mut query = Vec::new();
    for _ in 0..rng.below(6) {
        let name = rng.pick(&NAMES).to_owned();
        let raw = value(rng);
        query.push(match rng.below(5) {
            0 => format!("{name}={}", raw.replace([' ', '#'], "+")),
            1 => name,
            2 => format!("{name}=%{}%", encode(&raw)),
            _ => format!("{name}={}", encode(&raw)),
        });
    }
    format!("{path}?{}", query.join("&"))
}

fn no_markup(address: &str, text: &str) {
    let lower = text.to_ascii_lowercase();
    assert!(!lower.contains("<zq9"), "{address} gives markup");
    for quoted in ["=\"\"><zq9", "'zq9=1 '", "\"zq9"] {
        assert!(!lower.contains(quoted), "{address} gives {quoted}");
    }
    assert!(!lower.contains("href=\"javascript:") && !lower.contains("src=\"javascript:"), "{address}");
}

#[tokio::test]
async fn no_address_makes_a_failure_or_markup() {
    let fixture = Fixture::filled().await;
    let app = fixture.app();
    let mut rng = Rng::new(61);
    let (mut asked, mut fine, mut echoed) = (0, 0, 0);
    for _ in 0..900 {
        let address = address(&mut rng);
        let Ok(uri) = address.parse::<Uri>() else { continue };
        let request = Request::builder().uri(uri).header("host", "localhost:8470").body(Body::empty()).unwrap();
        let started = Instant::now();
        let response = app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert!(started.elapsed() < LIMIT, "{:?} for {address}", started.elapsed());
        assert!(!parts.status.is_server_error(), "{} for {address}: {}", parts.status, String::from_utf8_lossy(&bytes));
        let kind = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        let text = String::from_utf8_lossy(&bytes);
        match kind.split(';').next().unwrap_or_default() {
            "text/html" => {
                echoed += usize::from(text.contains("zq9"));
                no_markup(&address, &text);
            }
            // A browser shows none of these as a page: the type says so, and it may not guess another.
            "application/json" | "application/problem+json" => {
                drop(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap())
            }
            "text/plain" | "text/css" | "" => {}
            other => panic!("{address} gives {other}"),
        }
        assert_eq!(parts.headers["x-content-type-options"], "nosniff");
        assert!(bytes.len() < 2 << 20, "{} bytes for {address}", bytes.len());
        asked += 1;
        fine += usize::from(parts.status.is_success());
    }
    assert!(asked > 500 && fine > 100 && echoed > 30, "{asked} asked, {fine} answered, {echoed} echoed");
}

#[tokio::test]
async fn no_header_or_method_makes_a_failure() {
    let fixture = Fixture::filled().await;
    let app = fixture.app();
    let mut rng = Rng::new(62);
    let names = [
        "host",
        "origin",
        "referer",
        "accept",
        "accept-encoding",
        "if-none-match",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
        "last-event-id",
        "range",
        "content-length",
        "content-type",
        "x-forwarded-host",
        "cookie",
        "connection",
    ];
    let seeds = [
        "localhost:8470",
        "http://localhost:8470",
        "[::1]:8470",
        "text/html,application/json;q=0.9,*/*",
        "gzip, deflate;q=0",
        "\"abc\", W/\"def\", *",
        "same-origin",
        "navigate",
        "document",
        "18446744073709551616",
        "bytes=0-",
        "-1",
    ];
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "X"];
    for _ in 0..900 {
        let path = rng.pick(&PATHS);
        let method = Method::from_bytes(rng.pick(&methods).as_bytes()).unwrap();
        let mut request = Request::builder().method(method.clone()).uri(path).body(Body::empty()).unwrap();
        if rng.below(4) > 0 {
            request.headers_mut().insert("host", HeaderValue::from_static("localhost:8470"));
        }
        for _ in 0..rng.below(5) {
            let seed = rng.pick(&seeds);
            let bytes =
                if rng.below(3) == 0 { seed.as_bytes().to_vec() } else { mutate::bytes(&mut rng, seed.as_bytes()) };
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                request.headers_mut().append(HeaderName::from_static(rng.pick(&names)), value);
            }
        }
        let shown = format!("{request:?}");
        let response = app.clone().oneshot(request).await.unwrap();
        assert!(!response.status().is_server_error(), "{} for {shown}", response.status());
        let changes = !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
        assert!(!changes || !response.status().is_success(), "{} for {shown}", response.status());
        let body = tokio::time::timeout(Duration::from_secs(5), response.into_body().collect()).await.unwrap().unwrap();
        no_markup(&shown, &String::from_utf8_lossy(&body.to_bytes()));
    }
}

#[tokio::test]
async fn a_stream_of_events_opens_whatever_is_asked_of_it() {
    let fixture = Fixture::filled().await;
    for (query, last) in
        [("", "x"), ("?after=-1", "-9223372036854775808"), ("?after=99999999999999999999", ""), ("?kind=%00", "1,2")]
    {
        let mut request = Request::builder()
            .uri(format!("/api/v1/events{query}"))
            .header("host", "localhost:8470")
            .body(Body::empty())
            .unwrap();
        request.headers_mut().insert("last-event-id", HeaderValue::from_str(last).unwrap());
        let response = fixture.app().oneshot(request).await.unwrap();
        assert!(!response.status().is_server_error(), "{query} {last}");
    }
}

#[tokio::test]
async fn a_long_address_is_refused_soon() {
    let fixture = Fixture::filled().await;
    for part in ["%00", "a=b&", "search=", "<zq9>", "../", "%25", "&&", "a/"] {
        for place in ["/assets?search=", "/findings?", "/controls/", "/api/v1/assets/", "/checks/", "/"] {
            let long = format!("{place}{}", part.repeat(60_000 / part.len()));
            let Ok(uri) = long.parse::<Uri>() else { continue };
            let started = Instant::now();
            let request = Request::builder().uri(uri).header("host", "localhost:8470").body(Body::empty()).unwrap();
            let response = fixture.app().oneshot(request).await.unwrap();
            assert!(!response.status().is_server_error(), "{place}{part}…: {}", response.status());
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(started.elapsed() < LIMIT && body.len() < 1 << 20, "{place}{part}…: {} bytes", body.len());
            no_markup(place, &String::from_utf8_lossy(&body));
        }
    }
}

#[tokio::test]
async fn a_forged_cursor_is_a_bad_request() {
    let fixture = Fixture::filled().await;
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for sort in ["worst", "name", "kind", "seen"] {
        let tag = format!("assets-{}{}-false", sort[..1].to_uppercase(), &sort[1..]);
        for key in [
            "[null,[],1]",
            "[1,[],1]",
            "[1,[\"a\"],1]",
            "[null,[\"a\",\"\\u0000\"],1]",
            "[null,[\"'\"],9223372036854775807]",
        ] {
            let cursor = hex(&format!("[\"{tag}\",{key}]"));
            for place in ["/assets", "/api/v1/assets"] {
                let status = fixture.get(&format!("{place}?sort={sort}&cursor={cursor}")).await.status;
                assert!(status == 200 || status == 400, "{status} for {sort} {key}");
            }
        }
    }
}
