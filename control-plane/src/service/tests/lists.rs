use super::*;

async fn names(fixture: &Fixture, parent: &str, size: i32) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let page = fixture.service.list::<wire::Subscription>(parent, size, &token).await.unwrap();
        pages.push(page.resources.into_iter().map(|subscription| subscription.name).collect());
        token = page.next_page_token;
        if token.is_empty() {
            return pages;
        }
    }
}

async fn with_subscriptions() -> Fixture {
    let fixture = Fixture::with_subscription().await;
    let mut more = wire::Manifest::default();
    for owner in ["a", "b"] {
        more.consumers.push(consumer(owner));
        more.subscriptions.extend((1..=3).map(|n| subscription(owner, &n.to_string(), "keyed")));
    }
    fixture.apply(more).await.unwrap();
    fixture
}

fn name(owner: &str, id: &str) -> String {
    format!("{ORGANIZATION}/consumers/{owner}/subscriptions/{id}")
}

#[tokio::test]
async fn a_list_comes_in_pages_that_miss_and_repeat_nothing() {
    let fixture = with_subscriptions().await;
    let own = [name("a", "1"), name("a", "2"), name("a", "3")];
    let parent = "organizations/default/consumers/a";
    assert_eq!(names(&fixture, parent, 0).await, [own.to_vec()]);
    assert_eq!(names(&fixture, parent, 3).await, [own.to_vec()]);
    assert_eq!(names(&fixture, parent, 2).await, [own[..2].to_vec(), own[2..].to_vec()]);
    let all = names(&fixture, "organizations/-/consumers/-", 2).await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1]);
    let mut flat = all.concat();
    flat.dedup();
    assert_eq!(flat.len(), 7);
}

#[tokio::test]
async fn a_wildcard_stands_for_one_id_only() {
    let fixture = with_subscriptions().await;
    let b = [name("b", "1"), name("b", "2"), name("b", "3")];
    assert_eq!(names(&fixture, "organizations/-/consumers/b", 2).await, [b[..2].to_vec(), b[2..].to_vec()]);
    assert_eq!(names(&fixture, "organizations/other/consumers/-", 2).await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_wrong_parent_size_or_token_is_refused() {
    let fixture = with_subscriptions().await;
    let parent = "organizations/default/consumers/a";
    let list = async |parent: &str, size, token: &str| {
        violations(fixture.service.list::<wire::Subscription>(parent, size, token).await)
    };
    let field = |field: &str, reason| vec![(field.to_owned(), reason)];
    for wrong in
        ["", "organizations/default", "organizations/default/agents/a", "organizations/*/consumers/a"]
    {
        assert_eq!(list(wrong, 1, "").await, field("parent", "INVALID_NAME"), "{wrong}");
    }
    assert_eq!(list(parent, -1, "").await, field("page_size", "OUT_OF_RANGE"));
    assert_eq!(list(parent, 1, "nonsense").await, field("page_token", "INVALID_PAGE_TOKEN"));
    let page = fixture.service.list::<wire::Subscription>(parent, 1, "").await.unwrap();
    let other = "organizations/default/consumers/b";
    assert_eq!(list(other, 1, &page.next_page_token).await, field("page_token", "INVALID_PAGE_TOKEN"));
}
