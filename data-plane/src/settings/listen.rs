//! `--listen`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use signalbox_proto::model::address::BaseUrl;
use signalbox_proto::model::violation::FieldPath;

/// One address for callers: `ADDRESS[,cert=FILE,key=FILE]...[,public-url=URL]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSpec {
    /// Where to listen.
    pub address: SocketAddr,
    /// Certificates, chosen by the name that the client asks for; none: plaintext.
    pub certificates: Vec<CertificatePair>,
    /// URL under which callers reach this listener.
    pub public_url: Option<BaseUrl>,
}

/// Files of a certificate chain and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePair {
    /// The certificate and its chain, leaf first.
    pub certificates: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
}

/// A listener that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenerSpecError {
    /// The first part is no socket address.
    #[error("{0:?} is not ADDRESS:PORT, such as 0.0.0.0:8080")]
    Address(String),
    /// An option that does not exist.
    #[error("{0:?} is not cert=FILE, key=FILE or public-url=URL")]
    Option(String),
    /// A certificate without a key behind it, or a key without a certificate before it.
    #[error("each cert=FILE is followed by its key=FILE")]
    Pair,
    /// The public URL cannot be used.
    #[error("public-url: {0}")]
    PublicUrl(String),
}

impl ListenerSpec {
    /// The URL under which callers reach it once it is bound at `bound`: what it was given, else on loopback its own
    /// address.
    #[must_use]
    pub fn public_url_at(&self, bound: SocketAddr) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.as_str().to_owned());
        }
        let scheme = if self.certificates.is_empty() { "http" } else { "https" };
        bound.ip().is_loopback().then(|| format!("{scheme}://{bound}"))
    }
}

impl FromStr for ListenerSpec {
    type Err = ListenerSpecError;

    fn from_str(text: &str) -> Result<Self, ListenerSpecError> {
        let mut parts = text.split(',');
        let address = parts.next().unwrap_or_default();
        let address = address.parse().map_err(|_| ListenerSpecError::Address(address.to_owned()))?;
        let mut spec = Self { address, certificates: Vec::new(), public_url: None };
        let mut pending: Option<PathBuf> = None;
        for part in parts {
            match part.split_once('=') {
                Some(("cert", file)) if pending.is_none() => pending = Some(file.into()),
                Some(("key", file)) => {
                    let certificates = pending.take().ok_or(ListenerSpecError::Pair)?;
                    spec.certificates.push(CertificatePair { certificates, key: file.into() });
                }
                Some(("cert", _)) => return Err(ListenerSpecError::Pair),
                Some(("public-url", url)) => {
                    let parsed = BaseUrl::parse(url, &FieldPath::root());
                    spec.public_url = Some(parsed.map_err(|why| ListenerSpecError::PublicUrl(first(&why)))?);
                }
                _ => return Err(ListenerSpecError::Option(part.to_owned())),
            }
        }
        if pending.is_some() { Err(ListenerSpecError::Pair) } else { Ok(spec) }
    }
}

/// The first thing that is wrong, without its path: there is one value only.
pub(super) fn first(why: &signalbox_proto::model::violation::Violations) -> String {
    why.iter().next().map(|violation| violation.description.clone()).unwrap_or_default()
}
