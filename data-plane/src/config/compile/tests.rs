use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use signalbox_proto::model::address::Addresses;
use signalbox_proto::model::agent::{
    A2aVersion, About, Agent, AgentLimits, AgentState, CardPolicy, CardVisibility, SignaturePolicy,
    TaskOwnership, Upstream, UpstreamProtocol, UpstreamUrl,
};
use signalbox_proto::model::credential::{Credential, KeyDigest};
use signalbox_proto::model::lane::{Change, Cursor, Delta, Epoch, Lane};
use signalbox_proto::model::name::{AgentName, ApiKeyName, ConsumerName, PlanName};
use signalbox_proto::model::permits::Permits;
use signalbox_proto::model::plan::{Plan, PlanState, Security};
use signalbox_proto::model::push::PushPolicy;
use signalbox_proto::model::selector::DataPlaneSelector;
use signalbox_proto::model::violation::FieldPath;

use super::{Compiled, Setting, compile};
use crate::config::runtime::{Runtime, Site};
use crate::config::stage::Staged;
use crate::limit::Subject;

pub(in crate::config) const PEPPER: [u8; 32] = [5; 32];
const EPOCH: Epoch = Epoch([9; 16]);

pub(in crate::config) fn plan_name(id: &str) -> PlanName {
    PlanName::parse(&format!("organizations/default/plans/{id}"), &FieldPath::root()).unwrap()
}

pub(in crate::config) fn agent_name(id: &str) -> AgentName {
    AgentName::parse(&format!("organizations/default/agents/{id}"), &FieldPath::root()).unwrap()
}

pub(in crate::config) fn key_name(id: &str) -> ApiKeyName {
    let name = format!("organizations/default/consumers/ada/subscriptions/s/apiKeys/{id}");
    ApiKeyName::parse(&name, &FieldPath::root()).unwrap()
}

pub(in crate::config) fn plan(id: &str, state: PlanState) -> Plan {
    Plan {
        name: plan_name(id),
        state,
        display_name: String::new(),
        description: String::new(),
        security: Security::Keyless,
        rate_limits: vec![],
        max_open_streams: None,
        permits: Permits::default(),
        push: PushPolicy::default(),
    }
}

pub(in crate::config) fn agent(id: &str, state: AgentState, plans: &[&str]) -> Agent {
    Agent {
        name: agent_name(id),
        state,
        about: About::default(),
        addresses: Addresses::default(),
        upstreams: vec![upstream("agent.example", &[], DataPlaneSelector::default())],
        card: CardPolicy {
            visibility: CardVisibility::Public,
            signatures: SignaturePolicy::Strip,
            static_card: None,
            fetch_credential: None,
        },
        heartbeat_interval: None,
        plans: plans.iter().map(|id| plan_name(id)).collect(),
        limits: AgentLimits::default(),
        push: PushPolicy::default(),
        skill_selector: None,
        lenient: false,
        task_ownership: TaskOwnership::Off,
    }
}

fn upstream(host: &str, versions: &[(u16, u16)], selector: DataPlaneSelector) -> Upstream {
    Upstream {
        url: UpstreamUrl {
            tls: false,
            host: host.into(),
            port: 80,
            path: "".into(),
            text: format!("http://{host}").into(),
        },
        versions: versions.iter().map(|&(major, minor)| A2aVersion { major, minor }).collect(),
        selector,
        ca_certificates: None,
        server_name: None,
        protocol: UpstreamProtocol::Auto,
        card_path: None,
        bindings: Vec::new(),
    }
}

pub(in crate::config) fn key(id: &str, plan: &str, expires: Option<u64>) -> Credential {
    let mut digest = [0; 16];
    digest[..id.len().min(16)].copy_from_slice(&id.as_bytes()[..id.len().min(16)]);
    Credential {
        name: key_name(id),
        digest: KeyDigest(digest),
        plan: plan_name(plan),
        consumer: ConsumerName::parse("organizations/default/consumers/ada", &FieldPath::root()).unwrap(),
        expire_time: expires.map(|at| UNIX_EPOCH + Duration::from_secs(at)),
    }
}

pub(in crate::config) fn delta(lane: Lane, from: u64, full: bool, changes: Vec<Change>) -> Staged {
    let to = Cursor { epoch: EPOCH, revision: from + 1 };
    let changes = changes.into_iter().map(|change| (from + 1, change)).collect();
    Staged::whole(Delta { lane, from, to, full, changes, traceparent: None, commit_time: None }, PEPPER)
}

pub(in crate::config) fn put_agent(agent: Agent) -> Change {
    Change::PutAgent(Box::new(agent))
}

pub(in crate::config) fn put_plan(plan: Plan) -> Change {
    Change::PutPlan(Box::new(plan))
}

fn config(previous: &Runtime, full: bool, changes: Vec<Change>) -> Compiled {
    let from = previous.cursors.config.revision;
    compile(previous, delta(Lane::Config, from, full, changes), &Setting::default())
}

fn touched(compiled: &Compiled) -> Vec<&str> {
    let mut names: Vec<&str> = compiled.touched.names.iter().map(|name| &**name).collect();
    names.sort_unstable();
    names
}

#[test]
fn what_a_change_does_not_touch_is_shared() {
    let first = config(
        &Runtime::default(),
        false,
        vec![
            put_plan(plan("free", PlanState::Published)),
            put_plan(plan("other", PlanState::Published)),
            put_agent(agent("a", AgentState::Deployed, &["free"])),
            put_agent(agent("b", AgentState::Deployed, &["other"])),
        ],
    )
    .runtime;
    let changed = Agent {
        heartbeat_interval: Some(Duration::from_secs(1)),
        ..agent("a", AgentState::Deployed, &["free"])
    };
    let second = config(&first, false, vec![put_agent(changed)]);
    let of = |runtime: &Runtime, id: &str| Arc::clone(runtime.agents.get(agent_name(id).as_str()).unwrap());
    let now = &second.runtime;
    assert!(Arc::ptr_eq(&of(&first, "b"), &of(now, "b")));
    assert!(!Arc::ptr_eq(&of(&first, "a"), &of(now, "a")));
    assert!(Arc::ptr_eq(&of(&first, "a").targets, &of(now, "a").targets), "endpoints stay");
    assert!(Arc::ptr_eq(&of(&first, "a").plans[0], &of(now, "a").plans[0]));
    assert_eq!(of(now, "a").revision, 2);
    assert_eq!(touched(&second), [""; 0], "no stream needs to look");
    assert!(Arc::ptr_eq(now.routes.find(None, "/a2a/a").unwrap().target, &of(now, "a")));
    assert!(first.agents.get(agent_name("a").as_str()).unwrap().spec.heartbeat_interval.is_none());

    let same = config(now, false, vec![put_plan(plan("free", PlanState::Published))]);
    assert!(Arc::ptr_eq(&of(now, "a"), &of(&same.runtime, "a")), "an equal resource changes nothing");
}

#[test]
fn a_plan_that_changes_takes_its_agents_along_and_keeps_what_was_spent() {
    let limited = |requests| {
        let mut plan = plan("free", PlanState::Published);
        plan.rate_limits.push(signalbox_proto::model::plan::RateLimit {
            name: "l".into(),
            requests: std::num::NonZeroU32::new(requests).unwrap(),
            period: Duration::from_secs(60),
            burst: std::num::NonZeroU32::new(requests).unwrap(),
            key: signalbox_proto::model::plan::RateLimitKey::Plan,
            shared: false,
        });
        put_plan(plan)
    };
    let first = config(
        &Runtime::default(),
        false,
        vec![limited(1), put_agent(agent("a", AgentState::Deployed, &["free"]))],
    )
    .runtime;
    let subject =
        Subject { agent: "a", consumer: None, key: None, address: std::net::Ipv4Addr::LOCALHOST.into() };
    let draw = |runtime: &Runtime| {
        let agent = runtime.routes.find(None, "/a2a/a").unwrap().target.clone();
        crate::limit::refusal(&agent.plans[0].limits.check(&subject, Duration::from_secs(9))).is_none()
    };
    assert!(draw(&first));
    let second = config(&first, false, vec![limited(2)]).runtime;
    assert!(!draw(&second));
}

#[test]
fn streams_have_to_look_when_agent_plan_or_key_is_gone() {
    let first = config(
        &Runtime::default(),
        false,
        vec![
            put_plan(plan("p", PlanState::Published)),
            put_plan(plan("q", PlanState::Published)),
            put_agent(agent("a", AgentState::Deployed, &["p", "q"])),
            put_agent(agent("b", AgentState::Deployed, &["p"])),
        ],
    )
    .runtime;
    let a = agent_name("a");
    for (change, expected) in [
        (put_agent(agent("a", AgentState::Stopped, &["p", "q"])), vec![a.as_str()]),
        (put_agent(agent("a", AgentState::Deployed, &["q"])), vec![a.as_str()]),
        (Change::DeleteAgent(a.clone()), vec![a.as_str()]),
        (put_plan(plan("q", PlanState::Closed)), vec!["organizations/default/plans/q"]),
        (Change::DeletePlan(plan_name("q")), vec![a.as_str(), "organizations/default/plans/q"]),
    ] {
        let compiled = config(&first, false, vec![change.clone()]);
        assert_eq!(touched(&compiled), expected, "{change:?}");
    }
}

#[test]
fn a_stopped_or_saved_agent_is_known_but_not_reachable() {
    for state in [AgentState::Stopped, AgentState::Saved] {
        let runtime = config(&Runtime::default(), false, vec![put_agent(agent("a", state, &[]))]).runtime;
        assert!(runtime.routes.find(None, "/a2a/a").is_none());
        assert_eq!(runtime.agents.len(), 1);
    }
}

#[test]
fn a_data_plane_uses_the_servers_that_select_it_or_those_for_all() {
    let selector =
        |region: &str| DataPlaneSelector { regions: vec![region.to_owned()], labels: BTreeMap::new() };
    let mut spec = agent("a", AgentState::Deployed, &[]);
    spec.upstreams = vec![
        upstream("any", &[], DataPlaneSelector::default()),
        upstream("eu-old", &[(0, 3)], selector("eu")),
        upstream("eu-new", &[(1, 0)], selector("eu")),
        upstream("us", &[], selector("us")),
    ];
    let hosts = |region: &str| -> Vec<String> {
        let setting =
            Setting { site: Site { region: region.to_owned(), ..Site::default() }, ..Setting::default() };
        let staged = delta(Lane::Config, 0, false, vec![put_agent(spec.clone())]);
        let runtime = compile(&Runtime::default(), staged, &setting).runtime;
        let agent = runtime.agents.get(spec.name.as_str()).unwrap();
        agent.targets.iter().map(|target| target.upstream.url.host.to_string()).collect()
    };
    assert_eq!(hosts("eu"), ["eu-old", "eu-new"]);
    assert_eq!(hosts("us"), ["us"]);
    assert_eq!(hosts("asia"), ["any"]);
}

#[test]
fn two_agents_can_swap_addresses_in_one_delta() {
    let with_path = |id: &str, path: &str| {
        let mut spec = agent(id, AgentState::Deployed, &[]);
        let path = signalbox_proto::model::address::ContextPath::parse(path, &FieldPath::root()).unwrap();
        spec.addresses.context_path = Some(path);
        put_agent(spec)
    };
    let first = config(&Runtime::default(), false, vec![with_path("a", "/x"), with_path("b", "/y")]).runtime;
    let second = config(&first, false, vec![with_path("a", "/y"), with_path("b", "/x")]).runtime;
    assert_eq!(second.routes.find(None, "/x").unwrap().target.name.id(), "b");
    assert_eq!(second.routes.find(None, "/y").unwrap().target.name.id(), "a");
}

/// What of a state can be seen from outside.
fn seen(runtime: &Runtime) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for (name, plan) in runtime.plans.iter() {
        seen.insert(name.to_string(), format!("{:?}", plan.spec));
    }
    for (name, agent) in runtime.agents.iter() {
        let plans: Vec<_> =
            agent.plans.iter().map(|plan| format!("{:?} {}", plan.spec, plan.gate.open)).collect();
        let hosts: Vec<_> = agent.targets.iter().map(|target| target.endpoint.host().to_owned()).collect();
        seen.insert(name.to_string(), format!("{:?} {plans:?} {hosts:?}", agent.spec));
        let path = format!("/a2a/{}", agent.name.id());
        let reached = runtime.routes.find(None, &path);
        seen.insert(
            format!("{name} reached"),
            format!("{:?}", reached.map(|found| Arc::ptr_eq(found.target, agent))),
        );
    }
    for (plan, members) in runtime.members.iter() {
        let mut members: Vec<_> = members.iter().cloned().collect();
        members.sort_unstable();
        seen.insert(format!("{plan} members"), format!("{members:?}"));
    }
    seen.insert("routes".to_owned(), runtime.routes.len().to_string());
    for key in runtime.keys.iter() {
        seen.insert(key.name.to_owned(), format!("{key:?}"));
    }
    seen
}

fn config_change() -> impl Strategy<Value = Change> {
    let id = || prop::sample::select(vec!["a", "b", "c"]);
    let plan_id = || prop::sample::select(vec!["p", "q", "r"]);
    prop_oneof![
        4 => (id(), 0..3_u8, prop::sample::subsequence(vec!["p", "q", "r"], 0..=3), 0..3_u64).prop_map(|(id, state, plans, beat)| {
            let state = [AgentState::Deployed, AgentState::Stopped, AgentState::Saved][usize::from(state)];
            put_agent(Agent { heartbeat_interval: Some(Duration::from_secs(beat)), ..agent(id, state, &plans) })
        }),
        3 => (plan_id(), any::<bool>()).prop_map(|(id, open)| {
            put_plan(plan(id, if open { PlanState::Published } else { PlanState::Closed }))
        }),
        1 => id().prop_map(|id| Change::DeleteAgent(agent_name(id))),
        1 => plan_id().prop_map(|id| Change::DeletePlan(plan_name(id))),
    ]
}

fn name_of(change: &Change) -> String {
    match change {
        Change::PutAgent(agent) => agent.name.to_string(),
        Change::PutPlan(plan) => plan.name.to_string(),
        Change::PutCredential(key) => key.name.to_string(),
        Change::DeleteAgent(name) => name.to_string(),
        Change::DeletePlan(name) => name.to_string(),
        Change::DeleteCredential(name) => name.to_string(),
    }
}

fn is_put(change: &Change) -> bool {
    matches!(change, Change::PutAgent(_) | Change::PutPlan(_) | Change::PutCredential(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn deltas_lead_where_a_full_delta_leads(
        deltas in prop::collection::vec(prop::collection::vec(config_change(), 0..6), 0..8),
        stale in prop::collection::vec(config_change(), 0..6),
    ) {
        let mut runtime = Runtime::default();
        let mut model: BTreeMap<String, Change> = BTreeMap::new();
        for changes in deltas {
            // A delta has at most one change of each resource.
            let changes: BTreeMap<String, Change> = changes.into_iter().map(|change| (name_of(&change), change)).collect();
            for (name, change) in &changes {
                if is_put(change) { model.insert(name.clone(), change.clone()); } else { model.remove(name); }
            }
            runtime = config(&runtime, false, changes.into_values().collect()).runtime;
        }
        let all: Vec<Change> = model.into_values().collect();
        let fresh = config(&Runtime::default(), true, all.clone()).runtime;
        prop_assert_eq!(seen(&runtime), seen(&fresh));
        // A full delta leads there from anywhere.
        let stale: BTreeMap<String, Change> = stale.into_iter().map(|change| (name_of(&change), change)).collect();
        let elsewhere = config(&Runtime::default(), false, stale.into_values().filter(is_put).collect()).runtime;
        let replaced = config(&elsewhere, true, all).runtime;
        prop_assert_eq!(seen(&replaced), seen(&fresh));
    }
}

#[test]
fn keys_change_one_by_one_or_all_at_once() {
    let keys = |previous: &Runtime, full, changes| {
        let from = previous.cursors.credentials.revision;
        compile(previous, delta(Lane::Credentials, from, full, changes), &Setting::default())
    };
    let put = |id: &str| Change::PutCredential(Box::new(key(id, "p", None)));
    let first = keys(&Runtime::default(), true, vec![put("k1"), put("k2")]);
    assert!(first.touched.all_keys);
    let second = keys(&first.runtime, false, vec![put("k3"), Change::DeleteCredential(key_name("k1"))]);
    assert_eq!(touched(&second).len(), 2);
    let names: Vec<_> =
        second.runtime.keys.iter().map(|key| key.name.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["k2", "k3"]);
    assert_eq!(second.runtime.cursors.credentials.revision, 2);
    assert_eq!(second.runtime.cursors.config, Cursor::default());
}
