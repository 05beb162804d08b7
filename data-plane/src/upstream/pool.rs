//! Connections to agents, one pool per worker thread, and the exchange of one request over them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use signalbox_proto::model::agent::UpstreamProtocol;

use super::address::AddressRules;
use super::body::ResponseBody;
use super::connect::{Connected, connect};
use super::endpoint::{Endpoint, EndpointIdentity};
use super::error::{UpstreamError, UpstreamErrorKind};
use super::http1::{self, Http1Connection};
use super::http2::{Http2Connection, StreamPlace};
use super::resolve::Resolver;
use super::slot::Slot;
use crate::clock;

/// Bounds of a pool. Every one holds per worker.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Time after which an idle HTTP/1.1 connection is closed: below the 5 s of Node.js and uvicorn, the shortest
    /// keep-alive time in common use, so that the agent rarely closes first.
    pub idle_timeout: Duration,
    /// Idle HTTP/1.1 connections kept per endpoint.
    pub idle_connections_max: usize,
    /// Time after which an HTTP/2 connection without streams is closed.
    pub http2_idle_timeout: Duration,
    /// HTTP/2 connections per endpoint; beyond them a stream waits for another to end.
    pub http2_connections_max: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(4),
            idle_connections_max: 128,
            http2_idle_timeout: Duration::from_secs(60),
            http2_connections_max: 64,
        }
    }
}

/// Time after which an endpoint that nobody has called is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// When a request may be sent a second time, on a fresh connection, after a kept one turned out to be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never.
    Never,
    /// Only if the agent cannot have seen it: the choice for everything that changes state.
    IfNothingSent,
    /// Also if it may have been seen: only for what is safe to repeat.
    Idempotent,
}

/// Deadlines of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct SendOptions {
    /// Time from the call until the response head, connecting included.
    pub head_timeout: Duration,
    /// Longest silence inside the response body; `None` where the reader watches over that itself.
    pub body_timeout: Option<Duration>,
    /// When it may be sent again.
    pub retry: Retry,
}

/// Counts of one pool since its start, and what it keeps now.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PoolCounts {
    /// Connections opened.
    pub opened: u64,
    /// Exchanges on a kept connection.
    pub reused: u64,
    /// Exchanges repeated after a kept connection turned out to be dead.
    pub retried: u64,
    /// Idle HTTP/1.1 connections.
    pub idle_http1: usize,
    /// Open HTTP/2 connections.
    pub open_http2: usize,
}

/// The connections of one worker; clones share them.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    resolver: Resolver,
    settings: PoolSettings,
    // One worker, one thread: never contended, and never held across an await.
    slots: Mutex<HashMap<EndpointIdentity, Slot, foldhash::fast::RandomState>>,
    opened: AtomicU64,
    reused: AtomicU64,
    retried: AtomicU64,
}

/// A connection, or a place on one, for one exchange.
enum Lease {
    Http1 { connection: Http1Connection, is_reused: bool },
    Http2 { connection: Http2Connection, place: StreamPlace, is_reused: bool },
}

impl Pool {
    /// An empty pool. Must be called on the worker's runtime: a task of its own closes idle connections.
    pub fn new(settings: PoolSettings, rules: Arc<AddressRules>) -> Self {
        let inner = Arc::new(Inner {
            resolver: Resolver::new(rules),
            settings,
            slots: Mutex::default(),
            opened: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            retried: AtomicU64::new(0),
        });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Sends a request and waits for the response head.
    ///
    /// The request's target is used as path and query; scheme, authority, Host and connection headers are the
    /// endpoint's. Redirects are returned, never followed. Cancelling closes the HTTP/1.1 connection or resets the
    /// HTTP/2 stream; so does dropping the body before its end.
    ///
    /// # Errors
    /// See [`UpstreamErrorKind`]; [`UpstreamError::nothing_sent`] says whether the agent can have seen the request.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        request: &Request<Bytes>,
        options: SendOptions,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        let is_sent = AtomicBool::new(false);
        // In one expression: a future that is moved takes its place twice.
        match tokio::time::timeout(options.head_timeout, self.exchange(endpoint, request, options, &is_sent))
            .await
        {
            Ok(result) => result,
            Err(_) if is_sent.into_inner() => {
                Err(UpstreamError::after_sending(UpstreamErrorKind::HeadTimeout))
            }
            Err(_) => Err(UpstreamError::before_sending(UpstreamErrorKind::HeadTimeout)),
        }
    }

    /// Closes the idle connections to endpoints that are no longer configured. Exchanges under way are not touched.
    pub fn retain(&self, mut is_live: impl FnMut(&EndpointIdentity) -> bool) {
        let removed: Vec<Slot> = {
            let mut slots = self.inner.lock();
            slots.extract_if(|identity, _| !is_live(identity)).map(|(_, slot)| slot).collect()
        };
        drop(removed);
    }

    /// What the pool has done and keeps.
    pub fn counts(&self) -> PoolCounts {
        let mut counts = PoolCounts {
            opened: self.inner.opened.load(Ordering::Relaxed),
            reused: self.inner.reused.load(Ordering::Relaxed),
            retried: self.inner.retried.load(Ordering::Relaxed),
            ..PoolCounts::default()
        };
        for slot in self.inner.lock().values() {
            let (idle, shared) = slot.kept();
            counts.idle_http1 += idle;
            counts.open_http2 += shared;
        }
        counts
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: &Request<Bytes>,
        options: SendOptions,
        is_sent: &AtomicBool,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        // What is rare is boxed here and below: a place for it would make every exchange larger.
        let lease = match self.take_kept(endpoint) {
            Some(lease) => lease,
            None => Box::pin(self.open(endpoint, false)).await?,
        };
        let is_reused = lease.is_reused();
        is_sent.store(true, Ordering::Relaxed);
        let error = match self.send_on(lease, endpoint, request, options).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let may_repeat = match options.retry {
            Retry::Never => false,
            Retry::IfNothingSent => error.nothing_sent(),
            Retry::Idempotent => {
                error.nothing_sent() || (is_reused && error.kind() == UpstreamErrorKind::Reset)
            }
        };
        if !may_repeat {
            return Err(error);
        }
        self.inner.retried.fetch_add(1, Ordering::Relaxed);
        is_sent.store(false, Ordering::Relaxed);
        Box::pin(async {
            let lease = self.open(endpoint, true).await?;
            is_sent.store(true, Ordering::Relaxed);
            self.send_on(lease, endpoint, request, options).await
        })
        .await
    }

    async fn send_on(
        &self,
        lease: Lease,
        endpoint: &Endpoint,
        request: &Request<Bytes>,
        options: SendOptions,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        match lease {
            Lease::Http1 { connection, .. } => {
                let (head, exchange) = http1::send(connection.0, request, endpoint.host_header()).await?;
                let home = Home { pool: Arc::downgrade(&self.inner), identity: endpoint.identity().clone() };
                let mut response = Response::new(ResponseBody::http1(exchange, home, options.body_timeout));
                *response.status_mut() = head.status;
                *response.version_mut() = head.version;
                *response.headers_mut() = head.headers;
                Ok(response)
            }
            Lease::Http2 { mut connection, place, .. } => {
                let response = Box::pin(connection.send(endpoint, request)).await?;
                Ok(response.map(|body| ResponseBody::http2(body, place, options.body_timeout)))
            }
        }
    }

    /// Opens a connection, or takes a place on a shared one that somebody else is opening. `is_fresh`: only one that
    /// has not been used before will do.
    async fn open(&self, endpoint: &Endpoint, is_fresh: bool) -> Result<Lease, UpstreamError> {
        while let Some((opening, failures)) = self.shared_opening(endpoint) {
            let Ok(_only_one) = opening.try_lock() else {
                // Someone else opens a connection that may have a place for this exchange, too.
                drop(opening.lock().await);
                if let Some(lease) = self.take_place(endpoint) {
                    return Ok(lease);
                }
                // Waiting in line at an agent that cannot be reached would add up everybody's timeouts.
                if self.shared_opening(endpoint).is_some_and(|(_, now)| now != failures) {
                    break;
                }
                continue;
            };
            if !is_fresh && let Some(lease) = self.take_place(endpoint) {
                return Ok(lease);
            }
            return self.open_counted(endpoint).await;
        }
        self.open_counted(endpoint).await
    }

    /// The lock under which a connection is opened that others will share, and how often that has failed. `None` for
    /// an endpoint that speaks HTTP/1.1.
    fn shared_opening(&self, endpoint: &Endpoint) -> Option<(Arc<tokio::sync::Mutex<()>>, u64)> {
        let mut slots = self.inner.lock();
        let slot = slots.entry(endpoint.identity().clone()).or_insert_with(new_slot);
        let is_shared = match endpoint.protocol() {
            UpstreamProtocol::Http1 => false,
            UpstreamProtocol::Http2 => true,
            UpstreamProtocol::Auto => endpoint.is_tls() && slot.speaks_http2 != Some(false),
        };
        is_shared.then(|| (Arc::clone(&slot.opening), slot.failures))
    }

    fn take_kept(&self, endpoint: &Endpoint) -> Option<Lease> {
        let mut slots = self.inner.lock();
        let slot = slots.get_mut(endpoint.identity())?;
        let now = clock::now();
        if let Some((connection, place)) = slot.take_place(now) {
            self.inner.reused.fetch_add(1, Ordering::Relaxed);
            return Some(Lease::Http2 { connection, place, is_reused: true });
        }
        let connection = slot.take_idle(now, self.inner.settings.idle_timeout)?;
        self.inner.reused.fetch_add(1, Ordering::Relaxed);
        Some(Lease::Http1 { connection, is_reused: true })
    }

    /// A place on a shared connection, also one that has to be waited for where no connection may be added.
    fn take_place(&self, endpoint: &Endpoint) -> Option<Lease> {
        let mut slots = self.inner.lock();
        let slot = slots.get_mut(endpoint.identity())?;
        let place = slot.take_place(clock::now());
        let (connection, place) =
            place.or_else(|| slot.force_place(self.inner.settings.http2_connections_max))?;
        self.inner.reused.fetch_add(1, Ordering::Relaxed);
        Some(Lease::Http2 { connection, place, is_reused: true })
    }

    async fn open_counted(&self, endpoint: &Endpoint) -> Result<Lease, UpstreamError> {
        let result = self.open_connection(endpoint).await;
        if result.is_err() {
            self.inner.lock().entry(endpoint.identity().clone()).or_insert_with(new_slot).failures += 1;
        }
        result
    }

    async fn open_connection(&self, endpoint: &Endpoint) -> Result<Lease, UpstreamError> {
        let Connected { transport, is_http2 } = connect(endpoint, &self.inner.resolver).await?;
        self.inner.opened.fetch_add(1, Ordering::Relaxed);
        if !is_http2 {
            let connection = Http1Connection(transport);
            self.inner.lock().entry(endpoint.identity().clone()).or_insert_with(new_slot).speaks_http2 =
                Some(false);
            return Ok(Lease::Http1 { connection, is_reused: false });
        }
        let connection = Http2Connection::start(transport).await?;
        let place = connection.force_place();
        let mut slots = self.inner.lock();
        let slot = slots.entry(endpoint.identity().clone()).or_insert_with(new_slot);
        slot.speaks_http2 = Some(true);
        slot.add_shared(connection.clone(), clock::now());
        Ok(Lease::Http2 { connection, place, is_reused: false })
    }
}

impl Lease {
    fn is_reused(&self) -> bool {
        match self {
            Self::Http1 { is_reused, .. } | Self::Http2 { is_reused, .. } => *is_reused,
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointIdentity, Slot, foldhash::fast::RandomState>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an HTTP/1.1 connection goes when its response has been read to the end.
#[derive(Debug)]
pub(super) struct Home {
    pool: Weak<Inner>,
    identity: EndpointIdentity,
}

impl Home {
    /// Gives the connection back; closes it if pool or endpoint are gone.
    pub(super) fn take_back(&self, connection: Http1Connection) {
        let Some(inner) = self.pool.upgrade() else { return };
        if let Some(slot) = inner.lock().get_mut(&self.identity) {
            slot.keep(connection, clock::now(), inner.settings.idle_connections_max);
        }
    }
}

fn new_slot() -> Slot {
    Slot::new(clock::now())
}

/// Closes idle connections until the pool is gone.
async fn sweep(pool: Weak<Inner>) {
    loop {
        let Some(interval) = pool.upgrade().map(|inner| inner.settings.idle_timeout / 2) else { return };
        tokio::time::sleep(interval.max(Duration::from_millis(10))).await;
        let Some(inner) = pool.upgrade() else { return };
        let now = clock::now();
        inner.lock().retain(|_, slot| {
            slot.sweep(now, inner.settings.idle_timeout, inner.settings.http2_idle_timeout);
            // Empty slots stay for a while: a connection in use has to find its own when it comes back.
            !slot.is_unused(now, FORGET_AFTER)
        });
    }
}
