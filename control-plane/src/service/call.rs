//! Who asks, and how.

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message;
use signalbox_proto::model::violation::{FieldPath, Violations};

/// What every changing request carries besides its content.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks: the id of an admin token.
    pub actor: String,
    /// The RPC: "signalbox.config.v1.ConfigService/UpdateAgent".
    pub method: &'static str,
    /// A UUID that makes the request safe to repeat, or empty.
    pub request_id: String,
    /// SHA-256 of method and content.
    pub request_sha256: [u8; 32],
    /// Check everything, write nothing.
    pub validate_only: bool,
    /// W3C traceparent of the request.
    pub traceparent: Option<String>,
}

impl Call {
    /// The call that `actor` makes with `request`.
    pub fn new(actor: impl Into<String>, method: &'static str, request: &impl Message) -> Self {
        // Maps are sorted in the generated types, so that equal requests encode equally.
        let mut content = method.as_bytes().to_vec();
        content.push(0);
        content.extend_from_slice(&request.encode_to_vec());
        let mut request_sha256 = [0; 32];
        request_sha256.copy_from_slice(digest(&SHA256, &content).as_ref());
        Self {
            actor: actor.into(),
            method,
            request_id: String::new(),
            request_sha256,
            validate_only: false,
            traceparent: None,
        }
    }

    /// The same, safe to repeat under this id unless it is empty.
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = request_id.into();
        self
    }

    /// The same, checked only.
    #[must_use]
    pub fn validate_only(mut self, validate_only: bool) -> Self {
        self.validate_only = validate_only;
        self
    }

    /// The same, as part of a trace.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: Option<String>) -> Self {
        self.traceparent = traceparent;
        self
    }

    /// Notes a request id that is no UUID.
    pub(super) fn check(&self) -> Result<(), Violations> {
        if self.request_id.is_empty() || uuid::Uuid::try_parse(&self.request_id).is_ok() {
            return Ok(());
        }
        let at = FieldPath::root().field("request_id");
        Err(Violations::one(at, "INVALID_UUID", "must be a UUID, or empty"))
    }
}
