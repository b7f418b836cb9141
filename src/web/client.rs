//! Who is calling, as far as rate limits need to know.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::House;

/// The caller's address, as limits count it. Only a proxy that the operator named, or one on this machine, may say for
/// whom it asks: the last address of the last `X-Forwarded-For` is the one it wrote itself. Of an IPv6 address only the
/// network counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client(pub String);

impl FromRequestParts<Arc<House>> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Ok(Client(of(peer, &parts.headers, &house.config.trusted_proxies)))
    }
}

fn of(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> String {
    let Some(peer) = peer.map(|peer| peer.to_canonical()) else { return "nobody".to_owned() };
    let is_proxy = peer.is_loopback() || trusted.contains(&peer);
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|line| line.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|last| last.trim().parse::<IpAddr>().ok());
    match network(forwarded.filter(|_| is_proxy).unwrap_or(peer)) {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}

/// What is counted of an address: an IPv6 address stands for its whole network, since one household has 2⁶⁴ of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().expect("a header"));
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|ip| ip.parse().expect("an address")).collect();
        of(Some(peer.parse().expect("an address")), &headers, &trusted)
    }

    #[test]
    fn only_a_named_proxy_says_for_whom_it_asks_and_only_in_what_it_wrote() {
        assert_eq!(seen("203.0.113.7", &["198.51.100.1"], &[]), "203.0.113.7");
        assert_eq!(seen("192.168.1.20", &["198.51.100.1"], &[]), "192.168.1.20", "a school's own network is no proxy");
        assert_eq!(seen("192.168.1.20", &["198.51.100.1"], &["192.168.1.20"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["10.9.9.9, 198.51.100.1"], &[]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["10.9.9.9", "198.51.100.1"], &[]), "198.51.100.1", "a line of the caller's own");
        assert_eq!(seen("127.0.0.1", &["nonsense"], &[]), "127.0.0.1");
        assert_eq!(seen("2001:db8:1:2:3::4", &[], &[]), seen("2001:db8:1:2:ffff::9", &[], &[]));
        assert_eq!(seen("::ffff:203.0.113.7", &[], &[]), "203.0.113.7");
    }
}
