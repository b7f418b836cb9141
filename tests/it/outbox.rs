//! Promises are kept once, signed, tried again, and never carried into a private network.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hocphi::outbox::{self, Client};
use hocphi::store::{Fence, Lot};

use crate::books::Books;
use crate::engines::Fresh;
use crate::on_both;

on_both!(
    a_promise_is_told_signed_and_tried_again_until_it_is_heard,
    a_silent_endpoint_keeps_nobody_elses_news,
    a_promise_that_cannot_be_signed_is_its_own_failed_try,
    a_school_has_five_endpoints_and_not_one_more,
    a_promise_never_goes_into_a_private_network,
    of_two_processes_one_holds_a_lease_and_the_late_one_is_fenced_off
);

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A listener that answers 500 to the first request and 204 to the others.
async fn listener() -> (String, Heard) {
    let heard = Heard::default();
    let ears = Arc::clone(&heard);
    let answer = move |headers: HeaderMap, body: Bytes| async move {
        let mut heard = ears.lock().expect("nobody panicked");
        heard.push((headers, body));
        if heard.len() == 1 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(socket, Router::new().route("/", post(answer))).await });
    (format!("http://{address}/"), heard)
}

async fn a_promise_is_told_signed_and_tried_again_until_it_is_heard(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (url, heard) = listener().await;
    let client = Client::new(true).expect("a client");
    // Nobody asked yet: nothing is promised.
    books.credit(7, None).await;
    books.drain().await;
    let tell = async || outbox::deliver(&books.store, &books.vault, &books.clock, &client).await.expect("a round");
    assert_eq!(tell().await, 0);

    books.clock.advance_ms(jiff::Timestamp::now().as_millisecond() - books.clock.now().0);
    let registered = outbox::register(&books.store, &books.vault, &books.clock, &client, "sch_1", &url).await;
    let (endpoint, secret) = registered.expect("an endpoint");
    let owed = books.invoice(10).await;
    let credit = books.credit(1_000, Some(&owed.reference)).await;
    books.drain().await;
    assert_eq!(tell().await, 2, "credit.received and receipt.issued");
    assert_eq!(tell().await, 0, "the one that failed waits for its time");
    books.clock.advance_ms(5_000);
    assert_eq!(tell().await, 1);
    assert_eq!(tell().await, 0);

    let heard = heard.lock().expect("nobody panicked").clone();
    let id = |at: usize| heard[at].0["webhook-id"].to_str().expect("text").to_owned();
    assert_eq!(id(0), id(2), "the same promise under the same id");
    let reader = standardwebhooks::Webhook::new(&secret).expect("a reader");
    for (headers, body) in &heard {
        reader.verify(body, headers).expect("our signature");
    }
    let bodies: Vec<serde_json::Value> =
        heard[1..].iter().map(|(_, body)| serde_json::from_slice(body).expect("JSON")).collect();
    let received = bodies.iter().find(|body| body["type"] == "credit.received").expect("the credit");
    assert_eq!(
        (received["data"]["id"].as_str(), received["data"]["amount"].as_i64()),
        (Some(credit.as_str()), Some(1_000))
    );
    let mut tries: Vec<(i64, i64)> = outbox::attempts(&books.store, &endpoint, 10)
        .await
        .expect("tries")
        .iter()
        .map(|attempt| (attempt.try_number, attempt.status))
        .collect();
    tries.sort_unstable();
    assert_eq!(tries, [(1, 204), (1, 500), (2, 204)]);
}

async fn a_silent_endpoint_keeps_nobody_elses_news(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let client = Client::new(true).expect("a client");
    let register = async |url: &str| {
        let made = outbox::register(&books.store, &books.vault, &books.clock, &client, "sch_1", url).await;
        made.expect("an endpoint").0
    };
    // The system takes these connections, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nowhere = format!("http://{}/", silent.local_addr().expect("an address"));
    for _ in 0..3 {
        register(&nowhere).await;
    }
    books.credit(7, None).await;
    books.drain().await;
    books.clock.advance_ms(1);
    let (url, heard) = listener().await;
    register(&url).await;
    books.credit(8, None).await;
    books.drain().await;
    let told = async {
        while heard.lock().expect("nobody panicked").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = outbox::deliver(&books.store, &books.vault, &books.clock, &client) => panic!("one ended: {done:?}"),
        told = tokio::time::timeout(std::time::Duration::from_secs(8), told) => told.expect("the others wait"),
    }
}

async fn a_promise_that_cannot_be_signed_is_its_own_failed_try(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let client = Client::new(true).expect("a client");
    let (url, heard) = listener().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let made = outbox::register(&books.store, &books.vault, &books.clock, &client, "sch_1", &url).await;
        ids.push(made.expect("an endpoint").0);
    }
    let (broken, whole) = (&ids[0], &ids[1]);
    // What was sealed for one endpoint does not open for another.
    let text = format!(
        "update webhook_endpoint set sealed = (select sealed from webhook_endpoint where id = '{whole}') where id = '{broken}'"
    );
    books.raw(&text).await;
    books.credit(7, None).await;
    books.drain().await;
    let tried = outbox::deliver(&books.store, &books.vault, &books.clock, &client).await;
    assert_eq!(tried.expect("a round"), 2);
    assert_eq!(heard.lock().expect("nobody panicked").len(), 1, "the whole one was told");
    let attempts = outbox::attempts(&books.store, broken, 10).await.expect("tries");
    assert_eq!(attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [0]);
}

async fn a_school_has_five_endpoints_and_not_one_more(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let client = Client::new(true).expect("a client");
    let register = async || {
        outbox::register(&books.store, &books.vault, &books.clock, &client, "sch_1", "http://127.0.0.1:9/").await
    };
    let mut made = Vec::new();
    for _ in 0..outbox::ENDPOINTS_MOST {
        made.push(register().await.expect("an endpoint").0);
    }
    let refused = register().await.expect_err("one more");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("too-many-endpoints"));
    outbox::unregister(&books.store, &books.clock, "sch_1", &made[0]).await.expect("ended");
    register().await.expect("an ended one makes room");
}

async fn a_promise_never_goes_into_a_private_network(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (url, heard) = listener().await;
    let open = Client::new(true).expect("a client");
    let closed = Client::new(false).expect("a client");
    let refused = outbox::register(&books.store, &books.vault, &books.clock, &closed, "sch_1", &url).await;
    assert_eq!(refused.expect_err("private").refusal().map(|refusal| refusal.code), Some("webhook-address"));
    let (endpoint, _) =
        outbox::register(&books.store, &books.vault, &books.clock, &open, "sch_1", &url).await.expect("an endpoint");
    books.credit(7, None).await;
    books.drain().await;
    assert_eq!(outbox::deliver(&books.store, &books.vault, &books.clock, &closed).await.expect("a round"), 1);
    assert!(heard.lock().expect("nobody panicked").is_empty());
    assert_eq!(outbox::attempts(&books.store, &endpoint, 10).await.expect("tries")[0].status, 0);
    outbox::unregister(&books.store, &books.clock, "sch_1", &endpoint).await.expect("ended");
    books.clock.advance_ms(10_000);
    assert_eq!(outbox::deliver(&books.store, &books.vault, &books.clock, &open).await.expect("a round"), 1);
    assert_eq!(outbox::deliver(&books.store, &books.vault, &books.clock, &open).await.expect("a round"), 0);
    assert!(heard.lock().expect("nobody panicked").is_empty());
}

async fn of_two_processes_one_holds_a_lease_and_the_late_one_is_fenced_off(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let store = &books.store;
    let first = Fence::take(store, "credits", "prc_1", 60_000).await.expect("a lease").expect("free");
    assert_eq!(Fence::take(store, "credits", "prc_2", 60_000).await.expect("a lease"), None);
    let same = Fence::take(store, "credits", "prc_1", 60_000).await.expect("a lease");
    assert_eq!(same.as_ref(), Some(&first), "renewed under the same token");
    books.credit(7, None).await;
    books.raw("update lease set expires_at = 0").await;
    let second = Fence::take(store, "credits", "prc_2", 60_000).await.expect("a lease").expect("it expired");
    let late = hocphi::matching::drain_fenced(store, &books.vault, &books.clock, Some(&first), Lot::Full).await;
    assert_eq!(late.expect_err("fenced off").refusal().map(|refusal| refusal.code), Some("lease-lost"));
    let drained = hocphi::matching::drain_fenced(store, &books.vault, &books.clock, Some(&second), Lot::Full).await;
    assert_eq!(drained.expect("a batch").decided, 1);
    let late = hocphi::feed::sequence_fenced(store, &books.clock, Some(&first), Lot::Full).await;
    assert_eq!(late.expect_err("fenced off").refusal().map(|refusal| refusal.code), Some("lease-lost"));
    let placed = hocphi::feed::sequence_fenced(store, &books.clock, Some(&second), Lot::Full).await;
    assert_eq!(placed.expect("a batch"), 1);
    second.end(store).await.expect("given back");
    assert!(Fence::take(store, "credits", "prc_1", 60_000).await.expect("a lease").is_some());
}
