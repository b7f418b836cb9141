//! A copy taken while money comes in holds everything that was answered before it was begun, and opens only after its
//! books were asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hocphi::seal::Vault;
use hocphi::simulate::bank::{self, Habit};
use hocphi::simulate::city;
use hocphi::store::{Restored, back_up};
use hocphi::{inbox, ledger};
use tokio::sync::Notify;

use crate::engines::{self, Fresh};
use crate::on_both;
use crate::world::{EVERYBODY, World};

/// How often a copy is taken and restored.
const COPIES: usize = 20;
/// Transfers told between two of them.
const BETWEEN: usize = 7;

async fn a_copy_holds_what_was_answered_before_it(fresh: Fresh) {
    let address = fresh.address.clone();
    let mut beside = Vec::new();
    for _ in 0..COPIES {
        beside.push(engines::beside(&fresh).await);
    }
    let mut world = World::start(fresh).await;
    for at in 0..COPIES * BETWEEN {
        world.scan(EVERYBODY[at % EVERYBODY.len()], Habit::Exact).await;
    }
    let (transfers, hook, now) = (world.bank.transfers().to_vec(), world.hook(), world.clock.now());
    let (answered, more) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let telling = tokio::spawn({
        let (answered, more) = (Arc::clone(&answered), Arc::clone(&more));
        async move {
            let client = bank::client().expect("a client");
            for transfer in &transfers {
                let status = bank::tell(&client, &hook, transfer, now).await.expect("told");
                assert_eq!(status, 200);
                answered.fetch_add(1, Ordering::SeqCst);
                more.notify_one();
            }
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    for (at, empty) in beside.iter().enumerate() {
        while answered.load(Ordering::SeqCst) < at * BETWEEN {
            more.notified().await;
        }
        let before = answered.load(Ordering::SeqCst);
        let copy = folder.path().join(at.to_string());
        back_up(&address, &copy).await.expect("a copy");
        world.settle().await;
        let restored = Restored::make(&copy, empty).await.expect("restored");
        let progress = city::progress(&restored.store).await.expect("counted");
        let vault = Vault::new(restored.store.clone(), world.house.vault.master().clone());
        let unsorted = inbox::unsorted_numbers(&restored.store, &vault).await.expect("opened").len();
        let kept = usize::try_from(progress.kept).expect("a count") + unsorted;
        assert!(kept >= before, "{before} answered, {unsorted} to be sorted, {progress:?}");
        let findings = ledger::audit(&restored.store).await.expect("an audit");
        assert!(findings.iter().all(ledger::Finding::holds), "{findings:#?}");
        if at % 2 == 0 {
            restored.remove().await.expect("removed");
            Restored::make(&copy, empty).await.expect("restored again").open_for_all().await.expect("open");
        } else {
            restored.open_for_all().await.expect("open");
        }
        let refused = Restored::make(&copy, empty).await.err().expect("it is there already");
        assert!(refused.refusal().is_some(), "{refused}");
        assert!(back_up(&address, &copy).await.is_err(), "a copy is never written over");
    }
    telling.await.expect("told");
    world.audit().await;
}

on_both!(a_copy_holds_what_was_answered_before_it);

#[tokio::test]
async fn what_is_no_whole_copy_is_refused_and_leaves_nothing() {
    let fresh = engines::sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (copy, torn) = (folder.path().join("copy"), folder.path().join("torn"));
    back_up(&fresh.address, &copy).await.expect("a copy");
    let bytes = std::fs::read(&copy).expect("the copy");
    let target = folder.path().join("hocphi.db");
    let address = format!("sqlite://{}", target.display());
    let mut bent = bytes.clone();
    bent[4_096..12_288].fill(0x5a);
    for bytes in [&b"PGDMP and so on, for another engine"[..], &b"short"[..], &bytes[..bytes.len() / 2], &bent[..]] {
        std::fs::write(&torn, bytes).expect("a file");
        assert!(Restored::make(&torn, &address).await.is_err());
        assert!(!target.exists() && !folder.path().join("hocphi.db.restoring").exists());
    }
    // One letter of a name is another: every page is whole and the books agree, but it is not what was written.
    let mut altered = bytes.clone();
    let place = bytes.iter().rposition(u8::is_ascii_alphabetic).expect("a letter");
    altered[place] ^= 1;
    std::fs::write(&copy, &altered).expect("the copy");
    let refused = Restored::make(&copy, &address).await.err().expect("another file");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("backup-changed"), "{refused}");
    std::fs::write(&copy, &bytes).expect("the copy");
    Restored::make(&copy, &address).await.expect("the copy again").remove().await.expect("removed");
    let left = folder.path().join("hocphi.db-wal");
    std::fs::write(&left, "the journal of a database that is gone").expect("a file");
    let refused = Restored::make(&copy, &address).await.err().expect("its journal would be played into the books");
    assert!(refused.refusal().is_some_and(|refusal| refusal.en.contains("hocphi.db-wal")), "{refused}");
    assert!(!target.exists() && left.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&copy).expect("the copy").permissions().mode();
        assert_eq!(mode & 0o077, 0, "a copy is its owner's alone");
    }
}
