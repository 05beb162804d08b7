//! Many open event streams: how many events came, how many streams ended.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use tokio::{io::AsyncReadExt, sync::Semaphore, task::LocalSet};

use crate::connection::Connection;

/// Streams that are being opened at the same time.
const OPENING_MAX: usize = 64;
/// Time for a stream to begin.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// How many streams, how long.
#[derive(Args)]
pub(crate) struct Plan {
    /// Streams to open
    #[arg(long, default_value_t = 2000)]
    streams: usize,
    /// Time to count events once all are open
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Default)]
struct Seen {
    open: Cell<usize>,
    failed: Cell<usize>,
    ended: Cell<usize>,
    events: Cell<u64>,
}

/// Opens the streams and says `open`, counts for a while and says what came, then holds them until standard input ends.
pub(crate) async fn run(address: SocketAddr, request: Bytes, plan: &Plan) -> Result<()> {
    let seen = Rc::new(Seen::default());
    let opening = Rc::new(Semaphore::new(OPENING_MAX));
    let local = LocalSet::new();
    for _ in 0..plan.streams {
        local.spawn_local(hold(address, request.clone(), Rc::clone(&opening), Rc::clone(&seen)));
    }
    local.run_until(watch(plan, &seen)).await
}

async fn watch(plan: &Plan, seen: &Seen) -> Result<()> {
    while seen.open.get() + seen.failed.get() < plan.streams {
        tokio::time::sleep(POLL).await;
    }
    println!("{}", serde_json::json!({"open": seen.open.get(), "failed": seen.failed.get()}));

    let before = seen.events.get();
    tokio::time::sleep(Duration::from_secs_f64(plan.seconds)).await;
    let line = serde_json::json!({
        "events": seen.events.get() - before,
        "failed": seen.failed.get(),
        "cut": seen.ended.get(),
        "seconds": plan.seconds,
    });
    println!("{line}");

    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await.context("cannot read standard input")?;
    println!("{}", serde_json::json!({"cut": seen.ended.get()}));
    Ok(())
}

async fn hold(address: SocketAddr, request: Bytes, opening: Rc<Semaphore>, seen: Rc<Seen>) {
    let add = |to: &Cell<usize>| to.set(to.get() + 1);
    let begun = {
        let _turn = opening.acquire().await;
        tokio::time::timeout(OPEN_TIMEOUT, begin(address, &request)).await
    };
    let Ok(Ok((mut connection, length))) = begun else {
        return add(&seen.failed);
    };
    add(&seen.open);
    // However it ends, an open stream that ends was cut.
    let _ = connection.body(length, |piece| seen.events.set(seen.events.get() + events(piece))).await;
    add(&seen.ended);
}

async fn begin(address: SocketAddr, request: &[u8]) -> Result<(Connection, crate::connection::Length)> {
    let mut connection = Connection::open(address).await?;
    connection.send(request).await?;
    let head = connection.head().await?;
    ensure!(head.status == 200, "status {}", head.status);
    Ok((connection, head.length))
}

/// Events that begin in a piece; the source writes each at once, and heartbeats are no events.
fn events(piece: &[u8]) -> u64 {
    let starts = piece.windows(5).filter(|window| window == b"data:").count();
    u64::try_from(starts).unwrap_or_default()
}
