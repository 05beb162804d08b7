//! What becomes of the webhooks that callers hand to agents.

use std::net::IpAddr;
use std::sync::Arc;

/// What becomes of webhooks. Plan and agent both have one, and both apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushPolicy {
    /// How they are treated.
    pub mode: PushMode,
    /// Hosts that a webhook may name; empty: every public host. Only with `Validate`.
    pub allowed_hosts: Vec<HostPattern>,
    /// Hosts that a webhook may not name. Only with `Validate`.
    pub denied_hosts: Vec<HostPattern>,
}

/// How webhooks are treated, the most open first: of two modes the greater one is the stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PushMode {
    /// They are not looked at.
    #[default]
    Pass,
    /// They are https URLs of public hosts, or the request is refused.
    Validate,
    /// There are none.
    Off,
}

/// Hosts of one form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// This name, in lower case and without a trailing dot.
    Name(Arc<str>),
    /// Every name below this one: ".example.com" for `*.example.com`.
    Below(Arc<str>),
    /// Every address of this network.
    Network(Network),
}

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// The first address; bits beyond the prefix are zero.
    pub address: IpAddr,
    /// How many bits are shared.
    pub prefix: u8,
}

impl HostPattern {
    /// Whether it covers a host name, which is in lower case and without a trailing dot.
    #[must_use]
    pub fn covers_name(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => **own == *name,
            Self::Below(suffix) => name.len() > suffix.len() && name.ends_with(&**suffix),
            Self::Network(_) => false,
        }
    }

    /// Whether it covers an address.
    #[must_use]
    pub fn covers_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(address),
            Self::Name(_) | Self::Below(_) => false,
        }
    }
}

impl Network {
    /// Whether `address`, of the same family, is one of its addresses.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        first_of(address, self.prefix) == Some(self.address)
    }
}

/// The first address of the network of `prefix` bits that `address` lies in; `None`: the prefix is too long.
fn first_of(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let host_bits = 32_u32.checked_sub(u32::from(prefix))?;
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(IpAddr::V4((v4.to_bits() & mask).into()))
        }
        IpAddr::V6(v6) => {
            let host_bits = 128_u32.checked_sub(u32::from(prefix))?;
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(IpAddr::V6((v6.to_bits() & mask).into()))
        }
    }
}

mod from_wire;
#[cfg(test)]
mod tests;
