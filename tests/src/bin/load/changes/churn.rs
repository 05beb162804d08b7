//! Changes of every kind, one after the other, while somebody else sends load.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use signalbox_proto::wire::config::v1::Agent;

use super::{Times, api::Api, names};

/// Limits between which a plan goes back and forth.
const REQUESTS: [u32; 2] = [500_000, 900_000];

/// Adds and removes agents, changes a limit, an upstream and other callers' keys; prints how long commits took.
pub(super) async fn run(mut api: Api, changes: usize) -> Result<()> {
    let mut commits = Times::new()?;
    let mut churn = Churn { model: api.agent(names::MOVING).await?, last_key: None };
    let start = Instant::now();
    for index in 0..changes {
        let begun = Instant::now();
        churn.change(&mut api, index).await?;
        commits.add_since(begun);
    }
    let seconds = start.elapsed().as_secs_f64();
    ensure!(api.wait().await?, "not every data plane enforces the changes");
    println!("{}", json!({"commits": commits.report(), "seconds": seconds}));
    Ok(())
}

struct Churn {
    /// What added agents look like; also the agent that moves.
    model: Agent,
    last_key: Option<String>,
}

impl Churn {
    async fn change(&mut self, api: &mut Api, index: usize) -> Result<()> {
        let (round, kind) = (index / 6, index % 6);
        match kind {
            0 => api.create_agent(&format!("added-{round}"), self.added()).await,
            1 => {
                let mut plan = api.plan(names::OTHER_PLAN).await?;
                let limit = plan.rate_limits.first_mut().context("the plan has no limit")?;
                limit.requests = REQUESTS[round % 2];
                api.update_plan(plan).await.map(drop)
            }
            2 => {
                let upstream = self.model.upstreams.first_mut().context("the agent has no upstream")?;
                // The manifest gives it a path of one segment.
                let (base, _) = upstream.url.rsplit_once('/').context("the upstream has no path")?;
                upstream.url = format!("{base}/{round}");
                self.model = api.update_agent(self.model.clone()).await?;
                Ok(())
            }
            3 => {
                self.last_key = Some(api.create_key(names::OTHER_SUBSCRIPTION).await?.0);
                Ok(())
            }
            4 => match self.last_key.take() {
                Some(key) => api.revoke_key(&key).await,
                None => Ok(()),
            },
            _ => api.delete_agent(&format!("added-{round}")).await,
        }
    }

    fn added(&self) -> Agent {
        Agent {
            display_name: "Added under load".to_owned(),
            state: self.model.state,
            upstreams: self.model.upstreams.clone(),
            plans: self.model.plans.clone(),
            ..Default::default()
        }
    }
}
