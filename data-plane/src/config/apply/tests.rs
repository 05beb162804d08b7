use std::sync::Arc;

use signalbox_proto::model::agent::AgentState;
use signalbox_proto::model::lane::{Change, Cursor, Epoch, Lane};
use signalbox_proto::model::plan::PlanState;

use super::{Applier, Refused, off_the_path};
use crate::config::compile::tests::{PEPPER, agent, delta, key, plan, put_agent, put_plan};
use crate::config::{Handle, Site, Staged};

fn applier() -> Applier {
    Applier::new(Handle::new(), Site::default(), Arc::default())
}

#[tokio::test]
async fn a_delta_applies_only_where_it_starts() {
    let applier = applier();
    applier
        .apply(delta(Lane::Config, 4, true, vec![put_plan(plan("p", PlanState::Published))]))
        .await
        .unwrap();
    let gap = applier.apply(delta(Lane::Config, 6, false, vec![])).await;
    assert_eq!(gap.unwrap_err(), Refused::OutOfRange { from: 6, held: 5 });
    let back = applier.apply(delta(Lane::Config, 1, true, vec![])).await;
    assert_eq!(back.unwrap_err(), Refused::GoesBack { held: 5, to: 2 });
    let other = Cursor { epoch: Epoch([1; 16]), revision: 6 };
    let foreign = applier.apply(Staged::new(Lane::Config, 5, other, false, PEPPER)).await;
    assert_eq!(foreign.unwrap_err(), Refused::OutOfRange { from: 5, held: 5 });
    assert_eq!(applier.handle().load().plans.len(), 1, "the last good state serves");
    applier
        .apply(delta(Lane::Config, 5, false, vec![put_agent(agent("a", AgentState::Deployed, &[]))]))
        .await
        .unwrap();
    assert_eq!(applier.handle().load().cursors.config.revision, 6);
}

#[tokio::test]
async fn another_epoch_replaces_everything_even_with_a_smaller_revision() {
    let applier = applier();
    applier
        .apply(delta(Lane::Config, 4, true, vec![put_plan(plan("p", PlanState::Published))]))
        .await
        .unwrap();
    let other = Cursor { epoch: Epoch([1; 16]), revision: 1 };
    applier.apply(Staged::new(Lane::Config, 0, other, true, PEPPER)).await.unwrap();
    assert!(applier.handle().load().plans.is_empty());
}

#[tokio::test]
async fn it_is_configured_once_both_lanes_have_been_heard_of() {
    let applier = applier();
    applier.apply(delta(Lane::Config, 0, true, vec![])).await.unwrap();
    assert!(!applier.handle().is_configured());
    let keys = vec![Change::PutCredential(Box::new(key("k", "p", None)))];
    applier.apply(delta(Lane::Credentials, 0, true, keys)).await.unwrap();
    assert!(applier.handle().is_configured());
    assert_eq!(applier.pepper(), PEPPER);
}

#[tokio::test]
async fn a_panic_while_compiling_is_a_refusal() {
    let outcome: Result<(), Refused> = off_the_path(|| panic!("a defect")).await;
    assert_eq!(outcome, Err(Refused::Defect));
}
