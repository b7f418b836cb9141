//! Whoever asks who calls is answered by the database, for all who ask at once: what was taken back is believed nowhere
//! from that moment on, and nobody gets another's answer or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hocphi::ids;
use hocphi::inbox::{self, Callers};
use hocphi::store::{EngineName, Store};

use crate::engines::Fresh;
use crate::inbox::{Stage, stage, vault};
use crate::on_both;

on_both!(
    a_secret_that_was_retired_is_believed_in_no_process,
    many_who_ask_at_once_each_get_their_own_answer,
    one_whose_secret_does_not_open_keeps_nobody_out
);

const OLD: &str = "secret-for-tests";
/// How many banks call each process at once, without a pause.
const MOUTHS: usize = 8;
/// How often each of them calls afterwards, and all of them on average before.
const CALLS: usize = 10;

/// Two processes over one database.
async fn two_processes(fresh: &Fresh) -> (Stage, [Callers; 2]) {
    let stage = stage(fresh).await;
    let other = Store::open(&fresh.address).await.expect("the same database");
    let callers = [stage.store.clone(), other].map(|store| Callers::start(store.clone(), vault(&store)));
    (stage, callers)
}

async fn believed(callers: &Callers, id: &str) -> Vec<String> {
    let connection = callers.connection(id).await.expect("a store").expect("the connection");
    connection.secrets.values("api_key").iter().map(|value| value.to_string()).collect()
}

/// Banks call all the time; whoever calls after the old secret was retired is not believed by it, whichever process he
/// calls, and neither is one whose connection was ended.
async fn a_secret_that_was_retired_is_believed_in_no_process(fresh: Fresh) {
    let (stage, callers) = two_processes(&fresh).await;
    let (store, clock, id) = (&stage.store, &stage.clock, &stage.sepay.id);
    let (is_retired, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mouths = callers.iter().flat_map(|callers| (0..MOUTHS).map(move |_| callers.clone())).map(|callers| {
        let (id, is_retired, asked) = (id.clone(), Arc::clone(&is_retired), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut after = 0;
            while after < CALLS {
                let was_retired = is_retired.load(Ordering::SeqCst);
                let is_believed = believed(&callers, &id).await.iter().any(|value| value == OLD);
                assert!(!was_retired || !is_believed, "a retired secret was believed");
                asked.fetch_add(1, Ordering::SeqCst);
                after += usize::from(was_retired);
            }
        })
    });
    let mouths: Vec<_> = mouths.collect();
    inbox::add_secret(store, &stage.vault, clock, id, ("api_key", "newer"), "per_lan").await.expect("a second one");
    for callers in &callers {
        assert_eq!(believed(callers, id).await, [OLD, "newer"]);
    }
    while asked.load(Ordering::SeqCst) < 2 * MOUTHS * CALLS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    inbox::retire_secret(store, clock, id, "api_key", "per_lan").await.expect("the old one goes");
    is_retired.store(true, Ordering::SeqCst);
    for callers in &callers {
        assert_eq!(believed(callers, id).await, ["newer"]);
    }
    for mouth in join_all(mouths).await {
        mouth.expect("nobody was believed");
    }
    inbox::end(store, clock, id, "per_lan").await.expect("ended");
    for callers in &callers {
        let connection = callers.connection(id).await.expect("a store").expect("the connection");
        assert!(connection.ended_at.is_some());
    }
}

/// More than may wait for one question ask at once, some of them for what is not there, and some of them hang up.
async fn many_who_ask_at_once_each_get_their_own_answer(fresh: Fresh) {
    let (stage, [callers, _]) = two_processes(&fresh).await;
    let nobody = ids::new_id("con");
    let known = [stage.sepay.id.as_str(), stage.casso.id.as_str(), nobody.as_str(), "con_made_up"];
    let asked = (0..3_000).map(|place| {
        let (callers, id) = (callers.clone(), known[place % known.len()].to_owned());
        async move {
            if place % 7 == 0 {
                // He hangs up while he waits.
                let hung_up = callers.connection(&id);
                drop(tokio::time::timeout(Duration::ZERO, hung_up).await);
            }
            let found = callers.connection(&id).await.expect("an answer");
            (id, found.map(|connection| (connection.id.clone(), connection.provider.clone())))
        }
    });
    let answers = join_all(asked).await;
    assert_eq!(answers.len(), 3_000);
    for (id, found) in answers {
        let wanted = [&stage.sepay, &stage.casso].into_iter().find(|connection| connection.id == id);
        assert_eq!(found, wanted.map(|connection| (id.clone(), connection.provider.clone())), "{id}");
    }
}

async fn one_whose_secret_does_not_open_keeps_nobody_out(fresh: Fresh) {
    let (stage, [callers, _]) = two_processes(&fresh).await;
    let (whole, broken) = (stage.sepay.id.as_str(), stage.casso.id.as_str());
    let bytes = match stage.store.engine() {
        EngineName::Sqlite => "x'00'",
        EngineName::Postgres => "'\\x00'::bytea",
    };
    let break_it = format!("update connection_secret set sealed = {bytes} where connection_id = '{broken}'");
    stage.store.run_raw(&break_it).await.expect("an altered secret");
    let asked = (0..200).map(|place| callers.connection(if place % 2 == 0 { whole } else { broken }));
    for (place, answer) in join_all(asked).await.into_iter().enumerate() {
        match answer {
            Ok(found) => assert_eq!((place % 2, found.expect("a connection").id.as_str()), (0, whole)),
            Err(_) => assert_eq!(place % 2, 1, "his own secret opens"),
        }
    }
}
