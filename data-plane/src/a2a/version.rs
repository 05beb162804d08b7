//! Which version of A2A a request speaks.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Code, Dialect, GatewayError};
use crate::http::query;

#[cfg(test)]
mod tests;

/// `A2A-Version` (A2A 1.0 §3.6.1).
pub const A2A_VERSION: HeaderName = HeaderName::from_static("a2a-version");

/// A version of A2A: Major.Minor. A patch part never matters (A2A 1.0 §3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

impl Version {
    /// 0.3, which an absent or empty header means (A2A 1.0 §3.6.2).
    pub const V0_3: Self = Self { major: 0, minor: 3 };
    /// 1.0.
    pub const V1_0: Self = Self { major: 1, minor: 0 };

    /// Reads `Major`, `Major.Minor` or `Major.Minor.Patch`: decimal digits without leading zeros.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let major = number(parts.next()?)?;
        let minor = parts.next().map_or(Some(0), number)?;
        if let Some(patch) = parts.next() {
            number(patch)?;
        }
        parts.next().is_none().then_some(Self { major, minor })
    }

    /// The generation in which its callers read errors.
    pub const fn dialect(self) -> Dialect {
        match (self.major, self.minor) {
            (0, ..=1) => Dialect::V01,
            (0, _) => Dialect::V0,
            _ => Dialect::V1,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

fn number(text: &str) -> Option<u16> {
    let plain = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if plain && !leading_zero { text.parse().ok() } else { None }
}

/// What a request says about its version.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Requested {
    /// The version named; `None` when none is, which means 0.3.
    pub version: Option<Version>,
    /// The header to send to the agent in place of the caller's: where a patch part was cut or the query named the
    /// version. `None`: what came goes on unchanged, absent stays absent.
    pub replace: Option<HeaderValue>,
}

impl Requested {
    /// The version in effect.
    pub fn effective(&self) -> Version {
        self.version.unwrap_or(Version::V0_3)
    }
}

/// Reads the version from header and query (`?A2A-Version=1.0`).
///
/// # Errors
/// `VersionConflict` when header lines and query parameters differ; `VersionNotSupported` when a value is no version.
pub fn requested(headers: &HeaderMap, raw_query: Option<&str>) -> Result<Requested, GatewayError> {
    let mut found = Requested::default();
    let mut from_header = false;
    for value in headers.get_all(&A2A_VERSION) {
        let text = value.to_str().map_err(|_| unreadable("header"))?.trim();
        if text.is_empty() {
            continue;
        }
        let version = merge(found.version, text, "header")?;
        let cut = text.bytes().filter(|byte| *byte == b'.').count() > 1;
        found.version = Some(version);
        if cut || from_header {
            found.replace = Some(header_value(version)?);
        }
        from_header = true;
    }
    let Some(raw_query) = raw_query else { return Ok(found) };
    for value in query::values(raw_query, A2A_VERSION.as_str()) {
        let value = value.ok_or_else(|| unreadable("query"))?;
        let text = value.trim();
        if text.is_empty() {
            continue;
        }
        let version = merge(found.version, text, "query")?;
        found.version = Some(version);
        if !from_header {
            found.replace = Some(header_value(version)?);
        }
    }
    Ok(found)
}

fn merge(before: Option<Version>, text: &str, place: &'static str) -> Result<Version, GatewayError> {
    let version = Version::parse(text).ok_or_else(|| unreadable(place))?;
    match before {
        Some(other) if other != version => Err(GatewayError::new(Code::VersionConflict)
            .internal(format!("{version} in the {place}, {other} before it"))),
        _ => Ok(version),
    }
}

fn unreadable(place: &'static str) -> GatewayError {
    GatewayError::new(Code::VersionNotSupported)
        .detail("The A2A-Version sent is not of the form Major.Minor.")
        .internal(format!("the version in the {place} is not Major.Minor"))
}

fn header_value(version: Version) -> Result<HeaderValue, GatewayError> {
    HeaderValue::try_from(version.to_string())
        .map_err(|error| GatewayError::new(Code::Internal).internal("version as a header").caused_by(error))
}

/// The refusal of a version that the agent does not speak, with those that it does.
pub fn not_supported(asked: Version, offered: &[Version]) -> GatewayError {
    let list = offered.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    GatewayError::new(Code::VersionNotSupported)
        .detail(format!("Asked for {asked}; offered: {list}."))
        .metadata("requestedVersion", asked.to_string())
        .metadata("supportedVersions", list)
}
