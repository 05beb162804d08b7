//! Health and metrics over plain HTTP, for load balancers, schedulers and Prometheus.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::net::Listener;
use crate::service::Service;
use crate::telemetry::{Metrics, Telemetry};

/// Time in which a request's head must be there.
const HEAD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Connections open at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

/// Answers until the order to stop.
pub(super) async fn serve(
    listener: Listener,
    service: Service,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (service, telemetry) = (service.clone(), Arc::clone(&telemetry));
        tokio::spawn(async move {
            let _permit = permit;
            let answer = service_fn(|request: Request<Incoming>| {
                let (service, telemetry) = (service.clone(), Arc::clone(&telemetry));
                async move {
                    // Ready is who can read what is stored.
                    let ready = request.uri().path() != "/readyz" || service.store().heads().await.is_ok();
                    let response = respond(request.method(), request.uri().path(), ready, &telemetry.metrics);
                    Ok::<_, Infallible>(response)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP connection failed");
            }
        });
    }
}

fn respond(method: &Method, path: &str, ready: bool, metrics: &Metrics) -> Response<Full<Bytes>> {
    let plain = "text/plain; charset=utf-8";
    let (status, kind, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/readyz") if !ready => {
            (StatusCode::SERVICE_UNAVAILABLE, plain, "the store cannot be read\n".to_owned())
        }
        (&Method::GET | &Method::HEAD, "/livez" | "/readyz") => (StatusCode::OK, plain, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let mut text = String::new();
            metrics.render(&mut text);
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
        }
        (_, "/livez" | "/readyz" | "/metrics") => {
            (StatusCode::METHOD_NOT_ALLOWED, plain, "only GET and HEAD are allowed here\n".to_owned())
        }
        _ => (StatusCode::NOT_FOUND, plain, "there is /livez, /readyz and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_answer_what_they_should() {
        let metrics = Metrics::default();
        let status = |method: Method, path| respond(&method, path, true, &metrics).status();
        assert_eq!(status(Method::GET, "/livez"), StatusCode::OK);
        assert_eq!(status(Method::HEAD, "/readyz"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/metrics"), StatusCode::OK);
        assert_eq!(status(Method::POST, "/livez"), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(Method::GET, "/"), StatusCode::NOT_FOUND);
        let unready = |path| respond(&Method::GET, path, false, &metrics).status();
        assert_eq!(
            (unready("/readyz"), unready("/livez")),
            (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK)
        );
    }
}
