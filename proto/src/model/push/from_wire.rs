//! Wire → model for push policies.

use std::net::IpAddr;

use super::{HostPattern, Network, PushMode, PushPolicy, first_of};
use crate::model::violation::{FieldPath, Violations};
use crate::model::{bound, check, url};
use crate::wire::config::v1 as wire;

impl PushPolicy {
    pub(crate) fn from_wire(
        wire: Option<wire::PushPolicy>,
        at: &FieldPath,
        wrong: &mut Violations,
    ) -> Option<Self> {
        let wire::PushPolicy { mode, allowed_hosts, denied_hosts } = wire.unwrap_or_default();
        let mode = check::known(mode, &at.field("mode"), wrong).map(|known| match known {
            wire::PushMode::Unspecified | wire::PushMode::Pass => PushMode::Pass,
            wire::PushMode::Validate => PushMode::Validate,
            wire::PushMode::Off => PushMode::Off,
        });
        let mut hosts = |list: &[String], field: &str| {
            let at = at.field(field);
            if !list.is_empty() && mode.is_some_and(|mode| mode != PushMode::Validate) {
                wrong.push(at.clone(), "CONFLICT", "means nothing unless the mode is PUSH_MODE_VALIDATE");
            }
            patterns(list, &at, wrong)
        };
        let allowed_hosts = hosts(&allowed_hosts, "allowed_hosts");
        let denied_hosts = hosts(&denied_hosts, "denied_hosts");
        Some(Self { mode: mode?, allowed_hosts, denied_hosts })
    }
}

fn patterns(list: &[String], at: &FieldPath, wrong: &mut Violations) -> Vec<HostPattern> {
    check::count(list.len(), &bound::PUSH_HOSTS, at, wrong);
    let parse = |(index, text): (usize, &String)| wrong.collect(HostPattern::parse(text, &at.index(index)));
    let patterns: Vec<HostPattern> = list.iter().enumerate().filter_map(parse).collect();
    check::unique(&patterns, at, wrong);
    patterns
}

impl HostPattern {
    /// Reads a host name, `*.` and a host name, an address, or a network as an address, `/` and a number of bits.
    ///
    /// # Errors
    ///
    /// One violation at `at`.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = |reason: &str| Violations::one(at.clone(), "INVALID_HOST", reason);
        if let Some((address, prefix)) = text.split_once('/') {
            return network(address, prefix).map(Self::Network).map_err(refuse);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            return Ok(Self::Network(Network { address, prefix }));
        }
        let below = text.strip_prefix("*.");
        let name = below.unwrap_or(text);
        if name.contains([':', '*']) {
            return Err(refuse(
                "must be a host name, *. and a host name, an address or a network, without scheme and port",
            ));
        }
        let name = url::host_name(name).map_err(refuse)?;
        Ok(match below {
            Some(_) => Self::Below(format!(".{name}").into()),
            None => Self::Name(name.into()),
        })
    }
}

fn network(address: &str, prefix: &str) -> Result<Network, &'static str> {
    let address: IpAddr =
        address.parse().map_err(|_| "must have an IPv4 or IPv6 address before the / of a network")?;
    let digits = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = prefix.parse::<u8>().ok().filter(|_| digits);
    let first = prefix.and_then(|prefix| Some((prefix, first_of(address, prefix)?)));
    let Some((prefix, first)) = first else {
        return Err("must have a number of bits after the /, at most 32 for IPv4 and 128 for IPv6");
    };
    if first != address {
        return Err("has bits set beyond the network's prefix; write the first address of the network");
    }
    Ok(Network { address, prefix })
}
