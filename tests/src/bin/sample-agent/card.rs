//! The agent card: one document that 0.3 and 1.0 clients both understand.

use serde_json::{Value, json};

/// The hybrid card of an agent at `url`.
pub(crate) fn card(name: &str, url: &str) -> Value {
    json!({
        "name": name,
        "description": "Answers with the text it was sent",
        "version": env!("CARGO_PKG_VERSION"),
        "protocolVersion": "0.3.0",
        "url": url,
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{"url": url, "transport": "JSONRPC"}],
        "supportedInterfaces": [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        ],
        "capabilities": {"streaming": true, "pushNotifications": false},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{
            "id": "echo",
            "name": "Echo",
            "description": "Sends the text back, in chunks when streaming",
            "tags": ["echo", "sample"],
            "examples": ["hello"],
        }],
    })
}
