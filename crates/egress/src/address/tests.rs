use proptest::prelude::*;

use super::*;

fn class(text: &str) -> Class {
    classify(text.parse().unwrap())
}

const PUBLIC: &str = "
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
    169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
    223.255.255.255 2606:4700:4700::1111 2000::1 2001:200::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8";

const LOCAL: &str = "
    10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 100.64.0.0 100.127.255.255
    127.0.0.1 127.255.255.255 169.254.0.0 169.254.255.255 198.18.0.0 198.19.255.255 ::1 ::ffff:127.0.0.1
    ::ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 fc00::1 fdff:ffff::1 fe80::1 febf::1 fec0::1";

const METADATA: &str = "
    169.254.169.254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 169.254.170.2 100.100.100.200 168.63.129.16
    192.0.0.192 fd00:ec2::254 fd20:ce::254";

const NEVER: &str = "
    0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255 :: ::127.0.0.1 ::8.8.8.8 ::ffff:0:127.0.0.1 ::ffff:0.0.0.0 64:ff9b::0.0.0.0
    100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1
    4000::1 5f00::1 ff02::1 fe00::1";

#[test]
fn the_registries_are_followed() {
    for public in PUBLIC.split_whitespace() {
        assert_eq!(class(public), Class::Public, "{public}");
    }
    for local in LOCAL.split_whitespace() {
        assert!(matches!(class(local), Class::Local(_)), "{local}: {:?}", class(local));
    }
    for metadata in METADATA.split_whitespace() {
        assert_eq!(class(metadata), Class::Metadata, "{metadata}");
    }
    for never in NEVER.split_whitespace() {
        assert!(matches!(class(never), Class::Never(_)), "{never}: {:?}", class(never));
    }
}

/// The standard library knows some of the ranges; whatever it calls special must not be public here.
fn std_calls_it_special(address: Ipv4Addr) -> bool {
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_unspecified()
        || address.is_multicast()
}

proptest! {
    #[test]
    fn what_the_standard_library_calls_special_is_not_public(bits: u32) {
        let address = Ipv4Addr::from(bits);
        if std_calls_it_special(address) {
            prop_assert_ne!(classify(address.into()), Class::Public);
        }
    }

    #[test]
    fn an_address_does_not_change_its_class_in_disguise(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let plain = classify(address.into());
        prop_assert_eq!(classify(address.to_ipv6_mapped().into()), plain);
        let [a, b, c, d] = address.octets();
        let nat64: Ipv6Addr = format!("64:ff9b::{a}.{b}.{c}.{d}").parse().unwrap();
        prop_assert_eq!(classify(nat64.into()), plain);
        // other disguises are never let through at all
        let high = u16::from_be_bytes([a, b]);
        let low = u16::from_be_bytes([c, d]);
        for disguise in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
        ] {
            prop_assert_ne!(classify(disguise.into()), Class::Public, "{}", disguise);
        }
    }

    #[test]
    fn only_global_unicast_is_public(bits: u128) {
        let address = Ipv6Addr::from(bits);
        if classify(address.into()) == Class::Public {
            prop_assert!(address.segments()[0] & 0xe000 == 0x2000, "{}", address);
        }
    }

    #[test]
    fn special_ipv6_is_not_public(bits: u128, prefix in 0_usize..6) {
        let rest = bits & (u128::MAX >> 16);
        let head: u128 = [0xfe80, 0xfc00, 0xff00, 0x2002, 0x3fff, 0][prefix];
        // 3fff:1000:: and above are ordinary addresses
        let rest = if head == 0x3fff { rest & (u128::MAX >> 20) } else { rest };
        let address = Ipv6Addr::from((head << 112) | rest);
        if head != 0 || address.segments()[1] != 0 {
            prop_assert_ne!(classify(address.into()), Class::Public, "{}", address);
        }
    }
}
