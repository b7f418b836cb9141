//! The program on disks that fail: full, broken, read-only, forgetful, and without power at any moment.
//!
//! What is told comes from outside, over the program's own port; what was answered 2xx is looked for afterwards.

use fuser::BackgroundSession;
use hocphi::simulate::chance::Chance;
use tempfile::TempDir;

use crate::engines;
use crate::sick_disk::{Disk, Mood};
use crate::town::{Town, folder};

/// How often the power goes.
const CUTS: u64 = 40;

/// A disk of ours and where it is mounted.
struct Rig {
    disk: Disk,
    mounted: Option<BackgroundSession>,
    place: TempDir,
}

impl Rig {
    fn mount() -> Option<Rig> {
        let (disk, place) = (Disk::new(), folder());
        let mounted = Some(disk.mount(place.path())?);
        Some(Rig { disk, mounted, place })
    }

    fn database(&self) -> String {
        format!("sqlite://{}", self.place.path().join("hocphi.db").display())
    }

    /// The power goes: the kernel's memory is gone too, and the disk holds what it kept.
    fn cut(&mut self, chance: &mut Chance) {
        self.mounted = None;
        self.disk.come_back(chance);
        self.mounted = self.disk.mount(self.place.path());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_is_refused_on_and_heals_without_a_new_start() {
    let Some(rig) = Rig::mount() else { return };
    let mut town = Town::build(rig.database()).await;
    let served = town.serve().await.expect("it starts");
    for mood in [Mood::Full, Mood::Broken, Mood::ReadOnly] {
        assert_eq!(town.tell_new(&served).await, Some(200), "before {mood:?}");
        rig.disk.be(mood);
        let refused = town.tell_until_refused(&served).await;
        // A full disk may have room in its files for the little that is written to find out.
        assert!(mood == Mood::Full || !town.is_ready(&served).await, "{mood:?}");
        rig.disk.be(Mood::Well);
        town.tell_again(&served, refused).await;
    }
    assert!(town.is_ready(&served).await, "it heals");
    served.end().await;
    town.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_keep_what_it_took_ends_the_program() {
    let Some(mut rig) = Rig::mount() else { return };
    let mut town = Town::build(rig.database()).await;
    let mut served = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&served).await, Some(200));
    rig.disk.be(Mood::Unsynced);
    assert_eq!(town.tell_new(&served).await, None, "nobody is answered");
    let ended = served.child.wait().await.expect("an end");
    assert_eq!(ended.code(), Some(74), "EX_IOERR");
    // What lies in the kernel's memory is not believed as long as the disk does not take it.
    assert_eq!(town.serve().await.err().and_then(|ended| ended.code()), Some(74));
    rig.disk.be(Mood::Well);
    let served = town.serve().await.expect("it starts");
    assert_eq!(town.tell(&served, town.next - 1).await, Some(200));
    served.end().await;
    // Whatever the disk did not keep by now is gone.
    rig.cut(&mut Chance::new(1));
    town.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_write_loses_nothing_that_was_answered() {
    let Some(mut rig) = Rig::mount() else { return };
    let mut town = Town::build(rig.database()).await;
    let mut chance = Chance::new(20_261_005);
    let begun = rig.disk.steps();
    let served = town.serve().await.expect("it starts");
    town.tell_many(&served, 40).await;
    served.end().await;
    let steps = usize::try_from(rig.disk.steps() - begun).expect("small");
    for _ in 0..CUTS {
        rig.disk.lose_power_after(1 + chance.below(steps) as u64);
        // It may go while the program starts.
        if let Ok(mut served) = town.serve().await {
            town.tell_many(&served, 60).await;
            served.child.kill().await.expect("killed");
        }
        rig.cut(&mut chance);
        town.judge().await;
    }
    assert!(town.answered.len() as u64 > CUTS, "the power went before anybody was answered");
    let served = town.serve().await.expect("it starts");
    let unanswered: Vec<u64> = (0..town.next).filter(|serial| !town.answered.contains(serial)).collect();
    assert!(!unanswered.is_empty(), "nobody was interrupted");
    town.tell_again(&served, unanswered).await;
    served.end().await;
    town.judge().await;
}

/// A place for PostgreSQL's tables that holds so little, gone when the test is.
struct Small(TempDir);

impl Small {
    const SIZE: &str = "40m";

    fn mount(owner: u32) -> Small {
        let place = folder();
        let options = format!("size={},uid={owner},mode=700", Small::SIZE);
        as_root(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs", &place.path().display().to_string()]);
        Small(place)
    }

    /// Takes all the space there is.
    fn fill(&self) {
        let ballast = format!("of={}", self.0.path().join("ballast").display());
        // It ends when no space is left, which is what it is for.
        let ended = command_as_root(&["dd", "if=/dev/zero", &ballast, "bs=4096"]).output().expect("dd runs");
        assert!(!ended.status.success(), "there is space for ever");
    }

    fn empty(&self) {
        as_root(&["rm", &self.0.path().join("ballast").display().to_string()]);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        as_root(&["umount", "--lazy", &self.0.path().display().to_string()]);
    }
}

fn command_as_root(words: &[&str]) -> std::process::Command {
    if owner_of("/proc/self") == 0 {
        let mut command = std::process::Command::new(words[0]);
        command.args(&words[1..]);
        return command;
    }
    let mut command = std::process::Command::new("sudo");
    command.arg("-n").args(words);
    command
}

fn as_root(words: &[&str]) {
    let ended = command_as_root(words).output().expect("it runs");
    assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

fn owner_of(path: &str) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).expect("a path that is there"))
}

/// Who runs PostgreSQL here, as `tests/run` starts it: its own user for root, else whoever runs the tests.
fn server_owner() -> u32 {
    let own = owner_of("/proc/self");
    if own != 0 {
        return own;
    }
    let asked = std::process::Command::new("id").args(["-u", "postgres"]).output().expect("id runs");
    String::from_utf8_lossy(&asked.stdout).trim().parse().expect("a user named postgres")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_without_space_is_refused_on_and_heals_without_a_new_start() {
    let Some(fresh) = engines::postgres().await else { return };
    let small = Small::mount(server_owner());
    let name = format!("small_{}", std::process::id());
    let place = small.0.path().display();
    fresh.store.run_raw(&format!("create tablespace {name} location '{place}'")).await.expect("a tablespace");
    fresh.store.run_raw(&format!("create database {name} tablespace {name}")).await.expect("a database in it");
    let (base, _) = fresh.address.rsplit_once('/').expect("an address that ends with a database");
    let mut town = Town::build(format!("{base}/{name}")).await;
    let served = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&served).await, Some(200));
    small.fill();
    let refused = town.tell_until_refused(&served).await;
    small.empty();
    town.tell_again(&served, refused).await;
    served.end().await;
    town.judge().await;
    fresh.store.run_raw(&format!("drop database {name} with (force)")).await.expect("no database");
    fresh.store.run_raw(&format!("drop tablespace {name}")).await.expect("no tablespace");
}
