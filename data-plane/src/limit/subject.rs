//! What a limit counts by.

use std::net::IpAddr;

use crate::http::address::limit_key;

/// Who asks for what, as limits see it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name of the agent.
    pub agent: &'a str,
    /// Name of the consumer; none under keyless.
    pub consumer: Option<&'a str>,
    /// Name of the key; none under keyless.
    pub key: Option<&'a str>,
    /// The client's address.
    pub address: IpAddr,
}

/// The part of a subject that one limit counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted<'a> {
    Name(&'a str),
    Address(IpAddr),
    Everybody,
}

impl<'a> Subject<'a> {
    /// The consumer, or the address where there is none.
    pub(super) fn consumer_or_address(&self) -> Counted<'a> {
        self.consumer.map_or_else(|| self.network(), Counted::Name)
    }

    /// The key, or the address where there is none.
    pub(super) fn key_or_address(&self) -> Counted<'a> {
        self.key.map_or_else(|| self.network(), Counted::Name)
    }

    /// The address; of IPv6 the /64, since one client commonly has all of it.
    pub(super) fn network(&self) -> Counted<'a> {
        Counted::Address(limit_key(self.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Counted<'static> {
        Subject { agent: "a", consumer: None, key: None, address: address.parse().unwrap() }.network()
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_mapped_ipv4_as_ipv4() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
