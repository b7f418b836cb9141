//! A disk that can be full, broken, read-only or cut off from its power, as a file system that the kernel mounts.
//!
//! Everything lies in memory: what was written, and of that what was synced. A cut keeps what was synced, and of what
//! was written since then some blocks and not others, which is what a real disk does. The program on top of it is the
//! real one and asks the real kernel; only what lies below the kernel is ours.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use hocphi::simulate::chance::Chance;

/// Nothing is remembered by the kernel but the pages of files.
const AT_ONCE: Duration = Duration::ZERO;
/// What a disk writes whole or not at all.
const BLOCK: usize = 512;

/// How the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should be.
    Well,
    /// No file can grow.
    Full,
    /// Reads and writes fail.
    Broken,
    /// Writes are taken and never kept.
    Unsynced,
    /// It may only be read.
    ReadOnly,
}

/// The disk; cloning shares it.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Files>>);

struct Files {
    mood: Mood,
    by_name: BTreeMap<String, u64>,
    files: BTreeMap<u64, File>,
    /// Writes and syncs so far.
    steps: u64,
    /// The step at which it loses its power.
    last_step: Option<u64>,
}

#[derive(Default)]
struct File {
    now: Vec<u8>,
    kept: Vec<u8>,
    since: Vec<Change>,
}

/// What happened to a file since it was synced.
enum Change {
    Block { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Length(length) => bytes.resize(*length, 0),
            Change::Block { at, bytes: written } => {
                let end = at + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(written);
            }
        }
    }
}

impl File {
    fn change(&mut self, change: Change) {
        change.make(&mut self.now);
        self.since.push(change);
    }

    fn write(&mut self, mut at: usize, mut data: &[u8]) {
        while !data.is_empty() {
            let length = (BLOCK - at % BLOCK).min(data.len());
            self.change(Change::Block { at, bytes: data[..length].to_vec() });
            (at, data) = (at + length, &data[length..]);
        }
    }

    fn sync(&mut self) {
        for change in self.since.drain(..) {
            change.make(&mut self.kept);
        }
    }

    fn cut(&mut self, chance: &mut Chance) {
        let some = chance.below(3);
        for change in self.since.drain(..) {
            // Nothing, half or everything of what was on its way, as it happens.
            if some == 2 || (some == 1 && chance.below(2) == 0) {
                change.make(&mut self.kept);
            }
        }
        self.now.clone_from(&self.kept);
    }
}

impl Disk {
    pub fn new() -> Disk {
        let (by_name, files) = (BTreeMap::new(), BTreeMap::new());
        Disk(Arc::new(Mutex::new(Files { mood: Mood::Well, by_name, files, steps: 0, last_step: None })))
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn be(&self, mood: Mood) {
        self.files().mood = mood;
    }

    /// Writes and syncs so far.
    pub fn steps(&self) -> u64 {
        self.files().steps
    }

    /// So many writes and syncs from now, its power goes; every second sync that is cut takes effect and is not told.
    pub fn lose_power_after(&self, steps: u64) {
        let mut files = self.files();
        files.last_step = Some(files.steps + steps);
    }

    /// What is on it when its power comes back; it must not be mounted meanwhile.
    pub fn come_back(&self, chance: &mut Chance) {
        let mut files = self.files();
        (files.mood, files.last_step) = (Mood::Well, None);
        files.files.values_mut().for_each(|file| file.cut(chance));
    }

    /// Mounts it until what is returned is dropped; nothing where the kernel does not let us, which CI must.
    pub fn mount(&self, at: &Path) -> Option<BackgroundSession> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("sick".to_owned())];
        match fuser::spawn_mount(Mounted { disk: self.clone(), next: AtomicU64::new(0) }, at, &config) {
            Ok(session) => Some(session),
            Err(error) => {
                assert!(std::env::var("CI").is_err(), "CI must let the tests mount a file system (FUSE): {error}");
                eprintln!("SKIPPED: no file system can be mounted here ({error}), so no disk was made to fail");
                None
            }
        }
    }
}

/// One time that it is mounted.
struct Mounted {
    disk: Disk,
    /// Numbers handles, of which the kernel wants different ones.
    next: AtomicU64,
}

impl Mounted {
    fn handle(&self) -> FileHandle {
        FileHandle(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl Files {
    /// May something be changed now?
    fn changes(&self) -> Result<(), Errno> {
        match self.mood {
            Mood::Well | Mood::Unsynced => Ok(()),
            Mood::Full => Err(Errno::ENOSPC),
            Mood::Broken => Err(Errno::EIO),
            Mood::ReadOnly => Err(Errno::EROFS),
        }
    }

    fn named(&self, name: &OsStr) -> Result<u64, Errno> {
        self.by_name.get(&*name.to_string_lossy()).copied().ok_or(Errno::ENOENT)
    }

    fn file(&mut self, inode: INodeNo) -> Result<&mut File, Errno> {
        self.files.get_mut(&u64::from(inode)).ok_or(Errno::ENOENT)
    }

    fn attributes(&self, inode: u64) -> Result<FileAttr, Errno> {
        let size = match inode {
            1 => 0,
            _ => self.files.get(&inode).ok_or(Errno::ENOENT)?.now.len() as u64,
        };
        let (kind, perm) = if inode == 1 { (FileType::Directory, 0o700) } else { (FileType::RegularFile, 0o600) };
        let at = SystemTime::UNIX_EPOCH;
        let (uid, gid) = owner();
        Ok(FileAttr {
            ino: INodeNo(inode),
            size,
            blocks: size.div_ceil(512),
            atime: at,
            mtime: at,
            ctime: at,
            crtime: at,
            kind,
            perm,
            nlink: 1,
            uid,
            gid,
            rdev: 0,
            blksize: 4_096,
            flags: 0,
        })
    }

    fn make(&mut self, name: &OsStr) -> Result<u64, Errno> {
        self.changes()?;
        let inode = self.files.keys().next_back().map_or(2, |last| last + 1);
        self.files.insert(inode, File::default());
        self.by_name.insert(name.to_string_lossy().into_owned(), inode);
        Ok(inode)
    }

    fn remove(&mut self, name: &OsStr) -> Result<(), Errno> {
        self.changes()?;
        let inode = self.named(name)?;
        self.by_name.remove(&*name.to_string_lossy());
        self.files.remove(&inode);
        Ok(())
    }

    fn resize(&mut self, inode: INodeNo, size: u64) -> Result<(), Errno> {
        self.changes()?;
        self.file(inode)?.change(Change::Length(usize::try_from(size).map_err(|_| Errno::EFBIG)?));
        Ok(())
    }

    /// Counts a write or a sync. Is it the one at which the power goes?
    fn is_last_step(&mut self) -> bool {
        self.steps += 1;
        let is_last = self.last_step == Some(self.steps);
        if is_last {
            self.mood = Mood::Broken;
        }
        is_last
    }

    fn read(&mut self, inode: INodeNo, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        if self.mood == Mood::Broken {
            return Err(Errno::EIO);
        }
        let now = &self.file(inode)?.now;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(now.len());
        let to = from.saturating_add(size as usize).min(now.len());
        Ok(now[from..to].to_vec())
    }

    /// What the kernel writes of a mapped page is memory that several processes share; a disk has no part in it.
    fn write(&mut self, inode: INodeNo, offset: u64, data: &[u8], is_mapped: bool) -> Result<u32, Errno> {
        let at = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let is_last = !is_mapped && self.is_last_step();
        let grows = at.saturating_add(data.len()) > self.file(inode)?.now.len();
        if !is_mapped && !is_last && (self.mood != Mood::Full || grows) {
            self.changes()?;
        }
        self.file(inode)?.write(at, data);
        // The write that is cut may still reach the disk, or a part of it.
        if is_last { Err(Errno::EIO) } else { u32::try_from(data.len()).map_err(|_| Errno::EFBIG) }
    }

    fn sync(&mut self, inode: INodeNo) -> Result<(), Errno> {
        if self.is_last_step() {
            if self.steps.is_multiple_of(2) {
                self.file(inode)?.sync();
            }
            return Err(Errno::EIO);
        }
        if matches!(self.mood, Mood::Unsynced | Mood::Broken) {
            return Err(Errno::EIO);
        }
        self.file(inode)?.sync();
        Ok(())
    }
}

/// Who runs the tests: the one owner of everything on the disk.
fn owner() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or((0, 0), |me| (me.uid(), me.gid()))
}

/// Answers `Ok` with the one and `Err` with the other.
macro_rules! answer {
    ($reply:ident, $result:expr, |$value:pat_param| $told:expr) => {
        match $result {
            Ok($value) => $told,
            Err(error) => $reply.error(error),
        }
    };
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let files = self.disk.files();
        let found = files.named(name).and_then(|inode| files.attributes(inode));
        answer!(reply, found, |attributes| reply.entry(&AT_ONCE, &attributes, Generation(0)));
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.disk.files().attributes(u64::from(inode));
        answer!(reply, found, |attributes| reply.attr(&AT_ONCE, &attributes));
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut files = self.disk.files();
        let resized = size.map_or(Ok(()), |size| files.resize(inode, size));
        let found = resized.and_then(|()| files.attributes(u64::from(inode)));
        answer!(reply, found, |attributes| reply.attr(&AT_ONCE, &attributes));
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.disk.files().remove(name), |()| reply.ok());
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(self.handle(), FopenFlags::empty());
    }

    fn create(&self, _: &Request, _: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        let mut files = self.disk.files();
        let made = files.make(name).and_then(|inode| files.attributes(inode));
        answer!(reply, made, |attributes| {
            reply.created(&AT_ONCE, &attributes, Generation(0), self.handle(), FopenFlags::empty());
        });
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer!(reply, self.disk.files().read(inode, offset, size), |bytes| reply.data(&bytes));
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let is_mapped = flags.contains(WriteFlags::FUSE_WRITE_CACHE);
        answer!(reply, self.disk.files().write(inode, offset, data, is_mapped), |length| reply.written(length));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.disk.files().sync(inode), |()| reply.ok());
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let files = self.disk.files();
        let past = usize::try_from(offset).unwrap_or(usize::MAX);
        for (place, (name, inode)) in files.by_name.iter().enumerate().skip(past) {
            if reply.add(INodeNo(*inode), place as u64 + 1, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19, 4_096, 255, 4_096);
    }
}
