//! Asks for pages over HTTP, one after the other, and keeps how long each took to its last byte.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode};

use crate::load::PASSWORD;
use crate::subjects::{Page, Who};

/// How long a page took, each time it was asked for, the shortest first.
pub struct Timed {
    pub name: String,
    pub bytes: usize,
    took: Vec<Duration>,
}

impl Timed {
    /// The time within which this part of them was answered.
    pub fn at(&self, part: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some hundred"
        )]
        let place = (self.took.len() as f64 * part).ceil() as usize;
        self.took[place.clamp(1, self.took.len()) - 1]
    }
}

struct Asker {
    client: Client,
    base: String,
    cookies: HashMap<String, String>,
    /// What was not answered as it should be.
    wrong: Vec<String>,
}

/// Every page whose name begins so.
pub async fn all(address: SocketAddr, pages: &[Page], only: &str) -> Vec<Timed> {
    // Whoever goes on with a database that is full already has opened no client of the program's.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let mut asker = Asker { client, base: format!("http://{address}"), cookies: HashMap::new(), wrong: Vec::new() };
    let mut timed = Vec::new();
    for page in pages.iter().filter(|page| page.name.starts_with(only)) {
        timed.push(asker.time(page).await);
    }
    assert!(asker.wrong.is_empty(), "{}", asker.wrong.join("\n"));
    timed
}

impl Asker {
    async fn time(&mut self, page: &Page) -> Timed {
        let (mut took, mut bytes) = (Vec::with_capacity(page.asks.len()), 0);
        for (who, address) in &page.asks {
            let request = self.request(who, address).await;
            let begun = Instant::now();
            let response = request.send().await.expect("an answer");
            let status = response.status();
            let body = response.bytes().await.expect("a body");
            took.push(begun.elapsed());
            if status != StatusCode::OK {
                self.wrong.push(format!("{address}: {status} {}", String::from_utf8_lossy(&body)));
            }
            bytes = bytes.max(body.len());
        }
        took.sort_unstable();
        let timed = Timed { name: page.name.clone(), bytes, took };
        eprintln!("{:<48} {:>8.1} ms", timed.name, timed.at(0.99).as_secs_f64() * 1e3);
        timed
    }

    async fn request(&mut self, who: &Who, address: &str) -> RequestBuilder {
        let request = self.client.get(format!("{}{address}", self.base)).header("accept-encoding", "gzip");
        match who {
            Who::Anybody => request,
            Who::Program(token) => request.bearer_auth(token),
            Who::Person(login) => {
                if !self.cookies.contains_key(login) {
                    let cookie = self.sign_in(login).await;
                    self.cookies.insert(login.clone(), cookie);
                }
                request.header(COOKIE, &self.cookies[login])
            }
        }
    }

    /// Opens the sign-in page and sends it.
    async fn sign_in(&self, login: &str) -> String {
        let address = format!("{}/desk/sign-in", self.base);
        let page = self.client.get(&address).send().await.expect("the page");
        let before = cookies(&page).join("; ");
        let text = page.text().await.expect("its text");
        let mark = "name=\"knock\" value=\"";
        let knock = text.split_once(mark).and_then(|(_, rest)| rest.split_once('"')).expect("a knock").0.to_owned();
        let body = format!("login={login}&password={PASSWORD}&knock={knock}");
        let request = self.client.post(&address).header("content-type", "application/x-www-form-urlencoded");
        let signed = request.header(COOKIE, &before).body(body).send().await.expect("an answer");
        assert_eq!(signed.status(), StatusCode::SEE_OTHER, "{login}: {:?}", signed.headers().get(LOCATION));
        cookies(&signed).into_iter().find(|pair| pair.starts_with("hp=")).expect("a session")
    }
}

/// `hp=…`, and whatever else the answer sets.
fn cookies(response: &reqwest::Response) -> Vec<String> {
    let set = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|value| Some(value.split(';').next()?.to_owned())).collect()
}
