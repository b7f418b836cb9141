//! Who is inside: so many seats, and who has to give his up when somebody comes who finds none.
//!
//! A seat costs a file descriptor before anything was said on it. Whoever comes when every seat is taken gets that of
//! the one who has had the least use of it for longest: silence weighs most, an unended question least, and only where
//! there is neither goes who dwells on an answer. What has been said of questions that have no end yet lies in memory,
//! and is bounded by showing their oldest out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::client::network;

/// How wide the door is.
#[derive(Debug, Clone)]
pub struct Door {
    /// Connections at once. A service usually has 1,024 descriptors, and the store needs some of them.
    pub most: usize,
    /// Connections at once from one address or IPv6 network: a browser opens six.
    pub most_of_one: usize,
    /// Reverse proxies, who bring everybody and have no share; neither has this machine.
    pub proxies: Vec<IpAddr>,
    /// How long a connection may take to say what it wants, and how long it may say nothing between two requests.
    pub patience: Duration,
    /// How long an answer may take before its seat may go to somebody else.
    pub dwelling: Duration,
    /// Bytes of questions that are still being said, all together.
    pub most_said: usize,
}

impl Default for Door {
    fn default() -> Self {
        let (patience, dwelling) = (Duration::from_secs(20), Duration::from_secs(10));
        Door { most: 800, most_of_one: 100, proxies: Vec::new(), patience, dwelling, most_said: 128 << 20 }
    }
}

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// It has never asked anything.
    Silent,
    /// It asks nothing now.
    Idle,
    /// It is still saying what it asks.
    Saying,
    /// It has asked, and nothing is answered yet.
    Asked,
    /// It is being answered.
    Answered,
}

impl Doing {
    /// How fast its time runs.
    fn weight(self) -> u32 {
        match self {
            Doing::Silent => 4,
            Doing::Idle => 2,
            Doing::Saying | Doing::Asked | Doing::Answered => 1,
        }
    }
}

/// Who is inside.
pub(super) struct Room {
    seats: Mutex<Seats>,
    most_said: usize,
}

#[derive(Default)]
struct Seats {
    last: u64,
    taken: HashMap<u64, Taken>,
    of: HashMap<IpAddr, usize>,
    /// Bytes of questions that are still being said.
    said: usize,
}

struct Taken {
    peer: IpAddr,
    doing: Doing,
    since: Instant,
    shown_out: CancellationToken,
}

/// One connection's place.
pub(super) struct Seat {
    room: Arc<Room>,
    number: u64,
    pub(super) shown_out: CancellationToken,
}

impl Room {
    /// An empty one for so many bytes of questions that are still being said.
    pub(super) fn of(most_said: usize) -> Arc<Room> {
        Arc::new(Room { seats: Mutex::default(), most_said })
    }

    /// A seat, if need be somebody else's; none when everybody has more use for his.
    pub(super) fn seat(room: &Arc<Room>, door: &Door, peer: IpAddr) -> Option<Seat> {
        let address = peer.to_canonical();
        let has_share = !address.is_loopback() && !door.proxies.contains(&address);
        let peer = network(peer);
        let (mut seats, now) = (room.seats(), Instant::now());
        if has_share && seats.of.get(&peer).is_some_and(|of_one| *of_one >= door.most_of_one) {
            seats.show_out(door, now, Some(peer))?;
        }
        if seats.taken.len() >= door.most {
            seats.show_out(door, now, None)?;
        }
        seats.last += 1;
        *seats.of.entry(peer).or_default() += 1;
        let (number, shown_out) = (seats.last, CancellationToken::new());
        let taken = Taken { peer, doing: Doing::Silent, since: now, shown_out: shown_out.clone() };
        seats.taken.insert(number, taken);
        Some(Seat { room: Arc::clone(room), number, shown_out })
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Frees the seat that is used least, of one network or of all.
    fn show_out(&mut self, door: &Door, now: Instant, of: Option<IpAddr>) -> Option<()> {
        let of_these = |taken: &Taken| of.is_none_or(|of| of == taken.peer);
        let dwells = |taken: &Taken| now - taken.since > door.dwelling;
        self.show_out_of(now, |taken| taken.doing <= Doing::Saying && of_these(taken))
            .or_else(|| self.show_out_of(now, |taken| dwells(taken) && of_these(taken)))
    }

    /// Frees the seat of whom the time has run longest, of those that may go.
    fn show_out_of(&mut self, now: Instant, may_go: impl Fn(&Taken) -> bool) -> Option<()> {
        let going = self.taken.iter().filter(|(_, taken)| may_go(taken));
        let time = |taken: &Taken| now.saturating_duration_since(taken.since) * taken.doing.weight();
        // Of two that came together the later is the one with more before it.
        let (number, _) = going.max_by_key(|(number, taken)| (time(taken), Reverse(**number)))?;
        self.leave(*number)
    }

    fn leave(&mut self, number: u64) -> Option<()> {
        let taken = self.taken.remove(&number)?;
        taken.shown_out.cancel();
        if let Some(left) = self.of.get_mut(&taken.peer) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.of.remove(&taken.peer);
            }
        }
        Some(())
    }
}

impl Seat {
    pub(super) fn does(&self, doing: Doing) {
        if let Some(taken) = self.room.seats().taken.get_mut(&self.number) {
            (taken.doing, taken.since) = (doing, Instant::now());
        }
    }

    /// So many more bytes of its question are kept. Where all together are too many, the oldest has to go.
    pub(super) fn says(&self, bytes: usize) {
        let mut seats = self.room.seats();
        seats.said += bytes;
        if seats.said > self.room.most_said {
            seats.show_out_of(Instant::now(), |taken| taken.doing == Doing::Saying);
        }
    }

    /// Its question is understood, or dropped.
    pub(super) fn has_said(&self, bytes: usize) {
        let mut seats = self.room.seats();
        seats.said = seats.said.saturating_sub(bytes);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.seats().leave(self.number);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One for three, and for one of each address.
    pub(in crate::web) const DOOR: Door = Door {
        most: 3,
        most_of_one: 1,
        proxies: Vec::new(),
        patience: Duration::from_millis(300),
        dwelling: Duration::from_mins(1),
        most_said: 1_000,
    };

    fn empty() -> Arc<Room> {
        Room::of(DOOR.most_said)
    }

    /// A room for three, and one for each address.
    fn sit(room: &Arc<Room>, door: &Door, peer: &str) -> Option<Seat> {
        Room::seat(room, door, peer.parse().expect("an address"))
    }

    #[test]
    fn a_seat_goes_from_who_uses_it_least_for_longest_and_last_from_who_dwells_on_an_answer() {
        let room = empty();
        let came = Instant::now();
        let door = Door { most: 6, ..DOOR };
        let seats: Vec<Seat> = (0..6).map(|_| sit(&room, &door, "127.0.0.1").expect("a seat")).collect();
        // Who does what for how many milliseconds, in the order in which they go.
        let sure = [
            (Doing::Silent, 30),
            (Doing::Idle, 50),
            (Doing::Saying, 90),
            (Doing::Silent, 20),
            (Doing::Answered, door.dwelling.as_millis() + 2),
        ];
        for (seat, (doing, millis)) in seats.iter().zip(&sure) {
            let mut seats = room.seats();
            let taken = seats.taken.get_mut(&seat.number).expect("it is taken");
            taken.doing = *doing;
            let ago = Duration::from_millis(u64::try_from(*millis).expect("small"));
            taken.since = came.checked_sub(ago).expect("the clock runs longer");
        }
        seats[5].does(Doing::Asked);
        for turn in 0..5 {
            assert_eq!(room.seats().show_out(&door, came + Duration::from_millis(1), None), Some(()));
            let gone: Vec<bool> = seats.iter().map(|seat| seat.shown_out.is_cancelled()).collect();
            assert_eq!(gone, (0..6).map(|seat| seat <= turn).collect::<Vec<bool>>());
        }
        assert_eq!(room.seats().show_out(&door, came + Duration::from_millis(1), None), None, "it is being answered");
    }

    #[test]
    fn of_questions_without_end_the_oldest_goes_when_all_are_too_long() {
        let room = empty();
        let [first, second, third] = ["127.0.0.1"; 3].map(|peer| sit(&room, &DOOR, peer).expect("a seat"));
        for seat in [&first, &second] {
            seat.does(Doing::Saying);
            seat.says(DOOR.most_said / 2);
        }
        assert!(!first.shown_out.is_cancelled(), "as much as may be");
        second.says(1);
        assert!(first.shown_out.is_cancelled() && !second.shown_out.is_cancelled());
        first.has_said(DOOR.most_said / 2);
        third.does(Doing::Saying);
        third.says(DOOR.most_said / 2 - 1);
        assert!(!second.shown_out.is_cancelled(), "what was dropped counts no more");
    }

    #[test]
    fn one_address_takes_its_share_and_this_machine_more() {
        let room = empty();
        let first = sit(&room, &DOOR, "203.0.113.7").expect("a seat");
        first.does(Doing::Asked);
        assert!(sit(&room, &DOOR, "203.0.113.7").is_none(), "its own seat is in use");
        first.does(Doing::Idle);
        let again = sit(&room, &DOOR, "203.0.113.7").expect("a seat");
        assert!(first.shown_out.is_cancelled(), "it has one seat and no more");
        again.does(Doing::Asked);
        let proxy = [sit(&room, &DOOR, "127.0.0.1"), sit(&room, &DOOR, "127.0.0.1")].map(|seat| seat.expect("a seat"));
        for seat in &proxy {
            seat.does(Doing::Asked);
        }
        assert!(sit(&room, &DOOR, "127.0.0.1").is_none(), "three in all");
        drop(again);
        assert!(sit(&room, &DOOR, "127.0.0.1").is_some());
    }

    #[test]
    fn a_network_has_one_share_and_a_named_proxy_none() {
        let room = empty();
        let door = Door { proxies: vec!["192.168.1.20".parse().expect("an address")], ..DOOR };
        let household = sit(&room, &door, "2001:db8:1:2::1").expect("a seat");
        household.does(Doing::Asked);
        assert!(sit(&room, &door, "2001:db8:1:2:ffff::9").is_none(), "2⁶⁴ addresses and one share");
        let proxy = [sit(&room, &door, "192.168.1.20"), sit(&room, &door, "::ffff:192.168.1.20")];
        assert!(proxy.iter().all(Option::is_some));
    }
}
