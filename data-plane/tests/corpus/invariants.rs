//! What must hold for any bytes. Shared by the fuzz targets and the replay of their corpora.

#![expect(clippy::expect_used, reason = "a failed expectation is the finding")]

use serde_json::value::RawValue;
use signalbox_data_plane::a2a::card::{
    self, CapabilitiesOff, CardRewrite, SecurityDeclaration, SkillFilter, Target, interfaces,
    rewrite_json_rpc_answer,
};
use signalbox_data_plane::a2a::{Binding, Operation, jsonrpc, response};
use signalbox_data_plane::error::{Caller, Dialect};
use signalbox_data_plane::http::respond::{respond, stream_event};

/// An accepted request is one JSON object whose method and id are where the call says; a refused one can be answered.
pub(crate) fn jsonrpc(data: &[u8]) {
    match jsonrpc::classify(data) {
        Ok(call) => {
            let text = std::str::from_utf8(data).expect("accepted bytes are UTF-8");
            let raw: &RawValue = serde_json::from_str(text).expect("accepted bytes are JSON");
            assert!(raw.get().starts_with('{'));
            let (start, end) = call.method_span;
            let method: String = serde_json::from_str(&text[start..end]).expect("the span holds a string");
            assert_eq!(method, call.method);
            assert_eq!(Operation::from_json_rpc(&method).0, call.operation);
            if let Some(id) = call.id {
                serde_json::from_str::<&RawValue>(id).expect("the id is JSON");
            }
        }
        Err(refusal) => {
            for dialect in [Dialect::V0, Dialect::V1] {
                let caller = Caller::json_rpc(dialect, refusal.id);
                let answer = respond(&refusal.error, caller);
                serde_json::from_slice::<&RawValue>(answer.body()).expect("the answer is JSON");
                let event = stream_event(&refusal.error, caller);
                assert!(event.starts_with(b"data: ") && event.ends_with(b"}\n\n"));
            }
        }
    }
}

const PUBLIC: &str = "https://agents.example/a2a/echo";

/// A card that is served is JSON, names no address of the agent's server, and is stable under rewriting.
pub(crate) fn card(data: &[u8]) {
    let target = Target::parse("http://backend.internal:9999/rpc").expect("it is a URL");
    let security =
        SecurityDeclaration { keeps_own: false, alternatives: SecurityDeclaration::api_key("X-API-Key") };
    let targets = [target];
    let policy = CardRewrite {
        targets: &targets,
        public_url: PUBLIC,
        grpc_authority: None,
        bindings: &[Binding::JsonRpc],
        versions: None,
        reader: None,
        security: &security,
        capabilities_off: CapabilitiesOff { push_notifications: true, ..CapabilitiesOff::default() },
        skills: SkillFilter::All,
    };
    let _ = interfaces(data, &targets[0]);
    let _ = rewrite_json_rpc_answer(data, &policy);
    let _ = card::merge(data, data);
    let Ok(served) = card::rewrite(data, &policy) else { return };
    let text = std::str::from_utf8(&served.body).expect("a card is UTF-8");
    serde_json::from_str::<&RawValue>(text).expect("a card is JSON");
    for found in
        interfaces(&served.body, &Target::parse(PUBLIC).expect("it is a URL")).expect("a served card reads")
    {
        assert_eq!((found.binding, found.path_and_query.as_str()), (Binding::JsonRpc, "/a2a/echo"));
    }
    assert_eq!(interfaces(&served.body, &targets[0]).expect("a served card reads"), []);
    let again = card::rewrite(&served.body, &policy).expect("a served card can be rewritten");
    assert_eq!(again, served);
}

/// Answers are read without failing, whatever they are.
pub(crate) fn answer(data: &[u8]) {
    if let Some(outcome) = response::read_json_rpc(data)
        && let Some(id) = outcome.id
    {
        serde_json::from_str::<&RawValue>(id).expect("the id is JSON");
    }
    let _ = response::read_http_json(data);
}
