//! Whom a limit counts.

use std::net::{IpAddr, Ipv6Addr};

/// The caller, as limits see it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name of the consumer; none under keyless.
    pub consumer: Option<&'a str>,
    /// Name of the API key; none under keyless.
    pub api_key: Option<&'a str>,
    /// The client's address.
    pub address: IpAddr,
}

/// One way of counting a caller, hashable without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted<'a> {
    Address(IpAddr),
    ApiKey(&'a str),
    Consumer(&'a str),
    Everybody,
}

impl<'a> Subject<'a> {
    pub(super) fn by_consumer(&self) -> Counted<'a> {
        self.consumer.map_or_else(|| self.by_address(), Counted::Consumer)
    }

    pub(super) fn by_api_key(&self) -> Counted<'a> {
        self.api_key.map_or_else(|| self.by_address(), Counted::ApiKey)
    }

    /// IPv6 counts by /64, since that is what one customer gets; an IPv4-mapped address counts as IPv4.
    pub(super) fn by_address(&self) -> Counted<'a> {
        Counted::Address(match self.address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}
