//! What must hold for policies on any request: webhooks that are let through, messages that are put right. Shared by the
//! fuzz targets and the replay of their corpora.

#![expect(clippy::expect_used, reason = "a failed expectation is the finding")]

use std::net::IpAddr;

use signalbox_data_plane::a2a::{Binding, jsonrpc, lenient, policy};
use signalbox_data_plane::permit::PushRules;
use signalbox_proto::model::push::{HostPattern, PushMode, PushPolicy};
use signalbox_proto::model::violation::FieldPath;
use url::{Host, Url};

/// A URL that passes is, to the reader of browsers, https to a public host that is not denied, and to that of this
/// gateway's HTTP library the same host.
pub(crate) fn webhook(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pattern = |text| HostPattern::parse(text, &FieldPath::root()).expect("it is a pattern");
    let denied_hosts = ["denied.example", "*.denied.example", "9.9.9.0/24"].map(pattern).to_vec();
    let agent = PushPolicy { mode: PushMode::Validate, denied_hosts, ..PushPolicy::default() };
    let plan = PushPolicy::default();
    if text.is_empty() || PushRules::new(&agent, &plan).check_webhook(text).is_err() {
        return;
    }
    // Punycode that stands for nothing is left to the agent's own reader.
    let Ok(url) = Url::parse(text) else { return };
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text}");
    match url.host().expect("it has a host") {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            assert!(name.contains('.') && name.parse::<IpAddr>().is_err(), "{text}");
            for local in ["localhost", "local", "internal", "denied.example"] {
                assert!(name != local && !name.ends_with(&format!(".{local}")), "{text}");
            }
        }
        Host::Ipv4(address) => {
            let is_local = address.is_private() || address.is_loopback() || address.is_link_local();
            let is_special = address.is_unspecified() || address.is_broadcast() || address.is_multicast();
            assert!(!is_local && !is_special && address.octets()[..3] != [9, 9, 9], "{text}");
        }
        Host::Ipv6(address) => {
            let is_local = address.is_loopback() || address.is_unspecified() || address.is_multicast();
            let is_inside = address.is_unique_local() || address.is_unicast_link_local();
            assert!(!is_local && !is_inside && address.to_ipv4().is_none(), "{text}");
        }
    }
    if let Ok(uri) = text.parse::<http::Uri>() {
        let plain = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
        let host = plain(uri.host().unwrap_or_default());
        let is_v6 = host.starts_with('[');
        assert!(is_v6 || url.host_str().map(plain) == Some(host), "{text}");
    }
}

/// A message that is put right is still the same call.
pub(crate) fn mended(data: &[u8]) {
    let Ok(call) = jsonrpc::classify(data) else { return };
    let params = policy::params(Binding::JsonRpc, data).expect("a classified body has been read");
    let webhooks = params.map(policy::webhooks);
    let mended = lenient::mend(Binding::JsonRpc, call.naming, data, || "made".to_owned());
    let Ok(Some(mended)) = mended else { return };
    let again = jsonrpc::classify(&mended).expect("it is a request as before");
    assert_eq!((again.operation, again.id, again.waits), (call.operation, call.id, call.waits));
    assert_eq!((again.task_id, again.context_id), (call.task_id, call.context_id));
    assert_eq!(again.has_push_config, call.has_push_config);
    let params = policy::params(Binding::JsonRpc, &mended).expect("a classified body has been read");
    let found = |webhooks: Option<Result<Vec<_>, _>>| webhooks.and_then(Result::ok);
    assert_eq!(found(params.map(policy::webhooks)), found(webhooks));
    let once_more = lenient::mend(Binding::JsonRpc, call.naming, &mended, || "again".to_owned());
    assert!(matches!(once_more, Ok(None)), "nothing is left to do");
}
