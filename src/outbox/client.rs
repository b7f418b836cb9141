//! Who carries a webhook: connects only to addresses that may be asked, and only once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Url, header};

use crate::fault::{OrFault, Result};
use crate::time::Moment;

/// An HTTP client that cannot be sent into a private network.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    is_private_allowed: bool,
}

/// Looks a name up once and gives only the addresses that may be asked; the connection goes to one of these, so a name
/// that changes its answer in between leads nowhere else.
struct Looked {
    is_private_allowed: bool,
}

impl Resolve for Looked {
    fn resolve(&self, name: Name) -> Resolving {
        let is_private_allowed = self.is_private_allowed;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| is_private_allowed || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err("no public address under this name".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Client {
    /// A client; `is_private_allowed` also allows plain http, for tests and closed networks.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new(is_private_allowed: bool) -> Result<Client> {
        // Another part of the program may have chosen the same provider already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(15))
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("hocphi/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Looked { is_private_allowed }))
            .build()
            .or_fault("make a client for webhooks")?;
        Ok(Client { http, is_private_allowed })
    }

    /// May this address be asked, as far as its text tells?
    pub fn may_ask(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        let is_scheme_right = url.scheme() == "https" || (self.is_private_allowed && url.scheme() == "http");
        if !is_scheme_right || !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let Some(host) = url.host_str() else { return false };
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) => self.is_private_allowed || is_public(address),
            Err(_) => self.is_private_allowed || host != "localhost",
        }
    }

    /// Sends one webhook and gives the status, 0 when nobody answered or nobody may be asked.
    pub async fn post(&self, url: &str, id: &str, at: Moment, signature: &str, body: String) -> u16 {
        if !self.may_ask(url) {
            return 0;
        }
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", (at.0 / 1_000).to_string())
            .header("webhook-signature", signature)
            .body(body);
        match request.send().await {
            Ok(answer) => answer.status().as_u16(),
            Err(_) => 0,
        }
    }
}

/// Reachable by anybody, so asking it tells nobody anything about our own network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4() {
            // Mapped and compatible forms, `::1` among them.
            Some(inside) => !address.is_loopback() && is_public_v4(inside),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_reserved = a == 0 || a >= 224 || (a == 192 && b == 0 && c == 0) || (a == 198 && (b == 18 || b == 19));
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_reserved)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    let is_translated = first == 0x0064 || first == 0x2002;
    // Global unicast is 2000::/3; unique local, link local, multicast and the unspecified address lie outside it.
    (0x2000..0x4000).contains(&first) && !is_translated && !(first == 0x2001 && address.segments()[1] < 0x0200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_never_asked() {
        let client = Client::new(false).expect("a client");
        for url in [
            "http://example.vn/hook",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://192.168.1.1/",
            "https://172.16.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://2130706433/",
            "https://localhost/",
            "https://someone:secret@example.vn/",
            "ftp://example.vn/",
            "not an address",
        ] {
            assert!(!client.may_ask(url), "{url}");
        }
        assert!(client.may_ask("https://example.vn/hook"));
        assert!(client.may_ask("https://203.162.4.191/hook"));
        assert!(Client::new(true).expect("a client").may_ask("http://127.0.0.1:8080/hook"));
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_connected_to() {
        let looked = Looked { is_private_allowed: false };
        let found = looked.resolve("localhost".parse().expect("a name")).await;
        assert!(found.is_err());
    }
}
