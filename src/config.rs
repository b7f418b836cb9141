//! Configuration, read once at the start: a file, then `HOCPHI_*` from the environment, which wins.
//!
//! **Invariant:** a secret is never printed; `Debug` and [`Config::redacted`] show that one is there, not what it is.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fault::{Kind, OrFault, Refusal, Result};
use crate::seal::MasterKey;

/// What the operator decides. Unknown keys in the file are refused, because a misspelt limit is no limit.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `sqlite://FILE` or `postgres://…`; may hold a password, so it is printed without it.
    pub database: Option<String>,
    /// Where the server listens, `127.0.0.1:8080`.
    pub listen: Option<String>,
    /// Where the figures (`/metrics`) are served, and only there; beside everything else when absent.
    pub metrics_listen: Option<String>,
    /// The base of hook, receipt and parent links, `https://hocphi.example.vn`, without a slash at the end.
    pub public_url: Option<String>,
    /// The file that holds the master key.
    pub key_file: Option<PathBuf>,
    /// A directory of local providers beside the built-in ones.
    pub providers: Option<PathBuf>,
    /// The addresses of reverse proxies that may say for whom they ask; this machine always may.
    pub trusted_proxies: Vec<IpAddr>,
    /// May promises be delivered to private addresses? Only for trying things out on one machine.
    pub private_webhooks: bool,
    /// Where payOS is asked to make orders, when not at its own address: a sandbox, or a test. https, or this machine.
    pub payos_url: Option<String>,
    /// Logs as JSON lines instead of text.
    pub log_json: bool,
}

impl Config {
    /// Reads the file, when one is named, then the environment.
    ///
    /// # Errors
    /// A file that cannot be read or has unknown keys; a variable of ours that is unknown or malformed.
    pub fn read(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Config> {
        let mut config = match file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| wrong(&format!("{} cannot be read: {error}", file.display())))?;
                toml::from_str(&text).map_err(|error| wrong(error.message()))?
            }
            None => Config::default(),
        };
        for (name, value) in environment {
            if let Some(name) = name.strip_prefix("HOCPHI_") {
                config.take(name, value)?;
            }
        }
        if let Some(url) = &mut config.public_url {
            url.truncate(url.trim_end_matches('/').len());
        }
        config.judge()?;
        Ok(config)
    }

    /// An address that would only be found wrong when a bank calls it, or nobody answers there, is refused at once.
    fn judge(&self) -> Result<()> {
        if self.public_url.as_deref().is_some_and(|url| !is_public_url(url)) {
            return Err(wrong("the public address must be http://… or https://… and nothing after the path").into());
        }
        if [&self.listen, &self.metrics_listen].into_iter().flatten().any(|address| !is_listen_address(address)) {
            return Err(wrong("an address to listen at is HOST:PORT, such as 127.0.0.1:8080").into());
        }
        if self.payos_url.as_deref().is_some_and(|url| !is_order_url(url)) {
            return Err(wrong("the address of payOS must be https://, and http:// only on this machine").into());
        }
        Ok(())
    }

    fn take(&mut self, name: &str, value: String) -> Result<()> {
        match name {
            "DATABASE" => self.database = Some(value),
            "LISTEN" => self.listen = Some(value),
            "METRICS_LISTEN" => self.metrics_listen = Some(value),
            "PUBLIC_URL" => self.public_url = Some(value),
            "KEY_FILE" => self.key_file = Some(value.into()),
            "PROVIDERS" => self.providers = Some(value.into()),
            "TRUSTED_PROXIES" => {
                let addresses = value.split(',').map(str::trim).filter(|address| !address.is_empty());
                let read: Result<Vec<IpAddr>, _> = addresses.map(str::parse).collect();
                self.trusted_proxies =
                    read.map_err(|_| wrong("HOCPHI_TRUSTED_PROXIES must be addresses with commas between"))?;
            }
            "PRIVATE_WEBHOOKS" => self.private_webhooks = yes(name, &value)?,
            "PAYOS_URL" => self.payos_url = Some(value),
            "LOG_JSON" => self.log_json = yes(name, &value)?,
            // Variables of the tests; the program itself does not read them.
            name if name.starts_with("TEST_") => {}
            name => return Err(wrong(&format!("HOCPHI_{name} is not a setting")).into()),
        }
        Ok(())
    }

    /// The master key from its file.
    ///
    /// # Errors
    /// No file is named, it cannot be read, or it is not a key.
    pub fn master_key(&self) -> Result<MasterKey> {
        let Some(file) = &self.key_file else {
            return Err(Refusal::new(
                Kind::Shape,
                "no-key-file",
                "Chưa có khóa chính: hãy đặt HOCPHI_KEY_FILE trỏ tới tệp chứa 64 chữ số thập lục phân (openssl rand -hex 32).",
                "There is no master key: set HOCPHI_KEY_FILE to a file of 64 hexadecimal digits (openssl rand -hex 32).",
            )
            .into());
        };
        let text = std::fs::read_to_string(file).or_fault(&format!("read the key file {}", file.display()))?;
        if self.key_is_open() {
            tracing::warn!("others on this machine may read the key file: chmod 600 keeps it to its owner");
        }
        MasterKey::parse(&text)
    }

    /// May others on this machine read the key file? It is only warned of, because secrets that an orchestrator mounts
    /// are readable inside their own container, where there are no others.
    pub fn key_is_open(&self) -> bool {
        #[cfg(unix)]
        {
            const OTHERS_READ: u32 = 0o044;
            let about = self.key_file.as_ref().and_then(|file| std::fs::metadata(file).ok());
            about.is_some_and(|about| std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & OTHERS_READ != 0)
        }
        #[cfg(not(unix))]
        false
    }

    /// All settings as lines for the log at the start, without any secret.
    pub fn redacted(&self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("database", &self.database.as_deref().map(without_password))
            .field("listen", &self.listen)
            .field("metrics_listen", &self.metrics_listen)
            .field("public_url", &self.public_url)
            .field("key_file", &self.key_file.as_ref().map(|_| "(set)"))
            .field("providers", &self.providers)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("private_webhooks", &self.private_webhooks)
            .field("payos_url", &self.payos_url)
            .field("log_json", &self.log_json)
            .finish()
    }
}

/// `postgres://user:secret@host/db` without the secret, and without a query that could hold another.
fn without_password(address: &str) -> String {
    let address = address.split_once('?').map_or(address, |(address, _)| address);
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let Some((user, host)) = rest.rsplit_once('@') else { return address.to_owned() };
    let user = user.split_once(':').map_or(user, |(user, _)| user);
    format!("{scheme}://{user}@{host}")
}

/// `127.0.0.1:8080` or `[::1]:8080`: a host and a port.
pub fn is_listen_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_host =
        !host.is_empty() && host.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._[]:".contains(letter));
    is_host && port.parse::<u16>().is_ok()
}

fn is_public_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty()
        && !host.starts_with(':')
        && !rest.contains(|letter: char| letter.is_whitespace() || "?#@".contains(letter))
}

/// May a provider be asked here with our keys? Over https, and without it only on this machine.
pub fn is_order_url(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&name);
    is_public_url(url) && (url.starts_with("https://") || is_here)
}

fn yes(name: &str, value: &str) -> Result<bool> {
    match value {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" | "" => Ok(false),
        _ => Err(wrong(&format!("HOCPHI_{name} must be true or false")).into()),
    }
}

fn wrong(what: &str) -> Refusal {
    Refusal::new(Kind::Shape, "wrong-setting", format!("Cấu hình sai: {what}"), format!("Wrong configuration: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_environment(pairs: &[(&str, &str)]) -> Result<Config> {
        Config::read(None, pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_printed_configuration_shows_no_secret() {
        let config = from_environment(&[
            ("HOCPHI_DATABASE", "postgres://fees:hunter2@db/fees?password=hunter3"),
            ("HOCPHI_KEY_FILE", "/etc/hocphi/key-of-the-north"),
        ]);
        let printed = config.expect("a configuration").redacted();
        assert!(printed.contains("postgres://fees@db/fees"));
        for secret in ["hunter2", "hunter3", "key-of-the-north"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        assert!(from_environment(&[("HOCPHI_LISTENS", "x")]).is_err());
        assert!(from_environment(&[("HOCPHI_LOG_JSON", "perhaps")]).is_err());
        assert!(from_environment(&[("PATH", "x")]).is_ok());
    }

    #[test]
    fn an_address_that_cannot_be_one_is_refused() {
        for url in
            ["hocphi.example.vn", "ftp://hocphi.example.vn", "https://", "https:///desk", "https://a b", "http://a?x"]
        {
            assert!(from_environment(&[("HOCPHI_PUBLIC_URL", url)]).is_err(), "{url}");
        }
        for address in ["nonsense", "127.0.0.1", ":8080", "127.0.0.1:99999", "a b:80"] {
            assert!(from_environment(&[("HOCPHI_LISTEN", address)]).is_err(), "{address}");
            assert!(from_environment(&[("HOCPHI_METRICS_LISTEN", address)]).is_err(), "{address}");
        }
        for address in ["127.0.0.1:0", "[::1]:8080", "localhost:8080", "0.0.0.0:80"] {
            assert!(from_environment(&[("HOCPHI_LISTEN", address)]).is_ok(), "{address}");
        }
    }

    #[test]
    fn the_public_address_ends_without_a_slash() {
        let config =
            from_environment(&[("HOCPHI_PUBLIC_URL", "https://hocphi.example.vn//")]).expect("a configuration");
        assert_eq!(config.public_url.as_deref(), Some("https://hocphi.example.vn"));
    }
}
