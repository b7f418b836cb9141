//! Files with secrets or children's names in them are their owner's alone.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hocphi::config::Config;

use crate::engines::sqlite;

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn the_database_and_its_companions_are_their_owners_alone() {
    let fresh = sqlite().await;
    let file = fresh.address.strip_prefix("sqlite://").expect("a file");
    for companion in ["", "-wal", "-shm"] {
        assert_eq!(mode(Path::new(&format!("{file}{companion}"))), 0o600, "{companion}");
    }
}

#[test]
fn a_key_that_others_may_read_is_noticed() {
    let here = tempfile::tempdir().expect("a directory");
    let file = here.path().join("hocphi.key");
    std::fs::write(&file, "5a".repeat(32)).expect("a file");
    let config = Config { key_file: Some(file.clone()), ..Config::default() };
    for (mode, is_open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o644, true)] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("a mode");
        assert_eq!(config.key_is_open(), is_open, "{mode:o}");
        config.master_key().expect("a key all the same");
    }
}
