//! A real Chromium for the journeys, driven by the chromedriver of the same package; and accessibility rules run in it.
//!
//! `CHROMEDRIVER` names the driver (else it is looked for on the path), `HOCPHI_TEST_AXE` the file of axe-core.
//! Where one is missing the journeys say so loudly, and fail in CI.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

/// A phone's width, where WCAG asks that nothing is cut, and a desk's.
pub const PHONE: (u32, u32) = (320, 640);
pub const DESK: (u32, u32) = (1280, 900);

/// One browser of its own, gone when it is dropped.
pub struct Browser {
    /// The page, for whatever this file has no word for.
    pub page: Client,
    driver: Driver,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver leads a group of its own, and the browser it started is in it.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// A browser with a window of this size, or `None` where there is none and this is not CI.
    pub async fn open(size: (u32, u32)) -> Option<Browser> {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let Some((driver, port)) = start(&program) else {
            assert!(std::env::var("CI").is_err(), "CI must have chromedriver: journeys may not be skipped there");
            eprintln!("SKIPPED: there is no chromedriver, so no page was seen in a browser (tests/run installs it)");
            return None;
        };
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=vi",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--window-size={},{}", size.0, size.1));
        let mut options = json!({ "args": arguments });
        if size.0 < 500 {
            // A window has a smallest width; a phone does not.
            options["mobileEmulation"] = json!({ "deviceMetrics": {
                "width": size.0, "height": size.1, "pixelRatio": 2.0, "mobile": true, "touch": true
            }});
        }
        let wanted = json!({ "goog:chromeOptions": options });
        let wanted = wanted.as_object().expect("an object").clone();
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser");
        Some(Browser { page, driver })
    }

    /// Opens an address.
    pub async fn goto(&self, address: &str) {
        self.page.goto(address).await.expect(address);
    }

    /// Waits until something that matches is there, at most ten seconds.
    pub async fn wait_for(&self, css: &str) {
        let waited = self.page.wait().at_most(Duration::from_secs(10)).for_element(Locator::Css(css)).await;
        assert!(waited.is_ok(), "{css} did not appear on:\n{}", self.text().await);
    }

    /// Waits until the page says this, at most ten seconds; nobody reloads it but the page itself, which is why the
    /// waiting is done from outside: a script in the page would be gone with it.
    pub async fn wait_for_text(&self, text: &str) {
        let says = format!("//main[contains(., '{text}')]");
        let waited = self.page.wait().at_most(Duration::from_secs(10)).for_element(Locator::XPath(&says)).await;
        assert!(waited.is_ok(), "`{text}` did not appear on:\n{}", self.text().await);
    }

    /// All text that can be seen.
    pub async fn text(&self) -> String {
        let text = self.page.execute("return document.body.innerText", vec![]).await.expect("a script");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Fills a field.
    pub async fn fill(&self, css: &str, text: &str) {
        self.wait_for(css).await;
        let field = self.page.find(Locator::Css(css)).await.expect(css);
        field.clear().await.expect(css);
        field.send_keys(text).await.expect(css);
    }

    /// Presses a button or follows a link.
    pub async fn press(&self, css: &str) {
        self.wait_for(css).await;
        self.page.find(Locator::Css(css)).await.expect(css).click().await.expect(css);
    }

    /// Nothing on this page breaks WCAG 2.2 AA as far as rules can see, and nothing is wider than the window.
    pub async fn assert_accessible(&self) {
        let address = self.page.current_url().await.expect("an address");
        let findings = self.accessibility_findings().await;
        assert!(findings.is_empty(), "{address}:\n{}", findings.join("\n"));
    }

    async fn accessibility_findings(&self) -> Vec<String> {
        let wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let wider = self.page.execute(wider, vec![]).await.expect("a script").as_i64().unwrap_or_default();
        let mut findings = Vec::new();
        if wider > 0 {
            findings.push(format!("the page is {wider} px wider than the window"));
        }
        let Ok(file) = std::env::var("HOCPHI_TEST_AXE") else {
            assert!(
                std::env::var("CI").is_err(),
                "CI must set HOCPHI_TEST_AXE: accessibility may not be skipped there"
            );
            eprintln!("SKIPPED: HOCPHI_TEST_AXE is not set, so accessibility was not checked (tests/run sets it)");
            return findings;
        };
        let axe = std::fs::read_to_string(file).expect("axe-core");
        self.page.execute(&axe, vec![]).await.expect("axe-core runs");
        let script = "const done = arguments[0];
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
            axe.run(document, { runOnly: { type: 'tag', values: tags } }).then(found => done(found.violations
                .map(rule => rule.id + ': ' + rule.help + ' — ' + rule.nodes.map(node => node.html).join(' | '))),
                error => done([String(error)]));";
        let found = self.page.execute_async(script, vec![]).await.expect("axe-core answers");
        let found = found.as_array().expect("a list").iter().map(|finding| finding.as_str().unwrap_or("?").to_owned());
        findings.extend(found);
        findings
    }

    /// Keeps a picture of the page where `HOCPHI_TEST_SCREENSHOTS` says, when it says so, for people to look at.
    pub async fn picture(&self, name: &str) {
        if let Ok(folder) = std::env::var("HOCPHI_TEST_SCREENSHOTS") {
            let picture = self.page.screenshot().await.expect("a picture");
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(format!("{folder}/{name}.png"), picture).expect("a file");
        }
    }

    /// Closes the window properly.
    pub async fn close(self) {
        let _ = self.page.close().await;
        drop(self.driver);
    }
}

/// The driver chooses its port and says which.
/// Starts the driver. It asks for a free port of IPv4 and then wants the same of IPv6: where somebody else took that
/// one in between it ends at once, and is started again.
fn start(program: &str) -> Option<(Driver, u16)> {
    (0..5).find_map(|_| start_once(program))
}

fn start_once(program: &str) -> Option<(Driver, u16)> {
    let child = Command::new(program)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?;
    let mut driver = Driver(child);
    let output = BufReader::new(driver.0.stdout.take()?);
    for line in output.lines().map_while(Result::ok) {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').parse().ok()?;
            return Some((driver, port));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_finds_what_is_wrong_with_a_page() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let head = "<!doctype html><html lang=vi><meta name=viewport content='width=device-width'><title>a</title>";
    let page = |body: &str| format!("data:text/html;charset=utf-8,{head}<main>{body}</main>");
    browser.goto(&page("<h1>Học phí</h1>")).await;
    browser.wait_for_text("Học phí").await;
    browser.assert_accessible().await;
    let wide = "<img style=width:600px src=x><p style='color:rgb(200,200,200)'>Khó đọc</p>";
    browser.goto(&page(wide)).await;
    let findings = browser.accessibility_findings().await;
    for expected in ["wider than the window", "image-alt", "color-contrast"] {
        let found = findings.iter().any(|finding| finding.contains(expected));
        assert!(found || std::env::var("HOCPHI_TEST_AXE").is_err(), "{expected} not in {findings:?}");
    }
    browser.close().await;
}
