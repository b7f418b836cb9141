//! The one order of events, and the revenue that equals the ledger.

use hocphi::feed::{self, Leaf, Scope};
use hocphi::ledger::Account;
use hocphi::matching;
use hocphi::money::Dong;
use hocphi::oversight;
use hocphi::store::{EngineName, Lot, Store};
use hocphi::time::{Clock, Day};

use crate::books::Books;
use crate::engines::Fresh;
use crate::on_both;

on_both!(
    places_have_no_hole_and_say_no_name,
    cause_comes_before_effect_whatever_the_clocks_say,
    several_sequencers_give_each_entry_one_place,
    a_round_takes_no_more_than_its_lot,
    who_reads_of_quiet_schools_is_told_how_far_he_has_come,
    revenue_and_the_supervisors_sums_equal_the_ledger,
    a_school_is_named_from_ten_families_on
);

async fn entries(store: &Store, scope: &Scope, after: i64, limit: i64) -> Vec<Leaf> {
    feed::entries(store, scope, after, limit).await.expect("leaves").leaves
}

async fn places_have_no_hole_and_say_no_name(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let credit = books.credit(400, Some(&owed.reference)).await;
    books.drain().await;
    hocphi::fees::void_invoice(&books.store, &books.clock, &owed.id, "per_1", "Nguyễn Văn An").await.expect("void");
    matching::release(&books.store, &credit, &books.act("Nguyễn Văn An")).await.expect("released");
    books.sequence().await;
    let leaves = entries(&books.store, &Scope::All, 0, 100).await;
    let told: Vec<(i64, &str, &str, i64)> =
        leaves.iter().map(|leaf| (leaf.place, leaf.record_id.as_str(), leaf.event.as_str(), leaf.version)).collect();
    let (invoice, credit) = (owed.id.as_str(), credit.as_str());
    let expected = [(1, invoice, "NEW", 1), (2, credit, "NEW", 1), (3, invoice, "CANCEL", 2), (4, credit, "UPDATE", 2)];
    assert_eq!(told, expected);
    assert!(leaves.iter().all(|leaf| !leaf.body.contains("Nguy") && !leaf.body.contains("fam_")));
    let body = format!(
        r#"{{"day":"2026-11-22","kind":"received","postings":[{{"account":"clearing","amount":400,"item":null}},{{"account":"receivable.parent","amount":-400,"item":"TUITION"}}],"record":"{credit}","school":"TH01"}}"#
    );
    assert_eq!(leaves[1].body, body);
    assert_eq!(entries(&books.store, &Scope::All, 2, 1).await[0].place, 3);
    let none = entries(&books.store, &Scope::Schools(vec!["sch_9".to_owned()]), 0, 100).await;
    assert!(none.is_empty());
    let many = Scope::Schools((0..40).map(|school| format!("sch_{school}")).collect());
    for (after, limit) in [(0, 100), (0, 2), (2, 2), (4, 2)] {
        let all = entries(&books.store, &Scope::All, after, limit).await;
        assert_eq!(entries(&books.store, &many, after, limit).await, all);
    }
    let others = Scope::Schools((2..42).map(|school| format!("sch_{school}")).collect());
    assert_eq!(entries(&books.store, &others, 0, 100).await, []);
    let (head, changed) = feed::invoices_after(&books.store, 1).await.expect("news");
    assert_eq!((head, changed), (4, vec![owed.id.clone()]));
    books.assert_sound().await;
}

async fn cause_comes_before_effect_whatever_the_clocks_say(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let credit = books.credit(400, Some(&owed.reference)).await;
    books.drain().await;
    let slow = Clock::set(books.clock.now().plus_ms(-300));
    let act = hocphi::matching::Act::new(slow.now(), "per_1", "nhầm").expect("words");
    matching::release(&books.store, &credit, &act).await.expect("released");
    books.sequence().await;
    let leaves = entries(&books.store, &Scope::All, 1, 100).await;
    let told: Vec<(&str, i64, bool)> = leaves
        .iter()
        .map(|leaf| (leaf.event.as_str(), leaf.version, leaf.body.contains(r#""kind":"received""#)))
        .collect();
    assert_eq!(told, [("NEW", 1, true), ("UPDATE", 2, false)]);
    books.assert_sound().await;
}

/// One school is busy and the reader's are quiet: he gets nothing many times, and comes to what there is all the same.
async fn who_reads_of_quiet_schools_is_told_how_far_he_has_come(fresh: Fresh) {
    const BUSY: i64 = 40_000;
    fresh
        .store
        .run_raw(&format!(
            "insert into entry
             with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n <= {BUSY})
             select 'ent_' || n, case when n > {BUSY} then 'sch_2' else 'sch_1' end, 'received', 'c' || n, '2026-11-22', 0,
                null, null, null, 'system', '' from numbers;
             insert into feed_leaf
             with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n <= {BUSY})
             select n, 'ent_' || n, case when n > {BUSY} then 'sch_2' else 'sch_1' end, 'rec_' || n, 'NEW', 1,
                '2026-11-22', 0, '{{}}' from numbers"
        ))
        .await
        .expect("a busy school");
    let quiet = Scope::Schools((2..42).map(|school| format!("sch_{school}")).collect());
    let (mut after, mut asked, mut places) = (0, 0, Vec::new());
    loop {
        let part = feed::entries(&fresh.store, &quiet, after, 100).await.expect("a part");
        places.extend(part.leaves.iter().map(|leaf| leaf.place));
        if part.through == after {
            break;
        }
        assert!(part.through - after <= 16_000, "one question looks through {} places", part.through - after);
        (after, asked) = (part.through, asked + 1);
    }
    assert_eq!((places, after, asked), (vec![BUSY + 1], BUSY + 1, 3));
}

async fn several_sequencers_give_each_entry_one_place(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let all = books.store.lot(Lot::Short) * 2 + 30;
    for _ in 0..all {
        books.credit(7, None).await;
    }
    books.drain().await;
    // Whoever finds that another was first goes on with what is left, so six of them leave nothing of three lots.
    let lots = (0..6).map(|_| feed::sequence_fenced(&books.store, &books.clock, None, Lot::Short));
    let placed: usize =
        futures_util::future::join_all(lots).await.into_iter().map(|placed| placed.expect("a batch")).sum();
    assert_eq!(i64::try_from(placed).expect("few"), all);
    assert_eq!(feed::head(&books.store).await.expect("a place"), all);
    books.assert_sound().await;
}

async fn a_round_takes_no_more_than_its_lot(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (short, full) = match books.store.engine() {
        EngineName::Sqlite => (200, 512),
        EngineName::Postgres => (512, 512),
    };
    for _ in 0..=short + full {
        books.credit(7, None).await;
    }
    let (store, clock) = (&books.store, &books.clock);
    for (lot, taken) in [(Lot::Short, short), (Lot::Full, full), (Lot::Short, 1), (Lot::Full, 0)] {
        let drained = matching::drain_fenced(store, &books.vault, clock, None, lot).await.expect("a batch");
        assert_eq!(drained.decided, taken, "{lot:?}");
    }
    for (lot, taken) in [(Lot::Short, short), (Lot::Full, full), (Lot::Short, 1), (Lot::Full, 0)] {
        assert_eq!(feed::sequence_fenced(store, clock, None, lot).await.expect("a batch"), taken, "{lot:?}");
    }
    books.assert_sound().await;
}

async fn revenue_and_the_supervisors_sums_equal_the_ledger(fresh: Fresh) {
    let books = Books::open(fresh).await;
    for n in 0..12 {
        let owed = books.invoice(10).await;
        // Two families also pay for meals; ten stop at the mandatory items.
        books.credit(if n < 2 { 1_000 } else { 700 }, Some(&owed.reference)).await;
    }
    books.drain().await;
    let day = Day::parse("2026-11-22").expect("a day");
    let owed = books.balance(Account::ReceivableParent).await;
    books
        .raw(
            "insert into authority values ('aut_1', 'SO', 'Sở', 'doet'), ('aut_2', 'P', 'Phường', 'ward');
             insert into authority_parent values ('aut_2', 'aut_1', '2020-01-01', null);
             insert into school_supervision values ('sch_1', 'aut_2', '2020-01-01', null);",
        )
        .await;
    let early = feed::revenue(&books.store, day, &Scope::All, false).await.expect("rows");
    assert_eq!(early, [], "nothing has its place in the feed yet");
    assert_eq!(overview_of(&books, "aut_1", day).await.total, oversight::Sum::default());
    books.sequence().await;
    for is_pooled in [false, true] {
        let rows = feed::revenue(&books.store, day, &Scope::All, is_pooled).await.expect("rows");
        let issued = Dong::sum(rows.iter().map(|row| row.issued)).expect("a sum").get();
        let collected = Dong::sum(rows.iter().map(|row| row.collected)).expect("a sum").get();
        assert_eq!((issued, collected, issued - collected), (12_000, 9_000, owed));
        let fewest = rows.iter().filter_map(|row| row.payers).min().expect("rows");
        assert_eq!(fewest >= feed::SMALL, is_pooled, "{rows:?}");
    }
    let seen = overview_of(&books, "aut_1", day).await;
    assert_eq!((seen.total.issued.get(), seen.total.collected.get()), (12_000, 9_000));
    assert_eq!(seen.schools[0].owed.get(), owed);
    assert_eq!(seen.items.iter().map(|item| item.sum.collected.get()).sum::<i64>(), 9_000);
    assert_eq!(seen.days.len(), 1);
    assert_eq!(overview_of(&books, "aut_2", day).await, seen);
    let nobody = overview_of(&books, "aut_3", day).await;
    assert_eq!(nobody, oversight::Overview::default());
    books.assert_sound().await;
    a_supervisor_of_some_sees_theirs(&books, day, seen).await;
}

async fn overview_of(books: &Books, authority: &str, day: Day) -> oversight::Overview {
    oversight::overview(&books.store, authority, day, (day, day)).await.expect("sums")
}

/// Nine families who are asked for something could be told apart, and a tenth whose invoice waits for its place is in
/// no sum and hides nobody.
async fn a_school_is_named_from_ten_families_on(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let day = Day::parse("2026-11-22").expect("a day");
    books.invoice(10).await;
    for families in 1..=feed::SMALL + 1 {
        books.sequence().await;
        books.invoice(10).await;
        for scope in [Scope::All, Scope::Schools(vec!["sch_1".to_owned()])] {
            let rows = feed::revenue(&books.store, day, &scope, true).await.expect("rows");
            let is_named = rows.iter().any(|row| row.school.is_some());
            assert_eq!(is_named, families >= feed::SMALL, "{families}: {rows:?}");
            assert_eq!(Dong::sum(rows.iter().map(|row| row.issued)), Some(Dong::new(1_000 * families)));
        }
    }
}

/// Whoever watches all schools reads what was added up for all; whoever watches some adds theirs up, and sees the same
/// of them although others have raised and collected as well.
async fn a_supervisor_of_some_sees_theirs(books: &Books, day: Day, seen: oversight::Overview) {
    let of = async |from: &str, to: &str| {
        let days = (Day::parse(from).expect("a day"), Day::parse(to).expect("a day"));
        oversight::overview(&books.store, "aut_1", day, days).await.expect("sums")
    };
    assert_eq!(of("2026-09-28", "2027-01-05").await, seen, "whole months and parts of two hold what the day holds");
    // A school that two authorities look after is one school.
    books.raw("insert into school_supervision values ('sch_1', 'aut_1', '2020-01-01', null)").await;
    for other in ["sch_2", "sch_3", "sch_4"] {
        books
            .raw(&format!(
                "insert into school (id, code, name, level, ownership, address, phone, reading, made_at)
                    select '{other}', '{other}', name, level, ownership, address, phone, reading, made_at
                    from school where id = 'sch_1';
                 insert into item_sum select item_id, day, '{other}', 5, 5 from item_sum where school_id = 'sch_1';
                 insert into day_sum select day, '{other}', 15, 15 from day_sum where school_id = 'sch_1';
                 insert into month_sum select month, '{other}', 15, 15 from month_sum where school_id = 'sch_1';
                 update total_sum set issued = issued + 5, collected = collected + 5;"
            ))
            .await;
        assert_eq!(of("2026-09-28", "2027-01-05").await, seen, "beside {other}");
        assert_eq!(of("2026-11-22", "2026-11-22").await, seen, "beside {other}");
        assert_eq!(of("2026-11-23", "2026-12-31").await.total, oversight::Sum::default());
    }
}
