//! From the moment an operator sends a change to the first request that sees it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{Times, api::Api, names};
use crate::connection::Connection;

/// A change that is not seen by then will not be.
const PATIENCE: Duration = Duration::from_secs(10);
/// `AGENT_STATE_DEPLOYED` and `AGENT_STATE_STOPPED` of the config API.
const DEPLOYED: i32 = 2;
const STOPPED: i32 = 3;

/// Stops and deploys an agent, creates and revokes keys, and watches for each with requests.
pub(super) async fn run(mut api: Api, data_plane: SocketAddr, changes: usize) -> Result<()> {
    let (mut agents, mut keys) = (Times::new()?, Times::new()?);
    let (name, key) = api.create_key(names::OTHER_SUBSCRIPTION).await?;
    let mut agent = api.agent(names::TOGGLED).await?;
    let mut watcher = Watcher::new(data_plane, &key);
    watcher.until(|status| status == 200, Instant::now()).await.context("the agent is not served")?;

    for _ in 0..changes / 4 {
        for (state, visible) in [(STOPPED, false), (DEPLOYED, true)] {
            agent.state = state;
            let start = Instant::now();
            agent = api.update_agent(agent).await?;
            agents.add(watcher.until(|status| (status == 200) == visible, start).await?);
        }
        let start = Instant::now();
        let (extra_name, extra) = api.create_key(names::OTHER_SUBSCRIPTION).await?;
        let mut other = Watcher::new(data_plane, &extra);
        keys.add(other.until(|status| status == 200, start).await?);
        let start = Instant::now();
        api.revoke_key(&extra_name).await?;
        keys.add(other.until(|status| status == 401, start).await?);
    }
    api.revoke_key(&name).await?;
    println!("{}", json!({"agents": agents.report(), "keys": keys.report()}));
    Ok(())
}

/// One caller that asks over and over.
struct Watcher {
    address: SocketAddr,
    request: String,
    connection: Option<Connection>,
}

impl Watcher {
    fn new(address: SocketAddr, key: &str) -> Self {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {
            "messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}],
        }}})
        .to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\na2a-version: 1.0\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            names::TOGGLED_PATH,
            body.len(),
        );
        Self { address, request, connection: None }
    }

    /// Asks until a status comes that shows the change; gives the time since `start`.
    async fn until(&mut self, shows: impl Fn(u16) -> bool, start: Instant) -> Result<Duration> {
        loop {
            let status = self.ask().await?;
            if shows(status) {
                return Ok(start.elapsed());
            }
            if start.elapsed() > PATIENCE {
                bail!("the change is not enforced after {PATIENCE:?}; the last status is {status}");
            }
        }
    }

    async fn ask(&mut self) -> Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        connection.send(self.request.as_bytes()).await?;
        let head = connection.head().await?;
        connection.body(head.length, |_| ()).await?;
        if head.keep_alive {
            self.connection = Some(connection);
        }
        Ok(head.status)
    }
}
