use std::path::Path;
use std::sync::Arc;

use signalbox_proto::key::{Token, TokenKind};

use super::{FileError, FileSource};
use crate::config::{Applier, Handle, Site};

fn source(path: &Path) -> FileSource {
    let applier = Applier::new(Handle::new(), Site::default(), Arc::default());
    FileSource::new(path.to_owned(), Arc::new(applier)).unwrap()
}

fn manifest(token: &Token, subscription_state: &str) -> String {
    format!(
        "plans:
- name: organizations/default/plans/gold
  apiKey: {{}}
agents:
- name: organizations/default/agents/echo
  upstreams:
  - url: http://127.0.0.1:9999
  plans: [organizations/default/plans/gold]
consumers:
- name: organizations/default/consumers/ada
subscriptions:
- name: organizations/default/consumers/ada/subscriptions/s
  plan: organizations/default/plans/gold
  state: {subscription_state}
apiKeys:
- name: organizations/default/consumers/ada/subscriptions/s/apiKeys/k
  keySha256: {}
",
        hex::encode(token.sha256().0)
    )
}

#[tokio::test]
async fn a_manifest_is_served_and_served_anew_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.yaml");
    let token = Token::generate(TokenKind::ApiKey).unwrap();
    std::fs::write(&path, manifest(&token, "SUBSCRIPTION_STATE_ACTIVE")).unwrap();
    let mut source = source(&path);
    assert!(source.refresh().await.unwrap());
    assert!(!source.refresh().await.unwrap(), "nothing has changed");
    let handle = source.applier.handle().clone();
    assert!(handle.is_configured());
    let served = handle.load_full();
    assert!(served.routes.find(None, "/a2a/echo").is_some());
    let key = served.keys.find(token.expose().as_bytes()).unwrap();
    assert_eq!(served.keys.plan(&key).unwrap().id(), "gold");

    std::fs::write(&path, manifest(&token, "SUBSCRIPTION_STATE_PAUSED")).unwrap();
    assert!(source.refresh().await.unwrap());
    assert!(handle.load().keys.find(token.expose().as_bytes()).is_none());
    assert_eq!(handle.load().cursors.config.revision, 2);
}

#[tokio::test]
async fn a_bad_manifest_is_refused_with_its_place_while_the_last_good_one_serves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.yaml");
    let token = Token::generate(TokenKind::ApiKey).unwrap();
    let good = manifest(&token, "SUBSCRIPTION_STATE_ACTIVE");
    std::fs::write(&path, &good).unwrap();
    let mut source = source(&path);
    source.refresh().await.unwrap();
    for (bad, line) in [
        (good.replace("upstreams:", "upstreamz:"), 6),
        (good.replace("http://127.0.0.1:9999", "gopher://x"), 7),
        (
            good.replace(
                "plans: [organizations/default/plans/gold]",
                "plans: [organizations/default/plans/none]",
            ),
            8,
        ),
    ] {
        std::fs::write(&path, bad).unwrap();
        let Err(FileError::Refused { problems, .. }) = source.refresh().await else { panic!("refused") };
        assert_eq!(problems.0[0].position.unwrap().line, line, "{problems}");
        source.look_again();
        assert!(!source.refresh().await.unwrap(), "complains once");
        assert!(source.applier.handle().load().routes.find(None, "/a2a/echo").is_some());
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(source.refresh().await, Err(FileError::Read { .. })));
    assert!(source.applier.handle().load().routes.find(None, "/a2a/echo").is_some());
}

#[tokio::test]
async fn a_file_that_was_never_good_leaves_the_data_plane_without_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.yaml");
    std::fs::write(&path, "agents: 3").unwrap();
    let mut source = source(&path);
    assert!(source.refresh().await.is_err());
    assert!(!source.applier.handle().is_configured());
}
