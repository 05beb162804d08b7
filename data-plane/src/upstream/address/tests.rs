use super::*;

fn rules(own: &[&str]) -> AddressRules {
    AddressRules::new(own.iter().map(|address| address.parse().unwrap()).collect())
}

fn allows(rules: &AddressRules, address: &str) -> bool {
    rules.allows(address.parse().unwrap())
}

#[test]
fn metadata_and_link_local_addresses_are_refused_in_every_notation() {
    let rules = rules(&[]);
    for address in [
        "169.254.169.254:80",
        "169.254.0.1:443",
        "100.100.100.200:80",
        "168.63.129.16:80",
        "[fd00:ec2::254]:80",
        "[fd20:ce::254]:80",
        "[fe80::1]:80",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "[::169.254.169.254]:80",
        "255.255.255.255:80",
        "224.0.0.1:80",
        "[ff02::1]:80",
    ] {
        assert!(!allows(&rules, address), "{address}");
    }
}

#[test]
fn private_and_public_addresses_are_allowed() {
    let rules = rules(&[]);
    for address in
        ["10.0.0.1:80", "127.0.0.1:8080", "[::1]:8080", "192.168.1.1:1", "[fd00::1]:80", "93.184.216.34:443"]
    {
        assert!(allows(&rules, address), "{address}");
    }
}

#[test]
fn own_listeners_are_refused_and_their_neighbours_are_not() {
    let rules = rules(&["127.0.0.1:8080", "0.0.0.0:8082", "[::]:9000"]);
    for address in [
        "127.0.0.1:8080",
        "[::ffff:127.0.0.1]:8080",
        "0.0.0.0:8080",
        "127.0.0.1:8082",
        "127.0.0.9:8082",
        "[::1]:9000",
    ] {
        assert!(!allows(&rules, address), "{address}");
    }
    for address in ["127.0.0.1:8081", "127.0.0.2:8080", "10.0.0.1:8082"] {
        assert!(allows(&rules, address), "{address}");
    }
}

#[test]
fn a_connection_to_an_own_wildcard_listener_by_the_machines_address_leads_back() {
    let rules = rules(&["0.0.0.0:8082"]);
    assert!(rules.leads_back("10.0.0.5:40000".parse().unwrap(), "10.0.0.5:8082".parse().unwrap()));
    assert!(!rules.leads_back("10.0.0.5:40000".parse().unwrap(), "10.0.0.6:8082".parse().unwrap()));
    assert!(!rules.leads_back("10.0.0.5:40000".parse().unwrap(), "10.0.0.5:8083".parse().unwrap()));
}
