//! Every way in which a request can fail, as one type and one table.
//!
//! `code` is the table: who is at fault, whether a repeat is safe, and the number or name in each binding.
//! `crate::http::respond` is the only place that renders an error for a caller.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

mod caller;
mod code;
#[cfg(test)]
mod tests;

pub use caller::{Caller, Dialect, Shape};
pub use code::{Code, Fault, GrpcCode, Nature, Retry, Row};

/// `domain` of the `google.rpc.ErrorInfo` of answers that are the gateway's own.
pub const GATEWAY_DOMAIN: &str = "signalbox.dev";
/// `domain` of the `google.rpc.ErrorInfo` of answers given in the agent's place (A2A 1.0 §5.4).
pub const A2A_DOMAIN: &str = "a2a-protocol.org";

/// A failed request: a code of the closed set, what to tell the caller, what to tell the log.
///
/// Two words large and without allocation as long as only the code is set.
pub struct GatewayError {
    code: Code,
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    internal: Option<Cow<'static, str>>,
    detail: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    retry_after: Option<Duration>,
    metadata: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl GatewayError {
    /// An error of this code, without particulars.
    pub const fn new(code: Code) -> Self {
        Self { code, more: None }
    }

    /// Sets the sentence for the log. It never reaches the caller.
    #[must_use]
    pub fn internal(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.more().internal = Some(why.into());
        self
    }

    /// Adds particulars to the public sentence. They reach the caller: no addresses, no secrets.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.more().detail = Some(detail.into());
        self
    }

    /// Keeps what caused it, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.more().source = Some(source.into());
        self
    }

    /// Sets when to come back; sent as `Retry-After` in whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.more().retry_after = Some(delay);
        self
    }

    /// Adds a pair to the metadata of the `ErrorInfo`. It reaches the caller.
    #[must_use]
    pub fn metadata(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.more().metadata.push((key, value.into()));
        self
    }

    /// Adds a header to the answer, such as `WWW-Authenticate` or `RateLimit`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more().headers.push((name, value));
        self
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The row of the table for the code.
    pub fn row(&self) -> &'static Row {
        self.code.row()
    }

    /// What the caller reads: the sentence of the table, and the particulars where there are some.
    pub fn public_message(&self) -> Cow<'static, str> {
        let sentence = self.row().public;
        match self.more.as_ref().and_then(|more| more.detail.as_deref()) {
            Some(detail) => Cow::Owned(format!("{sentence} {detail}")),
            None => Cow::Borrowed(sentence),
        }
    }

    /// When to come back, if that is known or the table has a default.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.more
            .as_ref()
            .and_then(|more| more.retry_after)
            .or_else(|| self.row().retry_after_seconds.map(Duration::from_secs))
    }

    /// The pairs for the metadata of the `ErrorInfo`.
    pub fn metadata_pairs(&self) -> &[(&'static str, String)] {
        self.more.as_ref().map_or(&[], |more| &more.metadata)
    }

    /// The headers that the answer needs besides those of the table.
    pub fn header_pairs(&self) -> &[(HeaderName, HeaderValue)] {
        self.more.as_ref().map_or(&[], |more| &more.headers)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

impl From<Code> for GatewayError {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

/// The sentence for the log: the code, then what happened inside. The source is not part of it.
impl fmt::Display for GatewayError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.row().reason)?;
        let more = self.more.as_ref();
        if let Some(internal) = more.and_then(|more| more.internal.as_deref()) {
            write!(out, ": {internal}")
        } else if let Some(detail) = more.and_then(|more| more.detail.as_deref()) {
            write!(out, ": {detail}")
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for GatewayError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = out.debug_struct("GatewayError");
        debug.field("code", &self.code);
        if let Some(more) = &self.more {
            debug.field("internal", &more.internal).field("detail", &more.detail);
            debug.field("source", &more.source).field("retry_after", &more.retry_after);
        }
        debug.finish()
    }
}

impl Error for GatewayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.more.as_ref()?.source.as_deref()?;
        Some(source)
    }
}
