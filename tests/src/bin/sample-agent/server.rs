//! HTTP: one task for each connection, HTTP/1.1 and HTTP/2.

use std::{convert::Infallible, sync::Arc};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    events,
    rpc::{Agent, Answer},
};

/// Largest request that is read.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const TRACEPARENT: &str = "traceparent";

type Body = BoxBody<Bytes, Infallible>;

/// Serves connections until the listener fails.
pub(crate) async fn serve(listener: TcpListener, agent: Arc<Agent>) -> Result<()> {
    loop {
        let (socket, _) = listener.accept().await.context("cannot accept a connection")?;
        socket.set_nodelay(true).context("cannot set up a connection")?;
        tokio::spawn(serve_connection(socket, Arc::clone(&agent)));
    }
}

async fn serve_connection(socket: TcpStream, agent: Arc<Agent>) {
    let service = service_fn(move |request| {
        let agent = Arc::clone(&agent);
        async move { Ok::<_, Infallible>(respond(&agent, request).await) }
    });
    // A connection that breaks concerns its client alone.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
}

async fn respond(agent: &Agent, request: Request<Incoming>) -> Response<Body> {
    let traceparent = request.headers().get(TRACEPARENT).cloned();
    let mut response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/.well-known/agent-card.json" | "/.well-known/agent.json") => {
            plain(StatusCode::OK, "application/json", agent.card.clone())
        }
        (&Method::POST, _) => call(agent, request, traceparent.as_ref()).await,
        _ => plain(StatusCode::NOT_FOUND, "text/plain", "not found\n".to_owned()),
    };
    if let Some(value) = traceparent {
        response.headers_mut().insert(TRACEPARENT, value);
    }
    response
}

async fn call(
    agent: &Agent,
    request: Request<Incoming>,
    traceparent: Option<&HeaderValue>,
) -> Response<Body> {
    let Ok(body) = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await else {
        return plain(StatusCode::BAD_REQUEST, "text/plain", "the body did not arrive whole\n".to_owned());
    };
    let traceparent = traceparent.and_then(|value| value.to_str().ok()).map(str::to_owned);
    match agent.answer(&body.to_bytes(), traceparent) {
        Answer::Unary(value) => plain(StatusCode::OK, "application/json", value.to_string()),
        Answer::Stream(task, dialect, id) => {
            let body = StreamBody::new(events::follow(task, dialect, id)).boxed();
            let mut response = with_type(Response::new(body), "text/event-stream");
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    }
}

fn plain(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = with_type(Response::new(Full::new(Bytes::from(body)).boxed()), content_type);
    *response.status_mut() = status;
    response
}

fn with_type(mut response: Response<Body>, content_type: &'static str) -> Response<Body> {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
