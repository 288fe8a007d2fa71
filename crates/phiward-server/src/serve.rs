//! Accepting connections: bounded in number, in header size and in time, and ended gracefully.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::{AppState, build, check_bind};

/// Connections at a time; more wait. Each open page holds one for its event stream.
const CONNECTIONS: usize = 512;
/// Time a client has to send its request line and headers.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Bytes of request line and headers.
const HEADER_BYTES: usize = 32 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Time that running answers get once the server stops.
const GRACE: Duration = Duration::from_secs(3);

/// Serves `state` on `listener` until `shutdown` ends, then lets running answers finish for three seconds.
///
/// # Errors
/// When the listener's address is not loopback (see [`check_bind`]) or cannot be read. Failures of single connections
/// end those alone.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    check_bind(listener.local_addr()?).map_err(|refused| io::Error::new(io::ErrorKind::PermissionDenied, refused))?;
    let (close, closing) = watch::channel(false);
    let app = build(state, closing);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADERS)
        .keep_alive(true);

    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (stream, permit) = tokio::select! {
            () = &mut shutdown => break,
            (accepted, permit) = accepted => match accepted {
                Ok((stream, _)) => (stream, permit),
                Err(error) => {
                    // Out of file descriptors, or the client left: wait a little instead of spinning.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // Events are small and must leave at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let router = app.clone();
        let service = tower_service_fn(router);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    close.send_replace(true);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!("some answers were cut off at shutdown");
    }
    Ok(())
}

/// The router as hyper wants it.
fn tower_service_fn(
    router: axum::Router,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future = impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + Send + 'static,
> {
    let inner = TowerToHyperService::new(router);
    hyper::service::service_fn(move |request: Request<Incoming>| {
        hyper::service::Service::call(&inner, request.map(Body::new))
    })
}
