use signalbox_proto::wire::config::v1 as wire;
use signalbox_proto::wire::fleet::v1 as fleet;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::testing::{ControlPlane, with_token};

const NAME: &str = "organizations/default/agents/echo";

fn agent() -> wire::Agent {
    let upstream = wire::Upstream { url: "http://127.0.0.1:9".to_owned(), ..Default::default() };
    wire::Agent { upstreams: vec![upstream], ..Default::default() }
}

fn create() -> wire::CreateAgentRequest {
    wire::CreateAgentRequest {
        parent: "organizations/default".to_owned(),
        agent_id: "echo".to_owned(),
        agent: Some(agent()),
        ..Default::default()
    }
}

async fn with_agent() -> (ControlPlane, wire::Agent) {
    let control_plane = ControlPlane::start().await;
    let made = control_plane.config().create_agent(control_plane.admin(create())).await.unwrap().into_inner();
    (control_plane, made.agent.unwrap())
}

#[tokio::test]
async fn a_resource_lives_from_create_to_delete() {
    let (control_plane, made) = with_agent().await;
    assert_eq!(made.name, NAME);
    let mut client = control_plane.config();
    let get = || control_plane.admin(wire::GetAgentRequest { name: NAME.to_owned() });
    assert_eq!(client.get_agent(get()).await.unwrap().into_inner(), made);
    let changed = wire::Agent { display_name: "Echo".to_owned(), ..made.clone() };
    let request = wire::UpdateAgentRequest { agent: Some(changed), ..Default::default() };
    let updated = client.update_agent(control_plane.admin(request)).await.unwrap().into_inner();
    assert_eq!(updated.commit.unwrap().config_revision, 2);
    assert_ne!(updated.agent.unwrap().etag, made.etag);
    let request = wire::DeleteAgentRequest { name: NAME.to_owned(), ..Default::default() };
    client.delete_agent(control_plane.admin(request)).await.unwrap();
    let gone = client.get_agent(get()).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    assert_eq!(gone.get_error_details().resource_info().unwrap().resource_name, NAME);
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let (control_plane, made) = with_agent().await;
    let update =
        |agent| control_plane.admin(wire::UpdateAgentRequest { agent: Some(agent), ..Default::default() });
    let mut client = control_plane.config();
    let first = wire::Agent { display_name: "one".to_owned(), ..made.clone() };
    client.update_agent(update(first)).await.unwrap();
    let second = wire::Agent { display_name: "two".to_owned(), ..made };
    let status = client.update_agent(update(second)).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "ETAG_MISMATCH");
}

#[tokio::test]
async fn violations_come_with_the_path_in_the_request() {
    let control_plane = ControlPlane::start().await;
    let bad = wire::Agent { state: 77, upstreams: vec![wire::Upstream::default()], ..Default::default() };
    let request = wire::CreateAgentRequest { agent: Some(bad), ..create() };
    let status = control_plane.config().create_agent(control_plane.admin(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    let fields: Vec<String> =
        details.bad_request().unwrap().field_violations.iter().map(|v| v.field.clone()).collect();
    assert_eq!(fields, ["agent.state", "agent.upstreams[0].url"]);
}

#[tokio::test]
async fn what_is_not_there_yet_is_refused_and_not_ignored() {
    let (control_plane, made) = with_agent().await;
    let mask = |path: &str| wire::UpdateAgentRequest {
        agent: Some(made.clone()),
        update_mask: Some(pbjson_types::FieldMask { paths: vec![path.to_owned()] }),
        ..Default::default()
    };
    let mut client = control_plane.config();
    let status = client.update_agent(control_plane.admin(mask("display_name"))).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("update_mask"), "{}", status.message());
    client.update_agent(control_plane.admin(mask("*"))).await.unwrap();
    let empty = wire::UpdateAgentRequest::default();
    let status = client.update_agent(control_plane.admin(empty)).await.unwrap_err();
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "agent");
}

#[tokio::test]
async fn a_page_token_is_good_for_its_list_alone() {
    let control_plane = ControlPlane::start().await;
    for id in ["a", "b", "c"] {
        let request = wire::CreateAgentRequest { agent_id: id.to_owned(), ..create() };
        control_plane.config().create_agent(control_plane.admin(request)).await.unwrap();
    }
    let mut client = control_plane.config();
    let list = |parent: &str, page_token: String| wire::ListAgentsRequest {
        parent: parent.to_owned(),
        page_size: 2,
        page_token,
    };
    let first = list("organizations/default", String::new());
    let first = client.list_agents(control_plane.admin(first)).await.unwrap().into_inner();
    assert_eq!(first.agents.len(), 2);
    let second = list("organizations/default", first.next_page_token.clone());
    let second = client.list_agents(control_plane.admin(second)).await.unwrap().into_inner();
    assert_eq!((second.agents.len(), second.next_page_token.as_str()), (1, ""));
    let stolen = list("organizations/-", first.next_page_token);
    let status = client.list_agents(control_plane.admin(stolen)).await.unwrap_err();
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "page_token");
}

#[tokio::test]
async fn a_repeated_request_answers_what_it_answered_first() {
    let control_plane = ControlPlane::start().await;
    let request = wire::CreateAgentRequest { request_id: uuid::Uuid::new_v4().to_string(), ..create() };
    let mut client = control_plane.config();
    let first = client.create_agent(control_plane.admin(request.clone())).await.unwrap().into_inner();
    let second = client.create_agent(control_plane.admin(request.clone())).await.unwrap().into_inner();
    assert_eq!(first, second);
    let other = wire::CreateAgentRequest { agent_id: "other".to_owned(), ..request };
    let status = client.create_agent(control_plane.admin(other)).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn nobody_gets_in_without_an_admin_token() {
    let control_plane = ControlPlane::start().await;
    let data_plane_token = control_plane.token("edge").await.token;
    let mut client = control_plane.config();
    for token in ["", "x", "sbxadm_x", data_plane_token.as_str()] {
        let request = with_token(wire::ListAgentsRequest::default(), token);
        let status = client.list_agents(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{token}");
    }
    let bare = tonic::Request::new(wire::ListAgentsRequest::default());
    assert_eq!(client.list_agents(bare).await.unwrap_err().code(), Code::Unauthenticated);
    let mut fleet = control_plane.fleet();
    let request = with_token(fleet::ListDataPlanesRequest::default(), &data_plane_token);
    assert_eq!(fleet.list_data_planes(request).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn health_needs_no_token() {
    let control_plane = ControlPlane::start().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(control_plane.channel.clone());
    for service in ["", "signalbox.config.v1.ConfigService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, tonic_health::pb::health_check_response::ServingStatus::Serving, "{service}");
    }
}

#[tokio::test]
async fn reflection_names_every_service() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let control_plane = ControlPlane::start().await;
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(control_plane.channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    for service in ["config.v1.ConfigService", "fleet.v1.FleetService", "discovery.v1.DiscoveryService"] {
        let name = format!("signalbox.{service}");
        assert!(list.service.iter().any(|found| found.name == name), "{name}");
    }
}

#[tokio::test]
async fn token_requests_are_checked() {
    let control_plane = ControlPlane::start().await;
    let request = fleet::CreateDataPlaneTokenRequest {
        data_plane: "edge".to_owned(),
        region: String::new(),
        lifetime: Some(pbjson_types::Duration { seconds: -1, nanos: 0 }),
    };
    let status =
        control_plane.fleet().create_data_plane_token(control_plane.admin(request)).await.unwrap_err();
    let details = status.get_error_details();
    let fields: Vec<&str> =
        details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["data_plane", "region", "lifetime"]);
}

#[tokio::test]
async fn the_audit_log_names_who_and_what() {
    let (control_plane, _) = with_agent().await;
    let request = fleet::ListAuditEventsRequest { page_size: 1, ..Default::default() };
    let mut client = control_plane.fleet();
    let page = client.list_audit_events(control_plane.admin(request)).await.unwrap().into_inner();
    let event = &page.audit_events[0];
    assert_eq!(event.resources, [NAME]);
    assert_eq!(event.method, "signalbox.config.v1.ConfigService/CreateAgent");
    assert!(event.actor.starts_with("adminTokens/"));
    let request = fleet::ListAuditEventsRequest { page_size: 1, page_token: page.next_page_token };
    let next = client.list_audit_events(control_plane.admin(request)).await.unwrap().into_inner();
    assert_eq!(next.audit_events[0].actor, "control plane");
}
