//! Where an answer through the gateway is meant to differ from the agent's own, and why.

use serde_json::Value;

use crate::compare::absent;

/// One intended difference.
pub(crate) struct Intended {
    pub(crate) name: &'static str,
    /// Topic of the probe and path in its outcome; `*` is one segment, `**` any number at the end.
    pub(crate) paths: &'static [&'static str],
    /// What else has to hold of the two values.
    pub(crate) holds: fn(&Value, &Value) -> bool,
    /// For the published page.
    pub(crate) what: &'static str,
    pub(crate) reason: &'static str,
}

fn always(_: &Value, _: &Value) -> bool {
    true
}

fn is_dropped(_: &Value, through: &Value) -> bool {
    *through == absent()
}

fn are_both_there(direct: &Value, through: &Value) -> bool {
    *direct != absent() && *through != absent()
}

/// Whether an address of the agent's became one of the gateway's.
fn leads_to_the_gateway(direct: &Value, through: &Value) -> bool {
    let is_gateways =
        |url: &str| url.contains("/a2a/") && url.starts_with("http://") || url.contains(".test:");
    let is_address = |text: &str| text.contains("127.0.0.1");
    direct.as_str().is_some_and(is_address) && through.as_str().is_some_and(is_gateways)
}

/// All of them.
pub(crate) const INTENDED: &[Intended] = &[
    Intended {
        name: "connection",
        paths: &[
            "*/headers/connection",
            "*/headers/keep-alive",
            "*/headers/transfer-encoding",
            "*/headers/content-length",
            "*/headers/date",
            "*/metadata/date",
            "*/metadata/content-length",
        ],
        holds: always,
        what: "`Connection`, `Keep-Alive`, `Transfer-Encoding`, `Content-Length`, `Date`",
        reason: "They belong to a connection, and the caller's is another than the agent's.",
    },
    Intended {
        name: "card-addresses",
        paths: &[
            "card/body/url",
            "card/body/additionalInterfaces/*/url",
            "card/body/supportedInterfaces/*/url",
            "extended/body/url",
            "extended/body/additionalInterfaces/*/url",
            "extended/body/supportedInterfaces/*/url",
            "extended/body/result/url",
            "extended/body/result/additionalInterfaces/*/url",
            "extended/body/result/supportedInterfaces/*/url",
            "extended/messages/0/3/*",
            "extended/messages/0/3/*/1/0",
            "extended/messages/0/15/*/1/0",
        ],
        holds: leads_to_the_gateway,
        what: "Addresses of interfaces in cards",
        reason: "They lead back to the gateway (C2, C3).",
    },
    Intended {
        name: "card-caching",
        paths: &[
            "card/headers/etag",
            "card/headers/vary",
            "card/headers/cache-control",
            "extended/headers/etag",
            "extended/headers/vary",
            "extended/headers/cache-control",
            "extended/metadata/cache-control",
        ],
        holds: always,
        what: "`ETag`, `Vary`, `Cache-Control` of cards",
        reason: "The bytes are the gateway's, and so is what may be kept of them (C7).",
    },
    Intended {
        name: "card-server",
        paths: &["card/headers/server", "card/headers/x-powered-by"],
        holds: is_dropped,
        what: "`Server`, `X-Powered-By` of cards",
        reason: "The gateway answers, from what it keeps.",
    },
    Intended {
        name: "card-media-type",
        paths: &["card/headers/content-type"],
        holds: |direct, through| direct == "application/json; charset=utf-8" && through == "application/json",
        what: "`charset=utf-8` of cards",
        reason: "JSON has no other, and the parameter no meaning.",
    },
    Intended {
        name: "card-coding",
        paths: &["extended/metadata/grpc-encoding"],
        holds: |direct, through| direct == "identity" && *through == absent(),
        what: "`grpc-encoding: identity` of extended cards",
        reason: "The gateway writes the card anew; without the header a message is not compressed either.",
    },
    Intended {
        name: "empty-signatures",
        paths: &["card/body/signatures", "extended/body/signatures", "extended/body/result/signatures"],
        holds: is_dropped,
        what: "An empty list of signatures in cards",
        reason: "Signatures of a rewritten card are removed (C5), the list with them.",
    },
    Intended {
        name: "body-etag",
        paths: &["call/headers/etag"],
        holds: are_both_there,
        what: "The value of an `ETag` of an answer",
        reason: "JavaScript agents make it from the body, which holds generated ids; it passes as it comes.",
    },
];
