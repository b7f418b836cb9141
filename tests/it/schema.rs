//! Both engines get the same schema, the same statements and the same protection of facts.

use hocphi::store::{Fence, HOLD_MS, Store};

use crate::engines::{self, Fresh};
use crate::on_both;

on_both!(
    migrating_twice_changes_nothing,
    every_statement_prepares,
    facts_cannot_be_changed_or_emptied,
    whoever_a_fact_may_name_is_not_deleted_or_renamed,
    a_newer_schema_is_refused,
    whoever_is_older_than_the_schema_takes_no_work
);

async fn migrating_twice_changes_nothing(fresh: Fresh) {
    let before = fresh.store.describe().await.expect("a schema");
    fresh.store.migrate().await.expect("a second run");
    assert_eq!(fresh.store.describe().await.expect("a schema"), before);
    fresh.store.check_version().await.expect("the right version");
}

async fn every_statement_prepares(fresh: Fresh) {
    let statements = hocphi::statements();
    for statement in &statements {
        fresh.store.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
    }
    assert!(!statements.is_empty());
}

async fn facts_cannot_be_changed_or_emptied(fresh: Fresh) {
    let store = &fresh.store;
    let leaf = "insert into feed_leaf values (1, 'ent', 'sch', 'rec', 'NEW', 1, '2026-11-22', 0, '{}')";
    store
        .run_raw(
            "insert into entry values ('ent', 'sch', 'received', 'c', '2026-11-22', 0, null, null, null, 'system', '')",
        )
        .await
        .expect("an entry");
    store.run_raw(leaf).await.expect("a leaf");
    let mut attempts = vec!["update feed_leaf set body = ''", "delete from feed_leaf"];
    if store.engine() == hocphi::store::EngineName::Sqlite {
        attempts
            .push("insert or replace into feed_leaf values (1, 'ent', 'sch', 'rec', 'NEW', 2, '2026-11-22', 0, 'x')");
    } else {
        attempts.push("truncate feed_leaf");
    }
    for attempt in attempts {
        let refused = store.run_raw(attempt).await.expect_err(attempt).to_string();
        assert!(refused.contains("append-only: feed_leaf"), "{attempt}: {refused}");
    }
}

async fn whoever_a_fact_may_name_is_not_deleted_or_renamed(fresh: Fresh) {
    let rows = "
        insert into school values ('sch', 'TH', 'T', 'primary', 'public', '', '', null, null, null, null, 'hanoi', 0);
        insert into receiving_account values ('acc', 'sch', '970436', '0011', 'T', 0, null, null);
        insert into class_group values ('cls', 'sch', '2026-2027', '3A', 'primary');
        insert into fee_item values ('itm', 'M', 'Tiền ăn', 'agreed', 'month', 'service', 'C45-BB', null, '1', 0);
        insert into family values ('fam', 'sch', 0);
        insert into pupil values ('pup', 'sch', 'fam', 'P1', 'X', 'x', null, null, 0);
        insert into connection (id, provider, school_id, memo_max, made_at) values ('con', 'sepay', 'sch', 100, 0);";
    fresh.store.run_raw(rows).await.expect("one of each");
    for named in ["pupil", "family", "class_group", "fee_item", "connection", "receiving_account", "school"] {
        for attempt in [format!("delete from {named}"), format!("update {named} set id = 'another'")] {
            let refused = fresh.store.run_raw(&attempt).await.expect_err(&attempt).to_string();
            assert!(refused.contains(&format!("append-only: {named}")), "{attempt}: {refused}");
        }
    }
}

/// What a program of tomorrow leaves behind.
const TOMORROW: &str = "
    insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
    select max(version) + 1, 'tomorrow', max(installed_on), success, checksum, 0
    from _sqlx_migrations group by success, checksum order by 1 desc limit 1";

async fn a_newer_schema_is_refused(fresh: Fresh) {
    fresh.store.run_raw(TOMORROW).await.expect("a row from tomorrow");
    let refused = fresh.store.check_version().await.expect_err("a newer schema");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("schema-newer"));
    let refused = fresh.store.migrate().await.expect_err("a newer schema");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("schema-newer"));
}

/// A program that serves while a newer one migrates stops at the next renewal of its leases.
async fn whoever_is_older_than_the_schema_takes_no_work(fresh: Fresh) {
    let take = async |name| Fence::take(&fresh.store, name, "prc_1", HOLD_MS).await;
    take("credits").await.expect("a store").expect("nobody else holds it");
    fresh.store.run_raw(TOMORROW).await.expect("a row from tomorrow");
    for name in ["credits", "feed"] {
        let refused = take(name).await.expect_err("a newer schema");
        assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("schema-newer"), "{name}");
    }
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = engines::sqlite().await;
    let Some(postgres) = engines::postgres().await else { return };
    let describe = async |store: &Store| store.describe().await.expect("a schema");
    assert_eq!(describe(&sqlite.store).await, describe(&postgres.store).await);
}
