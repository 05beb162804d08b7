//! One exchange as a straight list of stages.
//!
//! [`exchange`] is the whole life of a request; `docs/request.md` tells the same story in words. Control flow lives here,
//! each stage is a function of its inputs. What is learned on the way is noted in the [`Exchange`], which accounts for
//! the request when it is dropped, however that comes.
//!
//! [`Exchange`]: exchange::Exchange

mod answer;
mod body;
mod budget;
mod call;
mod card;
mod enter;
mod exchange;
mod forward;
mod gateway;
mod grpc;
mod lenient;
mod ownership;
mod permit;
mod refuse;
mod relay;
mod response;
#[cfg(test)]
mod tests;

use http::header::EXPECT;
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;

pub use gateway::{Gateway, GatewaySettings, Listener, Worker};
pub use response::Body;

use crate::a2a::http_json::{self, Miss};
use crate::error::{Code, GatewayError};
use crate::http::hop::remove_hop_by_hop;
use crate::net::worker::ConnectionInfo;
use crate::route::Rest;
use answer::Answer;
use call::Carrier;
use exchange::Exchange;

/// Serves one request. Cancelling it (the client left) closes the connection to the agent.
pub async fn exchange(
    worker: &Worker,
    listener: &Listener,
    connection: &ConnectionInfo,
    request: Request<Incoming>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let mut body = Some(body);
    let mut exchange = Exchange::begin(&worker.gateway, connection, &parts);
    match stages(worker, listener, &mut exchange, &mut parts, &mut body).await {
        Ok(answer) => answer.into_response(exchange),
        // A body that is left has not been read, nor have the headers been sent on.
        Err(error) => {
            refuse::expect_dialect(&mut exchange, &parts);
            refuse::answer(&error, exchange, body, parts.headers.contains_key(EXPECT))
        }
    }
}

/// The stages in their order. `body` is taken by whoever reads it; what is left is a refused request's.
async fn stages(
    worker: &Worker,
    listener: &Listener,
    exchange: &mut Exchange,
    parts: &mut Parts,
    body: &mut Option<Incoming>,
) -> Result<Answer, GatewayError> {
    remove_hop_by_hop(&mut parts.headers);
    let route = enter::route(&worker.gateway, exchange, parts)?;
    match &route.place {
        // Boxed: a call should not be as large as what it might have been.
        enter::Place::Card => Box::pin(card::serve(worker, listener, exchange, &route, parts)).await,
        enter::Place::Call(carrier) => {
            carrier.check_head(parts, exchange)?;
            let admission = enter::admit(&worker.gateway, exchange, &route, parts)?;
            enter::limit(&worker.gateway, exchange, &route)?;
            let mut call = call::read(worker, exchange, &route, parts, body, carrier).await?;
            lenient::mend(&route, &mut call)?;
            permit::check(exchange, &route, &call)?;
            ownership::check(&worker.gateway, exchange, &route, &call)?;
            let guard = if call.operation.is_streaming() {
                Some(enter::open_stream(exchange, &route)?)
            } else {
                None
            };
            let target = forward::target(worker, &route.agent, &call).await?;
            let mut request =
                forward::request(listener, exchange, &route, &admission, parts, &call, &target)?;
            let response = forward::send(worker, exchange, &route, &call, &target, &mut request).await?;
            answer::understand(worker, listener, exchange, &route, &call, guard, response).await
        }
        enter::Place::Nowhere => Err(Code::NotFound.into()),
    }
}

/// What an agent answers below its address. `path` is the whole path.
fn place(method: &Method, rest: Rest<'_>, path: &str) -> enter::Place {
    match rest {
        Rest::Root => enter::Place::Call(Carrier::JsonRpc { streams: false }),
        Rest::MessageStream => enter::Place::Call(Carrier::JsonRpc { streams: true }),
        Rest::AgentCard | Rest::LegacyAgentCard => enter::Place::Card,
        // A slash at the end is part of an address, not of a path below it: servers differ in what it means there.
        Rest::Other(_) if path.ends_with('/') => enter::Place::Nowhere,
        Rest::Other(below) => match http_json::classify(method, below) {
            Ok(route) => enter::Place::Call(Carrier::HttpJson(route)),
            Err(Miss::Method { naming, allow }) => {
                enter::Place::Call(Carrier::HttpJsonWithout { naming, allow })
            }
            Err(Miss::Nowhere) => enter::Place::Nowhere,
        },
    }
}
