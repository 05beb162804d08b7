//! All services on one listener, with every limit spelled out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use signalbox_proto::FILE_DESCRIPTOR_SET;
use signalbox_proto::pin::Fingerprint;
use signalbox_proto::wire::config::v1::config_service_server::ConfigServiceServer;
use signalbox_proto::wire::discovery::v1::discovery_service_server::DiscoveryServiceServer;
use signalbox_proto::wire::fleet::v1::fleet_service_server::FleetServiceServer;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;

use super::auth::AuthenticationLayer;
use super::config::ConfigApi;
use super::fleet::FleetApi;
use super::observe::ObservationLayer;
use crate::discovery::{DiscoveryApi, Fleet};
use crate::service::Service;
use crate::telemetry::Telemetry;

/// Largest message that is read: a manifest of many resources.
pub const MAX_REQUEST_BYTES: usize = 32 << 20;
/// Largest message that a data plane may send.
pub const MAX_DISCOVERY_REQUEST_BYTES: usize = 1 << 20;
/// Calls under way on one connection.
pub const MAX_CALLS_PER_CONNECTION: u32 = 256;
/// A ping is sent on a connection that has been silent so long.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// A connection whose ping is not answered in this time is closed.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Age at which a connection takes no new calls, so that clients find replicas that were added.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);
/// Time that calls which are under way then still have.
pub const MAX_CONNECTION_AGE_GRACE: Duration = Duration::from_secs(12 * 60);
/// Largest set of headers of a request.
pub const MAX_HEADER_BYTES: u32 = 16 << 10;
/// What the server lets a client send ahead on one call.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// What health is told of; the empty name is the whole.
const HEALTH_NAMES: [&str; 4] = [
    "",
    "signalbox.config.v1.ConfigService",
    "signalbox.discovery.v1.DiscoveryService",
    "signalbox.fleet.v1.FleetService",
];

/// What is served.
#[derive(Clone)]
pub struct Services {
    /// The use cases.
    pub service: Service,
    /// The data planes.
    pub fleet: Arc<Fleet>,
    /// Where calls are counted.
    pub telemetry: Arc<Telemetry>,
    /// Of the CA; `None` in plaintext.
    pub ca: Option<Fingerprint>,
}

/// Serves until `shutdown` is done and the calls under way have ended.
///
/// # Errors
///
/// If `incoming` fails for good.
pub async fn serve<I, S>(
    services: Services,
    incoming: I,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error>
where
    I: Stream<Item = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    S::ConnectInfo: Clone + Send + Sync + 'static,
{
    let Services { service, fleet, telemetry, ca } = services;
    let (health, health_service) = tonic_health::server::health_reporter();
    for name in HEALTH_NAMES {
        health.set_service_status(name, ServingStatus::Serving).await;
    }
    let shutdown = async move {
        shutdown.await;
        for name in HEALTH_NAMES {
            health.set_service_status(name, ServingStatus::NotServing).await;
        }
    };
    let config = ConfigServiceServer::new(ConfigApi::new(service.clone(), Arc::clone(&telemetry)))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_REQUEST_BYTES);
    let fleet_api = FleetServiceServer::new(FleetApi::new(
        service.clone(),
        Arc::clone(&fleet),
        Arc::clone(&telemetry),
        ca,
    ))
    .max_decoding_message_size(MAX_DISCOVERY_REQUEST_BYTES)
    .max_encoding_message_size(MAX_REQUEST_BYTES);
    let discovery =
        DiscoveryServiceServer::new(DiscoveryApi::new(service.clone(), fleet, Arc::clone(&telemetry)))
            .max_decoding_message_size(MAX_DISCOVERY_REQUEST_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES);
    let reflection = |builder: tonic_reflection::server::Builder<'static>| {
        builder
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Server::builder()
        .max_concurrent_streams(MAX_CALLS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .max_connection_age(MAX_CONNECTION_AGE)
        .max_connection_age_grace(MAX_CONNECTION_AGE_GRACE)
        .layer(ObservationLayer::new(Arc::clone(&telemetry)))
        .layer(AuthenticationLayer::new(service, telemetry))
        .add_service(health_service)
        .add_optional_service(reflection(tonic_reflection::server::Builder::configure()).build_v1().ok())
        .add_optional_service(reflection(tonic_reflection::server::Builder::configure()).build_v1alpha().ok())
        .add_service(config)
        .add_service(fleet_api)
        .add_service(discovery)
        .serve_with_incoming_shutdown(incoming, shutdown)
        .await
}
