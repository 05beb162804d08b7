use signalbox_proto::key;
use signalbox_proto::wire::discovery::v1::change::Body;

use super::*;
use crate::service::feed::Since;

fn key_name(id: &str) -> String {
    format!("{SUBSCRIPTION}/apiKeys/{id}")
}

impl Fixture {
    async fn create_key(&self, id: &str, key: wire::ApiKey) -> (Changed<wire::ApiKey>, Option<key::Token>) {
        self.service.create_api_key(call(), SUBSCRIPTION, id, key).await.unwrap()
    }

    /// What the next credentials revision after `from` changes: the name, and whether it is there afterwards.
    async fn learned(&self, from: u64) -> Vec<(String, bool)> {
        match self.service.feed().since(Lane::Credentials, from, 1000).await.unwrap() {
            Since::Delta(batch) => batch
                .changes
                .iter()
                .map(|c| (c.message.name.clone(), matches!(c.message.body, Some(Body::Key(_)))))
                .collect(),
            Since::Nothing => Vec::new(),
            Since::Everything => panic!("the ring does not reach back"),
        }
    }

    async fn set_subscription(&self, change: impl FnOnce(&mut wire::Subscription)) -> Result<(), Error> {
        let mut subscription: wire::Subscription = self.service.get(SUBSCRIPTION).await?;
        change(&mut subscription);
        self.update(subscription).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_made_key_is_shown_once_and_known_to_data_planes_by_its_digest() {
    let fixture = Fixture::with_subscription().await;
    let (created, shown) = fixture.create_key("k", wire::ApiKey::default()).await;
    let shown = shown.unwrap();
    assert!(
        shown.expose().starts_with(&created.resource.key_prefix) && !created.resource.key_prefix.is_empty()
    );
    assert_eq!(created.resource.key_sha256, shown.sha256().to_string());

    let feed = fixture.service.feed();
    let mut everything = feed.everything(Lane::Credentials).await.unwrap();
    let page = everything.next_page().await.unwrap();
    let [change] = &page[..] else { panic!("{page:?}") };
    let Some(Body::Key(credential)) = &change.message.body else { panic!("{change:?}") };
    let digest = key::Pepper::new(&feed.key_pepper()).digest(&shown.sha256());
    assert_eq!(credential.digest[..], digest.0);
    assert_eq!(credential.plan, "organizations/default/plans/keyed");
    assert_eq!(credential.consumer, "organizations/default/consumers/shop");
    assert_eq!((change.message.name.as_str(), change.message.revision), (key_name("k").as_str(), 2));
    // What the feed sends after a commit is what a snapshot holds.
    let Since::Delta(batch) = feed.since(Lane::Credentials, 1, 9).await.unwrap() else { panic!() };
    assert_eq!(*batch.changes[0], *change);
}

#[tokio::test]
async fn a_key_without_an_id_is_named_after_itself() {
    let fixture = Fixture::with_subscription().await;
    let (created, shown) = fixture.create_key("", wire::ApiKey::default()).await;
    assert_eq!(created.resource.name, key_name(shown.unwrap().id()));
}

#[tokio::test]
async fn a_key_that_brings_its_hash_shows_nothing_and_is_unique() {
    let fixture = Fixture::with_subscription().await;
    let imported = wire::ApiKey { key_prefix: "forged".to_owned(), ..hashed_key('A') };
    let (created, shown) = fixture.create_key("k", imported).await;
    assert!(shown.is_none() && created.resource.key_prefix.is_empty());
    assert_eq!(created.resource.key_sha256, "a".repeat(64));
    let again = fixture.service.create_api_key(call(), SUBSCRIPTION, "l", hashed_key('a')).await;
    assert_eq!(violations(again), [("api_key.key_sha256".to_owned(), "KEY_TAKEN")]);
}

#[tokio::test]
async fn a_revoked_key_is_gone_for_good() {
    let fixture = Fixture::with_subscription().await;
    let (created, _) = fixture.create_key("k", wire::ApiKey::default()).await;
    let revoked =
        fixture.service.revoke_api_key(call(), &key_name("k"), &created.resource.etag).await.unwrap();
    assert_eq!(revoked.resource.state(), wire::ApiKeyState::Revoked);
    assert_eq!(revoked.resource.key_prefix, created.resource.key_prefix);
    assert_eq!(revoked.commit.unwrap().credentials_revision, Some(3));
    assert_eq!(fixture.learned(2).await, [(key_name("k"), false)]);

    let again = fixture.service.revoke_api_key(call(), &key_name("k"), "").await.unwrap();
    assert_eq!(again.commit, None);
    let mut revived = again.resource;
    revived.set_state(wire::ApiKeyState::Active);
    assert_eq!(
        violations(fixture.update(revived.clone()).await),
        [("api_key.state".to_owned(), "FINAL_STATE")]
    );
    // An update that says nothing of the state leaves it.
    revived.set_state(wire::ApiKeyState::Unspecified);
    revived.display_name = "old".to_owned();
    let updated = fixture.update(revived).await.unwrap();
    assert_eq!(updated.resource.state(), wire::ApiKeyState::Revoked);
    assert!(fixture.learned(3).await.is_empty(), "a revoked key was published");
}

#[tokio::test]
async fn an_update_keeps_the_hash_of_a_key() {
    let fixture = Fixture::with_subscription().await;
    let (created, _) = fixture.create_key("k", wire::ApiKey::default()).await;
    let renamed =
        wire::ApiKey { name: key_name("k"), display_name: "new name".to_owned(), ..Default::default() };
    let updated = fixture.update(renamed.clone()).await.unwrap().resource;
    assert_eq!(updated.key_sha256, created.resource.key_sha256);
    // The credential is the same, so that data planes learn nothing.
    assert!(fixture.learned(2).await.is_empty());
    let swapped = wire::ApiKey { key_sha256: "b".repeat(64), ..renamed };
    assert_eq!(violations(fixture.update(swapped).await), [("api_key.key_sha256".to_owned(), "IMMUTABLE")]);
}

#[tokio::test]
async fn pausing_a_subscription_takes_its_keys_away_and_resuming_brings_them_back() {
    let fixture = Fixture::with_subscription().await;
    fixture.create_key("k", hashed_key('a')).await;
    fixture.create_key("l", hashed_key('b')).await;
    fixture.create_key("m", hashed_key('c')).await;
    fixture.service.revoke_api_key(call(), &key_name("l"), "").await.unwrap();
    let both = |there| [(key_name("k"), there), (key_name("m"), there)];

    let at = fixture.heads().await.credentials;
    fixture.set_subscription(|s| s.set_state(wire::SubscriptionState::Paused)).await.unwrap();
    assert_eq!(fixture.heads().await.credentials, at + 1);
    assert_eq!(fixture.learned(at).await, both(false));
    // A key that is made while the subscription is paused stays at home.
    fixture.create_key("n", hashed_key('d')).await;
    assert_eq!(fixture.learned(at + 1).await, []);
    fixture.delete::<wire::ApiKey>(&key_name("n"), false).await.unwrap();

    let at = fixture.heads().await.credentials;
    fixture.set_subscription(|s| s.set_state(wire::SubscriptionState::Active)).await.unwrap();
    assert_eq!(fixture.learned(at).await, both(true));

    fixture.set_subscription(|s| s.set_state(wire::SubscriptionState::Closed)).await.unwrap();
    assert!(fixture.held(Lane::Credentials).await.is_empty());
    let reopened = fixture.set_subscription(|s| s.set_state(wire::SubscriptionState::Active)).await;
    assert_eq!(violations(reopened), [("subscription.state".to_owned(), "FINAL_STATE")]);
}

#[tokio::test]
async fn a_credential_expires_with_the_earlier_of_key_and_subscription() {
    let fixture = Fixture::with_subscription().await;
    let time = |seconds| Some(pbjson_types::Timestamp { seconds, nanos: 0 });
    let early = wire::ApiKey { expire_time: time(2_000_000_000), ..hashed_key('a') };
    fixture.create_key("early", early).await;
    fixture.create_key("never", hashed_key('b')).await;
    let at = fixture.heads().await.credentials;
    fixture.set_subscription(|s| s.expire_time = time(2_100_000_000)).await.unwrap();
    let feed = fixture.service.feed();
    let Since::Delta(batch) = feed.since(Lane::Credentials, at, 9).await.unwrap() else { panic!() };
    // That of the early key does not change.
    let [change] = &batch.changes[..] else { panic!("{batch:?}") };
    assert_eq!(change.message.name, key_name("never"));
    let Some(Body::Key(credential)) = &change.message.body else { panic!() };
    assert_eq!(credential.expire_time, time(2_100_000_000));
}

#[tokio::test]
async fn the_plan_of_a_subscription_stays() {
    let fixture = Fixture::with_subscription().await;
    fixture.create(ORGANIZATION, "other", keyed_plan("other")).await.unwrap();
    let moved = fixture.set_subscription(|s| s.plan = "organizations/default/plans/other".to_owned()).await;
    assert_eq!(violations(moved), [("subscription.plan".to_owned(), "IMMUTABLE")]);
}
