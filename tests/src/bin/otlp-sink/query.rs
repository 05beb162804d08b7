//! The address that tests and people ask what has come.

use std::{convert::Infallible, sync::Arc};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::records::Records;

/// Answers queries until the listener fails.
pub(crate) async fn serve(listener: TcpListener, records: Arc<Records>) -> Result<()> {
    loop {
        let (socket, _) = listener.accept().await.context("cannot accept a connection")?;
        let records = Arc::clone(&records);
        let service = service_fn(move |request| {
            let response = answer(&records, &request);
            async move { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

fn answer(records: &Records, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let signal = request.uri().query().and_then(|query| query.strip_prefix("signal="));
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/records") => (StatusCode::OK, records.lines(signal)),
        (&Method::DELETE, "/records") => {
            records.clear();
            (StatusCode::NO_CONTENT, String::new())
        }
        _ => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
