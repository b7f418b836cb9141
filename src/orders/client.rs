//! Who carries our questions to a provider.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Method, Url, header};

use crate::config::is_order_url;
use crate::fault::{Kind, OrFault, Refusal, Result};

/// Where payOS is asked, unless the operator names another place.
const PAYOS: &str = "https://api-merchant.payos.vn";
/// The longest answer that is read.
const ANSWER_MOST: usize = 64 * 1024;

/// An HTTP client for one provider's address: it follows no redirects and speaks https except to this machine.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    payos: Url,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    /// An answer's status and body.
    Answer(u16, Vec<u8>),
    /// Nobody answered, or with more than an answer can be.
    Silence,
}

impl Client {
    /// A client that asks payOS here; at its own address when left out.
    ///
    /// # Errors
    /// Refused: an address that is neither https nor this machine's. A fault: the machine's certificates cannot be
    /// read.
    pub fn new(payos: Option<&str>) -> Result<Client> {
        // Another part of the program may have chosen the same provider already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let address = payos.unwrap_or(PAYOS);
        let fits = is_order_url(address).then(|| Url::parse(address).ok()).flatten();
        let payos = fits.ok_or_else(|| {
            let (vi, en) = ("Địa chỉ payOS phải là https://.", "The address of payOS must be https://.");
            Refusal::new(Kind::Shape, "wrong-setting", vi, en)
        })?;
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(15))
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("hocphi/", env!("CARGO_PKG_VERSION")))
            .build()
            .or_fault("make a client for orders")?;
        Ok(Client { http, payos })
    }

    /// Asks once. What is asked and answered is nobody's to log.
    pub(super) async fn ask(&self, method: Method, path: &str, keys: [(&str, &str); 2], body: Option<String>) -> Came {
        let Ok(url) = self.payos.join(path) else { return Came::Silence };
        let mut request = self.http.request(method, url).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in keys {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let Ok(mut answer) = request.send().await else { return Came::Silence };
        let status = answer.status().as_u16();
        let mut read = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if read.len() + chunk.len() <= ANSWER_MOST => read.extend_from_slice(&chunk),
                Ok(None) => return Came::Answer(status, read),
                _ => return Came::Silence,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_asked_for_over_https_or_on_this_machine_only() {
        for address in
            ["https://api-merchant.payos.vn", "http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:1"]
        {
            assert!(Client::new(Some(address)).is_ok(), "{address}");
        }
        for address in
            ["http://api-merchant.payos.vn", "http://127.0.0.1.example.vn", "ftp://x.vn", "https://a@b.vn", "payos", ""]
        {
            assert!(Client::new(Some(address)).is_err(), "{address}");
        }
        assert!(Client::new(None).is_ok());
    }
}
