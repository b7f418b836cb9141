//! The stage of the demo is set through the real doors, on both engines, and setting it again changes nothing.

use std::sync::Arc;

use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::fees;
use hocphi::providers::Providers;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::roster::{BEN_NGHE_XANH, SAO_KHUE};
use hocphi::simulate::stage;
use hocphi::time::{Clock, Moment};

use crate::engines::Fresh;
use crate::on_both;

on_both!(setting_the_stage_twice_changes_nothing);

async fn setting_the_stage_twice_changes_nothing(fresh: Fresh) {
    let clock = Clock::set(Moment::parse("2026-11-23T07:00:00+07:00").expect("an instant"));
    let key = MasterKey::parse(&MasterKey::generate().expect("a key")).expect("a key");
    let vault = Vault::new(fresh.store.clone(), key);
    let providers = Providers::embedded().expect("providers");
    let house = Arc::new(
        House::open(fresh.store.clone(), vault, clock.clone(), providers, Config::default()).expect("a house"),
    );
    let schools = [SAO_KHUE, BEN_NGHE_XANH];
    let mut runs = Vec::new();
    for _ in 0..2 {
        stage::set(&fresh.store, &clock, &schools, "mat-khau-cua-thu", 7).await.expect("a stage");
        for school in &schools {
            runs.push(stage::publish_run(&house, school).await.expect("a run"));
        }
    }
    assert_eq!(runs[..2], runs[2..]);
    for (school, run) in schools.iter().zip(&runs) {
        let invoices = fees::view::invoices_of_run(&fresh.store, run).await.expect("invoices");
        assert_eq!(invoices.len(), school.pupils());
        let lines = if school.level == "primary" { 350_000 + 50_000 } else { 300_000 + 55_000 };
        assert!(invoices.iter().all(|invoice| invoice.total.get() == lines + 35_000 + 110_000 + 22 * 35_000));
    }
}
