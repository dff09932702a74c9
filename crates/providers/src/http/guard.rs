//! The address guard: users type addresses, and no address of theirs may reach into the network we stand in.
//!
//! It is asked twice for each request and each redirect hop: for the address as written (a literal never meets a
//! resolver) and for each address that a name resolves to, which are then the ones connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

/// The setting that a refusal names. The server's configuration has it under this name.
pub const SETTING: &str = "network.allow";

/// What this installation may talk to. The default is the public internet alone.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// What is open beside the public internet.
    pub allowed: Vec<Allowed>,
    /// What holds for private addresses that `allowed` does not name.
    pub private: PrivateAddresses,
}

/// What holds for private, shared (RFC 6598), loopback, link-local and unique-local addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// They are refused.
    #[default]
    Refused,
    /// They are open: a self-hosted installation that keeps its calendars at home. The metadata services of clouds
    /// stay closed.
    Open,
}

/// One thing the operator opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A network: `192.168.1.0/24`, `fd00::/8`, or a single address.
    Network(Network),
    /// A host by name, wherever it resolves to: `nas.local`.
    Host(String),
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// An address that this installation does not talk to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is {kind}; an operator can open it with the setting {SETTING}", self.named())]
pub struct Refused {
    /// The host as it was asked for.
    pub host: String,
    /// The address it stands for, where that is another text.
    pub address: Option<IpAddr>,
    /// What kind of address it is.
    pub kind: Kind,
}

/// Why an address is not a public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 1918, unique-local and site-local IPv6.
    Private,
    /// RFC 6598, between a provider and its customers.
    Shared,
    /// This machine.
    Loopback,
    /// The cable we hang on.
    LinkLocal,
    /// A cloud's metadata service: it hands out the machine's own credentials.
    Metadata,
    /// More than one receiver.
    Multicast,
    /// Nowhere, documentation, benchmarks, and what IANA keeps back.
    Reserved,
    /// Not `http` or `https`, or no host at all.
    NotHttp,
}

impl Refused {
    fn named(&self) -> String {
        match self.address {
            Some(address) if address.to_string() != self.host => {
                format!("{} ({address})", self.host)
            }
            _ => self.host.clone(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "a private address",
            Self::Shared => "an address inside a provider's network",
            Self::Loopback => "an address of this very machine",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata service",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
            Self::NotHttp => "not a web address",
        })
    }
}

/// Names under which clouds offer their metadata service inside their networks.
const METADATA_HOSTS: [&str; 7] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.azure.internal",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.tencentyun.com",
];

/// Addresses of metadata services over IPv4: EC2 and most others; the credentials of ECS tasks (Amazon ECS, "Task IAM
/// role") and of EKS pods (Amazon EKS, "EKS Pod Identity"); Alibaba, Azure's wire server, Oracle.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The same over IPv6: EC2, and the credentials of EKS pods (Amazon EKS, "EKS Pod Identity").
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
];

impl Guard {
    /// A guard that lets private addresses through: tests, and installations behind a door of their own.
    pub fn open_to_private() -> Self {
        Self {
            allowed: Vec::new(),
            private: PrivateAddresses::Open,
        }
    }

    /// Judges an address as written. A name passes here unless it is a metadata service's: [`Self::address`] judges
    /// what it resolves to.
    pub fn url(&self, url: &Url) -> Result<(), Refused> {
        let host_text = url.host_str().unwrap_or_default().to_owned();
        let refused = |kind, address| Refused {
            host: host_text.clone(),
            address,
            kind,
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused {
                host: format!("{}:", url.scheme()),
                address: None,
                kind: Kind::NotHttp,
            });
        }
        match url.host() {
            None => Err(refused(Kind::NotHttp, None)),
            Some(Host::Ipv4(address)) => self.address(&host_text, IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.address(&host_text, IpAddr::V6(address)),
            Some(Host::Domain(name)) => {
                let name = plain_name(name);
                if METADATA_HOSTS.contains(&name.as_str()) && !self.allows_host(&name) {
                    return Err(refused(Kind::Metadata, None));
                }
                Ok(())
            }
        }
    }

    /// Judges one address that a host stands for.
    pub fn address(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let canonical = address.to_canonical();
        let Some(kind) = kind_of(canonical) else {
            return Ok(());
        };
        if self.allows_host(&plain_name(host)) || self.allows_address(canonical) {
            return Ok(());
        }
        let open = match kind {
            Kind::Private | Kind::Shared | Kind::Loopback | Kind::LinkLocal => {
                self.private == PrivateAddresses::Open
            }
            Kind::Metadata | Kind::Multicast | Kind::Reserved | Kind::NotHttp => false,
        };
        if open {
            return Ok(());
        }
        Err(Refused {
            host: host.trim_matches(['[', ']']).to_owned(),
            address: Some(address),
            kind,
        })
    }

    fn allows_host(&self, plain: &str) -> bool {
        self.allowed
            .iter()
            .any(|allowed| matches!(allowed, Allowed::Host(host) if host == plain))
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(
            |allowed| matches!(allowed, Allowed::Network(network) if network.contains(address)),
        )
    }
}

/// A name as names compare: lower case, without the root's dot.
fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// What keeps an address from being a public one; none for those that are.
fn kind_of(address: IpAddr) -> Option<Kind> {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    if METADATA_V4.contains(&address) {
        return Some(Kind::Metadata);
    }
    match address.octets() {
        [127, ..] => Some(Kind::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Kind::Private),
        [100, 64..=127, ..] => Some(Kind::Shared),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [224..=239, ..] => Some(Kind::Multicast),
        // This network, class E and broadcast; protocol assignments, documentation, 6to4 relays, benchmarks,
        // documentation twice more.
        [0 | 240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Some(Kind::Reserved),
        _ => None,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Option<Kind> {
    if METADATA_V6.contains(&address) {
        return Some(Kind::Metadata);
    }
    if address == Ipv6Addr::LOCALHOST {
        return Some(Kind::Loopback);
    }
    if let Some(embedded) = embedded_v4(address) {
        // What is wrapped decides: a router unwraps it and sends it there.
        return kind_of_v4(embedded);
    }
    match address.segments() {
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Kind::Private),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        // Protocol assignments with Teredo, benchmarks and ORCHID; documentation (two).
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some(Kind::Reserved),
        // Only this eighth of the space is given out as public addresses at all.
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Kind::Reserved),
    }
}

/// The IPv4 address inside an IPv6 one: compatible (RFC 4291), 6to4 (RFC 3056), NAT64 (RFC 6052) and ISATAP (RFC 5214).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [0x2000..=0x3fff, _, _, _, 0 | 0x0200, 0x5efe, high, low] => Some(v4(high, low)),
        _ => None,
    }
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (u32::from(ours) ^ u32::from(theirs)).leading_zeros()
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (u128::from(ours) ^ u128::from(theirs)).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        shared >= u32::from(self.prefix_bits)
    }
}

/// A text that names neither a network nor a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a network such as 192.168.1.0/24 nor a host such as nas.local")]
pub struct NotAllowable(String);

impl FromStr for Allowed {
    type Err = NotAllowable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAllowable(text.to_owned());
        let trimmed = text.trim();
        let (address, prefix) = match trimmed.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (trimmed, None),
        };
        if let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            let address = address.to_canonical();
            let bits_max = if address.is_ipv4() { 32 } else { 128 };
            let prefix_bits = match prefix {
                Some(prefix) => prefix.parse::<u8>().map_err(|_| wrong())?,
                None => bits_max,
            };
            if prefix_bits > bits_max {
                return Err(wrong());
            }
            return Ok(Self::Network(Network {
                address,
                prefix_bits,
            }));
        }
        match (Host::parse(trimmed), prefix) {
            (Ok(Host::Domain(name)), None) => Ok(Self::Host(plain_name(&name))),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
