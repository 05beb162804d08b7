use std::time::Duration;

use signalbox_proto::model::lane::Lane;
use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::change::Body;
use signalbox_proto::wire::discovery::v1::sync_request::Message as Outgoing;
use signalbox_proto::wire::fleet::v1 as fleet;
use tonic::Code;

use crate::testing::{ControlPlane, cursor, hello, names};

const PLANS: &str = "
plans:
  - {name: organizations/default/plans/gold, apiKey: {}}
";
const SUBSCRIBED: &str = "
consumers:
  - {name: organizations/default/consumers/app}
subscriptions:
  - {name: organizations/default/consumers/app/subscriptions/gold, plan: organizations/default/plans/gold}
";
const SHORT: Duration = Duration::from_millis(200);

fn agent(id: &str, description: &str) -> String {
    format!(
        "agents:\n  - name: organizations/default/agents/{id}\n    description: '{description}'\n    upstreams: [{{url: 'http://127.0.0.1:9'}}]\n"
    )
}

fn is(delta: &wire::Delta, lane: Lane, full: bool, from: u64, to: u64) {
    assert_eq!((delta.lane(), delta.full, delta.from, delta.to), (lane.to_wire(), full, from, to));
}

#[tokio::test(start_paused = true)]
async fn a_new_data_plane_gets_everything_once_and_then_only_what_changes() {
    let control_plane = ControlPlane::start().await;
    control_plane.apply(PLANS).await;
    let mut edge = control_plane.connect("edge").await;
    assert!(edge.hears_nothing_for(SHORT).await);

    control_plane.apply(&agent("a", "one")).await;
    let delta = edge.delta().await;
    is(&delta, Lane::Config, false, 1, 2);
    assert_eq!(names(&delta), ["organizations/default/agents/a"]);
    let Some(Body::Agent(agent)) = &delta.changes[0].body else { panic!("no agent") };
    assert_eq!((agent.uid.as_str(), agent.etag.as_str(), agent.create_time), ("", "", None));
}

#[tokio::test(start_paused = true)]
async fn one_delta_is_on_its_way_and_what_came_meanwhile_is_compacted() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    control_plane.apply(&agent("a", "1")).await;
    let first = edge.delta().await;
    for description in ["2", "3", "4"] {
        control_plane.apply(&agent("a", description)).await;
    }
    control_plane.apply(&agent("b", "x")).await;
    assert!(edge.hears_nothing_for(SHORT).await, "nothing more before the answer");
    // An answer to something else is none.
    edge.ack(&wire::Delta { nonce: first.nonce + 7, ..first.clone() }).await;
    assert!(edge.hears_nothing_for(SHORT).await);

    edge.ack(&first).await;
    let delta = edge.delta().await;
    is(&delta, Lane::Config, false, 1, 5);
    assert_eq!(names(&delta), ["organizations/default/agents/a", "organizations/default/agents/b"]);
    let Some(Body::Agent(agent)) = &delta.changes[0].body else { panic!("no agent") };
    assert_eq!(agent.description, "4");
    assert!(delta.nonce > first.nonce);
}

#[tokio::test(start_paused = true)]
async fn lanes_do_not_wait_for_one_another() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    control_plane.apply(PLANS).await;
    let unanswered = edge.delta().await;
    is(&unanswered, Lane::Config, false, 0, 1);
    control_plane.apply(SUBSCRIBED).await;
    let delta = edge.delta().await;
    // Consumers and subscriptions alone are nothing that a data plane holds: the delta moves the cursor.
    is(&delta, Lane::Credentials, false, 0, 1);
    assert!(delta.changes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_resumes_and_another_history_begins_anew() {
    let control_plane = ControlPlane::start().await;
    control_plane.apply(PLANS).await;
    control_plane.apply(&agent("a", "1")).await;
    let epoch = control_plane.service.feed().epoch().0;
    let token = control_plane.token("edge").await.token;
    let at = |epoch: &[u8], revision| wire::Hello {
        cursors: vec![cursor(Lane::Config, epoch, revision), cursor(Lane::Credentials, epoch, 0)],
        ..hello("edge")
    };

    let mut current = control_plane.open(&token, at(&epoch, 2)).await.unwrap();
    current.welcome().await;
    assert!(current.hears_nothing_for(SHORT).await, "what is held is not sent again");

    let mut behind = control_plane.open(&token, at(&epoch, 1)).await.unwrap();
    behind.welcome().await;
    let delta = behind.delta().await;
    is(&delta, Lane::Config, false, 1, 2);

    for (epoch, revision) in [([9; 16], 2), (epoch, 99)] {
        let mut stranger = control_plane.open(&token, at(&epoch, revision)).await.unwrap();
        stranger.welcome().await;
        let delta = stranger.delta().await;
        assert!(delta.full, "epoch {epoch:?} revision {revision}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_the_log_has_forgotten_gets_everything() {
    let control_plane = ControlPlane::start().await;
    for round in 0..3 {
        control_plane.apply(&agent("a", &round.to_string())).await;
    }
    control_plane.service.store().compact(Lane::Config, 2).await.unwrap();
    // A process that has just started has no recent changes in memory either.
    let feed = crate::service::Feed::start(control_plane.service.store().clone()).await.unwrap();
    let since = feed.since(Lane::Config, 1, 100).await.unwrap();
    assert_eq!(since, crate::service::feed::Since::Everything);
}

#[tokio::test(start_paused = true)]
async fn a_refused_resource_comes_again_when_it_changes_and_not_with_others() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    control_plane.apply(&agent("a", "bad")).await;
    let delta = edge.delta().await;
    edge.nack(&delta, &["organizations/default/agents/a"]).await;
    // 0.2 s are less than the first pause of 1 s.
    assert!(edge.hears_nothing_for(SHORT).await);
    let seen = control_plane.fleet.get("dataPlanes/edge").unwrap();
    let refusal = seen.last_refusal.unwrap();
    assert_eq!((refusal.revision, refusal.errors[0].name.as_str()), (1, "organizations/default/agents/a"));

    control_plane.apply(&agent("b", "good")).await;
    assert!(edge.hears_nothing_for(SHORT).await, "another resource changes nothing about it");
    control_plane.apply(&agent("a", "better")).await;
    let delta = edge.delta().await;
    is(&delta, Lane::Config, false, 0, 3);
    assert_eq!(delta.changes.len(), 2);
    edge.ack(&delta).await;
    edge.heartbeat().await;
    assert_eq!(control_plane.fleet.get("dataPlanes/edge").unwrap().last_refusal, None);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_refused_delta_comes_again_after_growing_pauses() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    control_plane.apply(&agent("a", "bad")).await;
    let mut delta = edge.delta().await;
    for seconds in [1, 2, 4, 8] {
        edge.nack(&delta, &["organizations/default/agents/a"]).await;
        let start = tokio::time::Instant::now();
        delta = edge.delta().await;
        let pause = start.elapsed().as_secs_f64();
        assert!((pause - f64::from(seconds)).abs() < 0.5, "{pause} s instead of {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_data_plane_cannot_enforce_is_kept_from_it_and_shown() {
    let control_plane = ControlPlane::start().await;
    control_plane.apply(PLANS).await;
    let token = control_plane.token("old").await.token;
    let old = wire::Hello { capabilities: vec!["plan.keyless".to_owned()], ..hello("old") };
    let mut edge = control_plane.open(&token, old).await.unwrap();
    edge.welcome().await;
    let mut deltas = [edge.delta().await, edge.delta().await];
    deltas.sort_by_key(|delta| delta.lane);
    assert_eq!(names(&deltas[0]), ["organizations/default/plans/gold"]);
    assert!(matches!(deltas[0].changes[0].body, Some(Body::Deleted(_))));
    let held = || control_plane.fleet.get("dataPlanes/old").unwrap().withheld;
    let gold = fleet::Withheld {
        name: "organizations/default/plans/gold".to_owned(),
        capability: "plan.api_key".to_owned(),
    };
    assert_eq!(held(), [gold]);

    edge.ack(&deltas[0]).await;
    control_plane.apply(&PLANS.replace("apiKey", "keyless")).await;
    let delta = edge.delta().await;
    assert!(matches!(delta.changes[0].body, Some(Body::Plan(_))));
    assert_eq!(held(), []);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_would_be_ignored_is_kept_back_and_comes_once_it_is_gone() {
    const AGENT: &str = "
agents:
  - name: organizations/default/agents/echo
    upstreams: [{url: http://127.0.0.1:9}]
    push: {mode: PUSH_MODE_OFF}
";
    let control_plane = ControlPlane::start().await;
    control_plane.apply(PLANS).await;
    let mut edge = control_plane.connect("edge").await;
    control_plane.apply(AGENT).await;
    let delta = edge.delta().await;
    assert!(matches!(delta.changes[0].body, Some(Body::Deleted(_))));
    edge.ack(&delta).await;
    let held = || control_plane.fleet.get("dataPlanes/edge").unwrap().withheld;
    let agent = fleet::Withheld {
        name: "organizations/default/agents/echo".to_owned(),
        capability: "agent.push".to_owned(),
    };
    assert_eq!(held(), [agent]);
    control_plane.apply(&AGENT.replace("MODE_OFF", "MODE_PASS")).await;
    assert!(matches!(edge.delta().await.changes[0].body, Some(Body::Agent(_))));
    assert_eq!(held(), []);
}

#[tokio::test(start_paused = true)]
async fn keys_come_as_keyed_digests_and_go_when_revoked() {
    let control_plane = ControlPlane::start().await;
    control_plane.apply(PLANS).await;
    control_plane.apply(SUBSCRIBED).await;
    let token = control_plane.token("edge").await.token;
    let mut edge = control_plane.open(&token, hello("edge")).await.unwrap();
    let welcome = edge.welcome().await;
    for _ in Lane::ALL {
        let delta = edge.delta().await;
        edge.ack(&delta).await;
    }
    let request = config::CreateApiKeyRequest {
        parent: "organizations/default/consumers/app/subscriptions/gold".to_owned(),
        ..Default::default()
    };
    let made =
        control_plane.config().create_api_key(control_plane.admin(request)).await.unwrap().into_inner();
    let delta = edge.delta().await;
    let Some(Body::Key(key)) = &delta.changes[0].body else { panic!("no key") };
    let pepper = signalbox_proto::key::Pepper::new(&welcome.key_pepper[..].try_into().unwrap());
    assert_eq!(key.digest[..], pepper.digest(&signalbox_proto::key::sha256(&made.key)).0);
    assert_eq!(key.plan, "organizations/default/plans/gold");
    assert!(!format!("{delta:?}").contains(&made.key));
    edge.ack(&delta).await;

    let name = made.api_key.unwrap().name;
    let request = config::RevokeApiKeyRequest { name: name.clone(), ..Default::default() };
    control_plane.config().revoke_api_key(control_plane.admin(request)).await.unwrap();
    let delta = edge.delta().await;
    assert_eq!(names(&delta), [name.as_str()]);
    assert!(matches!(delta.changes[0].body, Some(Body::Deleted(_))));
}

#[tokio::test(start_paused = true)]
async fn a_large_snapshot_comes_in_small_chunks() {
    let control_plane = ControlPlane::start().await;
    let text = "x".repeat(4_000);
    let mut yaml = String::from("plans:\n");
    for id in 0..300 {
        yaml.push_str(&format!(
            "  - {{name: organizations/default/plans/p{id}, keyless: {{}}, description: {text}}}\n"
        ));
    }
    control_plane.apply(&yaml).await;
    let token = control_plane.token("edge").await.token;
    let mut edge = control_plane.open(&token, hello("edge")).await.unwrap();
    edge.welcome().await;
    let mut deltas = [edge.delta().await, edge.delta().await];
    deltas.sort_by_key(|delta| delta.lane);
    assert_eq!(deltas[0].changes.len(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_second_stream_of_a_data_plane_replaces_the_first() {
    let control_plane = ControlPlane::start().await;
    let mut first = control_plane.connect("edge").await;
    let mut second = control_plane.connect("edge").await;
    let status = first.end().await;
    assert_eq!(status.code(), Code::Aborted, "{status}");
    assert!(
        control_plane.fleet.get("dataPlanes/edge").unwrap().connected,
        "the second one speaks for it now"
    );
    assert!(second.hears_nothing_for(SHORT).await);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_ends_its_stream_and_opens_none() {
    let control_plane = ControlPlane::start().await;
    let token = control_plane.token("edge").await;
    let mut edge = control_plane.open(&token.token, hello("edge")).await.unwrap();
    edge.welcome().await;
    let name = token.data_plane_token.unwrap().name;
    let request = control_plane.admin(fleet::RevokeDataPlaneTokenRequest { name });
    control_plane.fleet().revoke_data_plane_token(request).await.unwrap();
    assert_eq!(edge.end().await.code(), Code::Unauthenticated);
    let again = control_plane.open(&token.token, hello("edge")).await.map(|_| ()).unwrap_err();
    assert_eq!(again.code(), Code::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_ends_its_stream() {
    let control_plane = ControlPlane::start().await;
    let request = fleet::CreateDataPlaneTokenRequest {
        data_plane: "dataPlanes/edge".to_owned(),
        region: "eu".to_owned(),
        lifetime: Some(pbjson_types::Duration { seconds: 60, nanos: 0 }),
    };
    let made = control_plane.fleet().create_data_plane_token(control_plane.admin(request)).await.unwrap();
    let mut edge = control_plane.open(&made.into_inner().token, hello("edge")).await.unwrap();
    let start = tokio::time::Instant::now();
    assert_eq!(edge.end().await.code(), Code::Unauthenticated);
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_for_its_data_plane_and_region_alone() {
    let control_plane = ControlPlane::start().await;
    let token = control_plane.token("edge").await.token;
    let elsewhere = wire::Hello { region: "us".to_owned(), ..hello("edge") };
    for stranger in [hello("other"), elsewhere] {
        let mut stream = control_plane.open(&token, stranger).await.unwrap();
        assert_eq!(stream.end().await.code(), Code::PermissionDenied);
    }
    let bad = wire::Hello { data_plane: "edge".to_owned(), ..hello("edge") };
    let mut stream = control_plane.open(&token, bad).await.unwrap();
    assert_eq!(stream.end().await.code(), Code::InvalidArgument);
    for wrong in ["", "sbxdp_x", &control_plane.token("edge").await.token.replace("sbxdp_", "sbxadm_")] {
        let refused = control_plane.open(wrong, hello("edge")).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_name_the_heads_every_ten_seconds_or_so() {
    let control_plane = ControlPlane::start().await;
    control_plane.apply(PLANS).await;
    let mut edge = control_plane.connect("edge").await;
    for _ in 0..5 {
        let start = tokio::time::Instant::now();
        let beat = edge.heartbeat().await;
        let pause = start.elapsed().as_secs_f64();
        assert!((8.0..=12.0).contains(&pause), "{pause}");
        assert_eq!(beat.heads.iter().map(|head| head.revision).collect::<Vec<_>>(), [1, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_says_no_hello_ends() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    edge.send(Outgoing::Hello(hello("edge"))).await;
    assert_eq!(edge.end().await.code(), Code::InvalidArgument, "a second hello");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_every_data_plane_enforces_the_revision() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    let commit = control_plane.apply(PLANS).await.commit.unwrap();
    let wait = |seconds| {
        let request = fleet::WaitForRevisionRequest {
            config_revision: commit.config_revision,
            timeout: Some(pbjson_types::Duration { seconds, nanos: 0 }),
            ..Default::default()
        };
        let request = control_plane.admin(request);
        let mut client = control_plane.fleet();
        async move { client.wait_for_revision(request).await.unwrap().into_inner() }
    };
    let early = wait(5).await;
    assert!(!early.reached);
    assert_eq!(early.pending, ["dataPlanes/edge"]);

    let waiting = tokio::spawn(wait(600));
    let delta = edge.delta().await;
    edge.ack(&delta).await;
    let done = waiting.await.unwrap();
    assert!(done.reached);
    assert_eq!(done.confirmed, ["dataPlanes/edge"]);

    let elsewhere = fleet::WaitForRevisionRequest {
        config_revision: 99,
        regions: vec!["us".to_owned()],
        ..Default::default()
    };
    let answer = control_plane.fleet().wait_for_revision(control_plane.admin(elsewhere)).await.unwrap();
    assert!(answer.into_inner().reached, "no data plane is there");
}

#[tokio::test(start_paused = true)]
async fn the_fleet_view_shows_what_a_data_plane_said_and_survives_a_restart() {
    let control_plane = ControlPlane::start().await;
    let edge = control_plane.connect("edge").await;
    let mut lists = control_plane
        .fleet()
        .watch_data_planes(control_plane.admin(fleet::WatchDataPlanesRequest {}))
        .await
        .unwrap()
        .into_inner();
    assert!(lists.message().await.unwrap().unwrap().data_planes[0].connected);
    let report = wire::Status { ready: true, open_streams: 7, requests_total: 9, ..Default::default() };
    edge.send(Outgoing::Status(report)).await;
    let seen = lists.message().await.unwrap().unwrap().data_planes.remove(0);
    assert_eq!(
        (seen.region.as_str(), seen.ready, seen.open_streams, seen.requests_total),
        ("eu", true, 7, 9)
    );
    drop(edge);
    let gone = lists.message().await.unwrap().unwrap().data_planes.remove(0);
    assert!(!gone.connected && !gone.ready);

    control_plane.fleet.flush().await.unwrap();
    let again = super::Fleet::load(&control_plane.service).await.unwrap();
    let remembered = again.get("dataPlanes/edge").unwrap();
    assert_eq!((remembered.version, remembered.applied), (gone.version, gone.applied));
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_stops_says_so() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    let request = fleet::WaitForRevisionRequest { config_revision: 9, ..Default::default() };
    let (mut client, request) = (control_plane.fleet(), control_plane.admin(request));
    let waiting = tokio::spawn(async move { client.wait_for_revision(request).await });
    edge.heartbeat().await;
    control_plane.fleet.close();
    assert_eq!(edge.end().await.code(), Code::Unavailable);
    let answer = waiting.await.unwrap().unwrap().into_inner();
    assert!(!answer.reached);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_in_good_order_after_an_hour_or_so() {
    let control_plane = ControlPlane::start().await;
    let mut edge = control_plane.connect("edge").await;
    let start = tokio::time::Instant::now();
    assert!(edge.next().await.unwrap().is_none(), "no reason is given, since nothing is wrong");
    let minutes = start.elapsed().as_secs() / 60;
    assert!((61..=66).contains(&minutes), "{minutes}");
    control_plane.apply(PLANS).await;
    let mut again = control_plane.connect("edge").await;
    assert!(again.hears_nothing_for(SHORT).await);
}
