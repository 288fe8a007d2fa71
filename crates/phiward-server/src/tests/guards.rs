use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::fixture::{Fixture, ask};

#[tokio::test]
async fn foreign_names_and_pages_are_refused_everywhere() {
    let fixture = Fixture::filled().await;
    for address in ["/", "/api/v1/assets", "/api/v1/events", "/metrics", "/static/app.css", "/nothing"] {
        let rebound = ask(fixture.app(), address, &[("host", "evil.example:8470")]).await;
        assert_eq!(rebound.status, 421, "{address}");
        let foreign = ask(fixture.app(), address, &[("origin", "http://evil.example")]).await;
        assert_eq!(foreign.status, 403, "{address}");
        for answer in [rebound, foreign] {
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{address}");
            assert!(!answer.text().contains("not-privileged"), "{address}");
        }
    }
    let port = ask(fixture.app(), "/", &[("host", "localhost:8471")]).await;
    assert_eq!(port.status, 421);
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(ask(fixture.app(), "/", &link).await.status, 200);
    assert_eq!(ask(fixture.app(), "/", &[("host", "[::1]:8470")]).await.status, 200);
}

#[tokio::test]
async fn only_reading_is_possible() {
    let fixture = Fixture::filled().await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for address in ["/", "/api/v1/assets"] {
            let request = Request::builder().method(method).uri(address).header("host", "localhost:8470");
            let response = fixture.app().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 405, "{method} {address}");
        }
    }
}

#[tokio::test]
async fn files_are_named_by_their_bytes_and_kept_long() {
    let fixture = Fixture::empty().await;
    let page = fixture.get("/").await.text();
    let style = page.split("href=\"").find(|part| part.starts_with("/static/app.css?v=")).unwrap();
    let style = &style[..style.find('"').unwrap()];
    let answer = fixture.get(style).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("cache-control").contains("immutable"));
    assert!(answer.header("content-type").starts_with("text/css"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_server_answers_on_loopback_and_stops_when_told() {
    let fixture = Fixture::filled().await;
    let open = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = crate::serve(open, fixture.state(), std::future::pending()).await.unwrap_err();
    assert!(refused.to_string().contains("ssh -L"), "{refused}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut state = fixture.state();
    state.allowed_hosts = crate::loopback_hosts(address.port());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(crate::serve(listener, state, async {
        // A dropped sender stops it as well.
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /api/v1/events?after=0 HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("event: change") {
        let n = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.expect("events").unwrap();
        assert!(n > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
    // The open stream does not hold the server up.
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(2), server).await.expect("an end").unwrap().unwrap();
}
