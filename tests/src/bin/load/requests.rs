//! Requests over keep-alive connections: as fast as answers come, or at a fixed rate.

use std::{
    cell::RefCell,
    net::SocketAddr,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::{connection::Connection, tls::Tls};

/// Longest answer time that is told apart.
const LATENCY_MAX_US: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// Time for a whole answer; longer counts as an error.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause before connecting again after a failure, so that a dead target is not hammered.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);

/// How much is sent.
#[derive(Args)]
pub(crate) struct Pace {
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// How long
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Requests a second over all connections, each on its schedule whether answers come or not; without it, a
    /// connection sends as soon as its last answer came
    #[arg(long)]
    rate: Option<f64>,
    /// Speak TLS, and trust the CA in this file
    #[arg(long)]
    tls_ca: Option<PathBuf>,
    /// Open a connection for each request
    #[arg(long)]
    reconnect: bool,
}

struct Seen {
    latency_us: Histogram<u64>,
    requests: u64,
    errors: u64,
    first_error: Option<String>,
}

/// Sends for the time asked, then prints one line of JSON.
pub(crate) async fn run(address: SocketAddr, request: Bytes, pace: &Pace) -> Result<()> {
    let latency_us = Histogram::new_with_max(LATENCY_MAX_US, SIGNIFICANT_DIGITS).context("no histogram")?;
    let seen = Rc::new(RefCell::new(Seen { latency_us, requests: 0, errors: 0, first_error: None }));
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(pace.seconds);
    let interval = pace.rate.map(|rate| Duration::from_secs_f64(f64::from(pace.connections) / rate));

    let target = Rc::new(Target {
        address,
        request,
        tls: pace.tls_ca.as_deref().map(Tls::new).transpose()?,
        reconnect: pace.reconnect,
    });
    let local = LocalSet::new();
    for index in 0..pace.connections {
        let first =
            start + interval.unwrap_or_default().mul_f64(f64::from(index) / f64::from(pace.connections));
        let schedule = Schedule { next: first, interval, end };
        local.spawn_local(client(Rc::clone(&target), schedule, Rc::clone(&seen)));
    }
    local.await;
    print(&seen.borrow(), start.elapsed());
    Ok(())
}

struct Target {
    address: SocketAddr,
    request: Bytes,
    tls: Option<Tls>,
    reconnect: bool,
}

struct Schedule {
    next: Instant,
    interval: Option<Duration>,
    end: Instant,
}

impl Schedule {
    /// Waits for the time of the next request; `None` when there is none. An open loop counts from the time planned, so
    /// that a stall counts for all requests it delays.
    async fn turn(&mut self) -> Option<Instant> {
        let Some(interval) = self.interval else {
            return Some(Instant::now()).filter(|now| *now < self.end);
        };
        let planned = self.next;
        self.next += interval;
        tokio::time::sleep_until(planned.into()).await;
        Some(planned).filter(|planned| *planned < self.end)
    }
}

async fn client(target: Rc<Target>, mut schedule: Schedule, seen: Rc<RefCell<Seen>>) {
    let mut connection = None;
    while let Some(begun) = schedule.turn().await {
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, exchange(&mut connection, &target)).await;
        let done = answered.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {ANSWER_TIMEOUT:?}")));
        if done.is_err() {
            connection = None;
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
        seen.borrow_mut().note(done, begun);
    }
}

impl Seen {
    fn note(&mut self, done: Result<()>, begun: Instant) {
        self.requests += 1;
        let Err(error) = done else {
            return self.latency_us.saturating_record(micros(begun.elapsed()));
        };
        self.errors += 1;
        self.first_error.get_or_insert(format!("{error:#}"));
    }
}

/// One request and its whole answer; anything but 200 is an error.
async fn exchange(connection: &mut Option<Connection>, target: &Target) -> Result<()> {
    let mut open = match (connection.take(), &target.tls) {
        (Some(open), _) => open,
        (None, Some(tls)) => Connection::open_tls(target.address, tls).await?,
        (None, None) => Connection::open(target.address).await?,
    };
    open.send(&target.request).await?;
    let head = open.head().await?;
    let mut start = Vec::new();
    let refused = head.status != 200;
    open.body(head.length, |piece| {
        if refused {
            start.extend_from_slice(piece);
        }
    })
    .await?;
    if head.keep_alive && !target.reconnect {
        *connection = Some(open);
    }
    anyhow::ensure!(!refused, "status {}: {}", head.status, String::from_utf8_lossy(&start));
    Ok(())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn print(seen: &Seen, elapsed: Duration) {
    let quantile = |at| seen.latency_us.value_at_quantile(at);
    let line = serde_json::json!({
        "requests": seen.requests,
        "errors": seen.errors,
        "first_error": seen.first_error,
        "seconds": elapsed.as_secs_f64(),
        "p50_us": quantile(0.5),
        "p99_us": quantile(0.99),
        "max_us": seen.latency_us.max(),
    });
    println!("{line}");
}
