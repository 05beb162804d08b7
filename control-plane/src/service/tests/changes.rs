use super::*;

#[tokio::test]
async fn a_created_agent_can_be_read_and_is_published() {
    let fixture = Fixture::with_subscription().await;
    let created = fixture.create(ORGANIZATION, "echo", agent(&["open"])).await.unwrap();
    let commit = created.commit.unwrap();
    assert_eq!((commit.config_revision, commit.credentials_revision), (Some(2), None));

    let name = "organizations/default/agents/echo";
    let read: wire::Agent = fixture.service.get(name).await.unwrap();
    assert_eq!(read, created.resource);
    assert_eq!(read.name, name);
    assert_eq!(read.state(), wire::AgentState::Deployed);
    assert!(!read.uid.is_empty() && !read.etag.is_empty() && read.create_time == read.update_time);
    assert!(fixture.held(Lane::Config).await.contains(&name.to_owned()));
}

#[tokio::test]
async fn create_refuses_a_name_that_is_taken_or_disagrees() {
    let fixture = Fixture::with_subscription().await;
    assert_eq!(reason(fixture.create(ORGANIZATION, "keyed", open_plan("keyed")).await), "ALREADY_EXISTS");
    let other = fixture.create(ORGANIZATION, "new", open_plan("other")).await;
    assert_eq!(violations(other), [("plan.name".to_owned(), "CONFLICT")]);
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let fixture = Fixture::new().await;
    let mut wrong = agent(&[]);
    wrong.upstreams[0].url = "ftp://nowhere".to_owned();
    wrong.addresses = Some(wire::Addresses { context_path: "/a2a/x".to_owned(), ..Default::default() });
    let fields: Vec<String> =
        violations(fixture.create(ORGANIZATION, "echo", wrong).await).into_iter().map(|(at, _)| at).collect();
    assert_eq!(fields, ["agent.addresses.context_path", "agent.upstreams[0].url"]);
    assert_eq!(fixture.heads().await, Heads::default());
}

#[tokio::test]
async fn an_update_needs_the_current_etag_if_it_gives_one() {
    let fixture = Fixture::with_subscription().await;
    let first = fixture.create(ORGANIZATION, "echo", agent(&[])).await.unwrap().resource;
    let mut second = first.clone();
    second.display_name = "Echo".to_owned();
    fixture.clock.advance(Duration::from_secs(5));
    let updated = fixture.update(second.clone()).await.unwrap().resource;
    assert_eq!(updated.uid, first.uid);
    assert_eq!(updated.create_time, first.create_time);
    assert_ne!((&updated.etag, &updated.update_time), (&first.etag, &first.update_time));

    second.display_name = "Stale".to_owned();
    let stale = fixture.update(second).await.unwrap_err();
    assert_eq!(stale.facts().reason, "ETAG_MISMATCH");
    let Error::EtagMismatch { current, .. } = &stale else { panic!("{stale:?}") };
    assert_eq!(*current, updated.etag);

    let name = &updated.name;
    let refused = fixture.service.delete::<wire::Agent>(call(), name, &first.etag, false).await;
    assert_eq!(reason(refused), "ETAG_MISMATCH");
    fixture.service.delete::<wire::Agent>(call(), name, &updated.etag, false).await.unwrap();
    assert_eq!(reason(fixture.service.get::<wire::Agent>(name).await), "NOT_FOUND");
}

#[tokio::test]
async fn an_etag_of_an_older_life_of_a_name_is_stale() {
    let fixture = Fixture::new().await;
    let first = fixture.create(ORGANIZATION, "p", open_plan("p")).await.unwrap().resource;
    fixture.delete::<wire::Plan>(&first.name, false).await.unwrap();
    fixture.create(ORGANIZATION, "p", open_plan("p")).await.unwrap();
    assert_eq!(reason(fixture.update(first).await), "ETAG_MISMATCH");
}

#[tokio::test]
async fn an_update_that_changes_nothing_commits_nothing() {
    let fixture = Fixture::with_subscription().await;
    let before = fixture.heads().await;
    let plan: wire::Plan = fixture.service.get("organizations/default/plans/keyed").await.unwrap();
    let updated = fixture.update(plan.clone()).await.unwrap();
    assert_eq!((updated.resource, updated.commit), (plan, None));
    assert_eq!(fixture.heads().await, before);
}

#[tokio::test]
async fn an_update_may_create_only_if_it_says_so() {
    let fixture = Fixture::new().await;
    assert_eq!(reason(fixture.update(open_plan("p")).await), "NOT_FOUND");
    let created = fixture.service.update(call(), open_plan("p"), true).await.unwrap();
    assert_eq!(created.commit.unwrap().config_revision, Some(1));
}

#[tokio::test]
async fn a_check_writes_nothing_and_finds_everything() {
    let fixture = Fixture::with_subscription().await;
    let before = fixture.heads().await;
    let check = || call().validate_only(true);
    let checked = fixture.service.create(check(), ORGANIZATION, "echo", agent(&["open"])).await.unwrap();
    assert_eq!(checked.commit, None);
    assert_eq!(checked.resource.name, "organizations/default/agents/echo");
    let wrong = fixture.service.create(check(), ORGANIZATION, "echo", agent(&["missing"])).await;
    assert_eq!(violations(wrong), [("agent.plans[0]".to_owned(), "REFERENCE_NOT_FOUND")]);
    fixture
        .service
        .delete::<wire::Plan>(check(), "organizations/default/plans/open", "", false)
        .await
        .unwrap();
    assert_eq!(fixture.heads().await, before);
    assert_eq!(fixture.service.store().audit(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_commit_is_audited() {
    let fixture = Fixture::new().await;
    let id = "6f0f4dc2-3c4a-4a86-9b0f-0a5f4f6e6a11";
    let who = Call::new("alice", "service/CreatePlan", &wire::GetPlanRequest::default()).with_request_id(id);
    fixture.service.create(who, ORGANIZATION, "p", open_plan("p")).await.unwrap();
    let event = fixture.service.store().audit(None, 9).await.unwrap().remove(0);
    assert_eq!((event.config_revision, event.credentials_revision), (Some(1), None));
    let audit = event.audit;
    assert_eq!((audit.actor.as_str(), audit.method.as_str()), ("alice", "service/CreatePlan"));
    assert_eq!((audit.request_id.as_str(), audit.time), (id, fixture.clock.now()));
    assert_eq!(audit.resources, ["organizations/default/plans/p"]);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_stop_the_announcement() {
    let fixture = Fixture::new().await;
    let mut heads = fixture.service.feed().heads();
    let held = fixture.service.store().begin().await.unwrap();
    {
        let asked = fixture.service.create(call(), ORGANIZATION, "p", open_plan("p"));
        tokio::pin!(asked);
        // Polled once, so that the change is under way, and then dropped.
        assert!(futures_util::poll!(&mut asked).is_pending());
    }
    drop(held);
    heads.changed().await.unwrap();
    assert_eq!(heads.borrow().config, 1);
}

#[tokio::test]
async fn a_name_of_another_form_is_not_looked_up() {
    let fixture = Fixture::new().await;
    let field = |field: &str, reason| vec![(field.to_owned(), reason)];
    let create = async |parent: &str, id: &str| {
        violations(fixture.create(parent, id, wire::Consumer::default()).await)
    };
    assert_eq!(create(ORGANIZATION, "Bad_Id").await, field("consumer_id", "INVALID_ID"));
    assert_eq!(create(ORGANIZATION, "").await, field("consumer_id", "REQUIRED"));
    assert_eq!(create("organizations/-", "c").await, field("parent", "INVALID_NAME"));
    assert_eq!(create("organizations/a/consumers/b", "c").await, field("parent", "INVALID_NAME"));

    let plan = "organizations/default/plans/p";
    let invalid = |at: &str| field(at, "INVALID_NAME");
    assert_eq!(violations(fixture.service.get::<wire::Agent>(plan).await), invalid("name"));
    assert_eq!(violations(fixture.delete::<wire::Agent>(plan, false).await), invalid("name"));
    assert_eq!(violations(fixture.service.revoke_api_key(call(), plan, "").await), invalid("name"));
    let nameless = wire::Plan { name: String::new(), ..open_plan("p") };
    assert_eq!(violations(fixture.update(nameless).await), field("plan.name", "REQUIRED"));
}
