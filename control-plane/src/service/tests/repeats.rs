use super::*;

const ID: &str = "0b7d8a1e-59a0-4a58-9a1c-3f8f3a0d6b11";

fn repeatable(content: &str) -> Call {
    Call::new("tester", "test/Create", &wire::GetAgentRequest { name: content.to_owned() })
        .with_request_id(ID)
}

#[tokio::test]
async fn a_repeated_request_answers_what_the_first_one_answered() {
    let fixture = Fixture::new().await;
    let create = || fixture.service.create(repeatable("p"), ORGANIZATION, "p", open_plan("p"));
    let first = create().await.unwrap();
    // Even if the resource has changed or gone meanwhile.
    fixture.delete::<wire::Plan>(&first.resource.name, false).await.unwrap();
    let second = create().await.unwrap();
    assert!(!first.replayed && second.replayed);
    assert_eq!((second.resource, second.commit), (first.resource, first.commit));
    assert_eq!(fixture.heads().await.config, 2);
}

#[tokio::test]
async fn a_request_id_is_good_for_one_content_of_one_caller_for_a_day() {
    let fixture = Fixture::new().await;
    fixture.service.create(repeatable("p"), ORGANIZATION, "p", open_plan("p")).await.unwrap();
    let other = fixture.service.create(repeatable("q"), ORGANIZATION, "q", open_plan("q")).await;
    assert_eq!(reason(other), "REQUEST_ID_REUSED");
    let somebody = Call { actor: "somebody".to_owned(), ..repeatable("q") };
    fixture.service.create(somebody, ORGANIZATION, "q", open_plan("q")).await.unwrap();
    fixture.clock.advance(crate::service::REQUEST_ID_LIFETIME);
    fixture.service.create(repeatable("r"), ORGANIZATION, "r", open_plan("r")).await.unwrap();
}

#[tokio::test]
async fn only_a_uuid_is_a_request_id() {
    let fixture = Fixture::new().await;
    let bad = call().with_request_id("once");
    let refused = fixture.service.create(bad, ORGANIZATION, "p", open_plan("p")).await;
    assert_eq!(violations(refused), [("request_id".to_owned(), "INVALID_UUID")]);
}

#[tokio::test]
async fn a_repeated_creation_of_a_key_does_not_show_it_again() {
    let fixture = Fixture::with_subscription().await;
    let create =
        || fixture.service.create_api_key(repeatable("k"), SUBSCRIPTION, "", wire::ApiKey::default());
    let (first, shown) = create().await.unwrap();
    let (second, again) = create().await.unwrap();
    assert!(shown.is_some() && again.is_none());
    assert_eq!(first.resource, second.resource);
    assert_eq!(fixture.held(Lane::Credentials).await.len(), 1);
}

#[tokio::test]
async fn a_refused_request_may_be_corrected_under_its_id() {
    let fixture = Fixture::new().await;
    let refused = fixture.service.create(repeatable("e"), ORGANIZATION, "e", agent(&["missing"])).await;
    assert_eq!(reason(refused), "REFERENCE_NOT_FOUND");
    fixture.service.create(repeatable("f"), ORGANIZATION, "e", agent(&[])).await.unwrap();
}

#[tokio::test]
async fn deletes_and_manifests_are_repeatable_too() {
    let fixture = Fixture::with_subscription().await;
    let name = "organizations/default/plans/open";
    let delete = || fixture.service.delete::<wire::Plan>(repeatable("delete"), name, "", false);
    let first = delete().await.unwrap();
    assert_eq!(delete().await.unwrap(), first);
    assert!(first.is_some());

    let other = "5f9d8a1e-59a0-4a58-9a1c-3f8f3a0d6b12";
    let apply = || fixture.service.apply(repeatable("apply").with_request_id(other), manifest());
    let first = apply().await.unwrap();
    assert_eq!(apply().await.unwrap(), first);
    assert!(first.commit.is_some());
}

#[tokio::test]
async fn an_answer_without_a_commit_is_kept_as_well() {
    let fixture = Fixture::with_subscription().await;
    let before = fixture.heads().await;
    let apply = || fixture.service.apply(repeatable("apply"), manifest());
    let first = apply().await.unwrap();
    assert_eq!(first.commit, None);
    fixture.delete::<wire::Plan>("organizations/default/plans/open", false).await.unwrap();
    assert_eq!(apply().await.unwrap(), first);
    assert_eq!(fixture.heads().await.config, before.config + 1);
}
