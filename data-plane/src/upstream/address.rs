//! Addresses that the gateway never calls, whatever a manifest or a name server says.
//!
//! Metadata services hand credentials to whoever can reach them, link-local addresses belong to the machine's own
//! segment, and a gateway that calls its own listeners can be made to loop. The rules look at resolved addresses, so
//! that a name cannot be pointed somewhere else after it was checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Cloud metadata services outside the link-local ranges: Alibaba Cloud, Azure's wire server, Oracle Cloud.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
/// The metadata services of Amazon EC2 and Google Cloud over IPv6.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
/// The well-known NAT64 prefix `64:ff9b::/96` (RFC 6052): its last four bytes are an IPv4 address.
const NAT64_PREFIX: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The gateway's own listeners, next to the addresses that nobody may call.
#[derive(Debug, Default, Clone)]
pub struct AddressRules {
    own_listeners: Vec<SocketAddr>,
}

impl AddressRules {
    /// Rules of a process that listens at these addresses.
    pub fn new(own_listeners: Vec<SocketAddr>) -> Self {
        Self { own_listeners }
    }

    /// Whether the gateway may connect to this address.
    pub fn allows(&self, address: SocketAddr) -> bool {
        let ip = embedded_v4(address.ip());
        !is_forbidden(ip) && !self.own_listeners.iter().any(|own| is_same_listener(*own, ip, address.port()))
    }

    /// Whether a connection that was just made leads back to this process.
    ///
    /// A listener on the wildcard address answers on every address of the machine; those are known only from the
    /// connection itself, whose two ends then have the same address.
    pub fn leads_back(&self, local: SocketAddr, peer: SocketAddr) -> bool {
        let same_machine = embedded_v4(local.ip()) == embedded_v4(peer.ip());
        same_machine
            && self.own_listeners.iter().any(|own| own.ip().is_unspecified() && own.port() == peer.port())
    }
}

fn is_same_listener(own: SocketAddr, ip: IpAddr, port: u16) -> bool {
    let own_ip = embedded_v4(own.ip());
    own.port() == port
        && (own_ip == ip || (own_ip.is_unspecified() && (ip.is_loopback() || ip.is_unspecified())))
        // The unspecified address as a target means the machine itself.
        || own.port() == port && ip.is_unspecified() && own_ip.is_loopback()
}

fn is_forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_broadcast() || v4.is_multicast() || METADATA_V4.contains(&v4)
        }
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast() || METADATA_V6.contains(&v6),
    }
}

/// The IPv4 address that an IPv6 address stands for, so that no notation goes round the rules.
fn embedded_v4(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    let segments = v6.segments();
    let octets = v6.octets();
    let is_nat64 = segments[..6] == NAT64_PREFIX;
    // ::a.b.c.d, long deprecated (RFC 4291, 2.5.5.1); :: and ::1 are not of this kind.
    let is_compatible = segments[..6] == [0; 6] && segments[6] != 0;
    if is_nat64 || is_compatible {
        return IpAddr::V4(Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]));
    }
    ip
}

#[cfg(test)]
mod tests;
