//! Deliveries changed by one byte, to show that none of them is believed.
//!
//! **Invariant:** a changed delivery is refused, or it means exactly what the genuine one meant. Anything else is
//! counted as accepted. Changed is only what the provider's scheme covers: everything where it signs the whole, the
//! signed places where it signs some, the token where it signs nothing.

use sha2::{Digest, Sha256};

use super::canonical::Said;
use super::check::{self, Played};
use super::folder::{self, Folder};
use super::proof;
use super::spec::{From, Meant, Places};
use super::ways::{Covered, Place, Proof};
use super::{Heard, Provider, Request};

/// What forging a provider's genuine vectors came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// The provider.
    pub provider: String,
    /// What its scheme covers: `whole`, `places` or `token`.
    pub covered: Vec<&'static str>,
    /// How many changed deliveries were played.
    pub cases: u64,
    /// How many of them were refused.
    pub refused: u64,
    /// How many meant exactly the same: a letter's case in hexadecimal, a place that nobody reads.
    pub same: u64,
    /// The others, each with its vector, place and byte; there should be none.
    pub accepted: Vec<String>,
}

/// A campaign over all providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgeries {
    /// By provider.
    pub forged: Vec<Forged>,
    /// A hash over every case and what came of it, so that two runs can be compared.
    pub hash: String,
}

/// The genuine deliveries that come with the program, for somebody else to change.
pub struct Genuines(Vec<(Provider, Vec<Genuine>)>);

/// A vector that is believed, with the bytes of it that may be changed.
struct Genuine {
    vector: String,
    played: Played,
    covered: &'static str,
    places: Vec<Spot>,
}

/// A byte that can be changed.
#[derive(Clone, Copy)]
enum Spot {
    Header(usize, usize),
    Target(usize),
    Body(usize),
}

/// How much oftener than any other byte one of the proof is changed.
const TWICE: usize = 2;

/// The longest body that is forged: what is long is as safe as what is short, and slower.
const LONGEST: usize = 8_192;

/// Plays this many changed deliveries, the same ones for the same seed, equally many of each provider.
pub fn forge(folders: &[Folder], seed: u64, cases: u64) -> Forgeries {
    let mut hash = Sha256::new();
    let mut chance = Chance(seed);
    let mut all: Vec<(Provider, Vec<Genuine>, Forged)> = Vec::new();
    for (provider, genuine) in Genuines::of(folders).0 {
        let mut covered: Vec<&'static str> = genuine.iter().map(|one| one.covered).collect();
        covered.sort_unstable();
        covered.dedup();
        let (name, accepted) = (provider.name().to_owned(), Vec::new());
        let forged = Forged { provider: name, covered, cases: 0, refused: 0, same: 0, accepted };
        all.push((provider, genuine, forged));
    }
    let turns = u64::try_from(all.len()).unwrap_or(1).max(1);
    for case in 0..cases {
        let Some((provider, genuine, forged)) = all.get_mut(usize::try_from(case % turns).unwrap_or(0)) else { break };
        let one = &genuine[chance.below(genuine.len())];
        let (request, what) = changed(one, &mut chance);
        let heard = provider.hear(&request, &one.played.secrets, one.played.now);
        forged.cases += 1;
        if matches!(heard, Heard::Refused(_)) {
            forged.refused += 1;
        } else if heard == one.played.heard {
            forged.same += 1;
        } else {
            forged.accepted.push(format!("case {case}: {}: {what}: {}", one.vector, heard.word()));
        }
        hash.update(format!("{}/{}/{what}={}\n", forged.provider, one.vector, heard.word()));
    }
    Forgeries { forged: all.into_iter().map(|(_, _, forged)| forged).collect(), hash: hex::encode(hash.finalize()) }
}

impl Genuines {
    /// Those of the providers that come with the program.
    pub fn embedded() -> Genuines {
        Genuines::of(&folder::embedded())
    }

    /// Those of these folders that can be changed where their scheme covers them.
    fn of(folders: &[Folder]) -> Genuines {
        let providers = folders.iter().filter_map(|folder| {
            let provider = Provider::parse(folder).ok()?;
            let genuine = genuine(&provider, folder);
            (!genuine.is_empty()).then_some((provider, genuine))
        });
        Genuines(providers.collect())
    }

    /// Plays one of them, chosen by its provider and its place, with some of the bytes that its scheme covers changed:
    /// each by its place among these bytes, and what is turned in it. What was believed of it; nothing when it was
    /// refused, or means the same as before.
    pub fn believed(&self, provider: usize, vector: usize, changes: &[(u16, u8)]) -> Option<String> {
        let (provider, genuine) = self.0.get(provider % self.0.len().max(1))?;
        let one = genuine.get(vector % genuine.len().max(1))?;
        let mut request = one.played.request.clone();
        for (at, turned) in changes {
            change(&mut request, one.places[usize::from(*at) % one.places.len()], |old| old ^ turned);
        }
        let heard = provider.hear(&request, &one.played.secrets, one.played.now);
        let is_right = matches!(heard, Heard::Refused(_)) || heard == one.played.heard;
        (!is_right).then(|| format!("{}/{}: {changes:?}: {heard:?}", provider.name(), one.vector))
    }
}

/// The vectors of a folder that are believed.
fn genuine(provider: &Provider, folder: &Folder) -> Vec<Genuine> {
    let names = folder.vectors.keys().filter_map(|file| file.strip_suffix(".http"));
    names
        .filter_map(|vector| {
            let played = check::hear(provider, folder, vector).ok()?;
            let is_believed = matches!(played.heard, Heard::Credits { .. } | Heard::Asks(_) | Heard::Test);
            if !is_believed || played.request.body.len() > LONGEST {
                return None;
            }
            let (covered, places) = covered(provider, &played)?;
            (!places.is_empty()).then(|| Genuine { vector: vector.to_owned(), played, covered, places })
        })
        .collect()
}

/// What the ways that proved this delivery cover, and where that stands in it.
fn covered(provider: &Provider, played: &Played) -> Option<(&'static str, Vec<Spot>)> {
    let spec = &provider.0.spec;
    let meant = spec.meant(&played.request)?;
    let ways = match meant {
        Meant::Credit => &spec.proof,
        Meant::Ask(ask) => &ask.proof,
    };
    let said = super::said(spec, &played.request)?;
    let counting = proof::counting(ways, &played.secrets);
    let mut spots = Vec::new();
    for way in counting.iter().flat_map(|way| way.parts()) {
        signature_spots(way, &said, &mut spots);
    }
    // The way that covers least decides: one that holds is enough.
    let least = counting.iter().map(|way| way.covers()).min()?;
    let read = match meant {
        Meant::Credit => spec.credit.reads(),
        Meant::Ask(ask) => ask.customer.iter().chain(&ask.service).flat_map(Places::iter).collect(),
    };
    match least {
        Covered::Nothing => Some(("token", spots)),
        Covered::Places(places) if spec.request.inside.is_none() && !read.iter().all(|at| places.contains(at)) => {
            for at in places {
                spots.extend(value_spots(&played.request.body, at).map(Spot::Body));
            }
            Some(("places", spots))
        }
        Covered::Places(_) | Covered::Whole => {
            spots.extend((0..played.request.body.len()).map(Spot::Body));
            if spec.request.from == From::Query {
                let target = &played.request.target;
                let begin = target.find('?').map_or(target.len(), |at| at + 1);
                spots.extend((begin..target.len()).map(Spot::Target));
            }
            // What a credit is made of is changed more often than what stands around it.
            for at in read {
                spots.extend(value_spots(&played.request.body, at).map(Spot::Body));
            }
            Some(("whole", spots))
        }
    }
}

/// The header bytes of a proof, and those of a signature inside the body, twice each.
fn signature_spots(way: &Proof, said: &Said, spots: &mut Vec<Spot>) {
    let header_of = |place: &'_ Place| place.header.clone().into_iter().collect::<Vec<String>>();
    let names: Vec<String> = match way {
        Proof::Hmac { signature, window, .. } => {
            header_of(signature).into_iter().chain(window.iter().map(|window| window.header.clone())).collect()
        }
        Proof::Digest { signature, .. } | Proof::Rsa { signature, .. } => header_of(signature),
        Proof::Bearer { header, .. } => vec![header.clone()],
        Proof::Basic { .. } | Proof::TokenWeIssue { .. } => vec!["authorization".to_owned()],
        Proof::CassoV2 { .. } => vec!["x-casso-signature".to_owned()],
        Proof::StandardWebhooks { .. } => {
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(str::to_owned).to_vec()
        }
        Proof::All { .. } => Vec::new(),
    };
    if let Proof::Hmac { signature, .. } | Proof::Digest { signature, .. } | Proof::Rsa { signature, .. } = way {
        for at in signature.pointer.iter().flat_map(Places::iter) {
            for _ in 0..TWICE {
                spots.extend(value_spots(&said.request.body, at).map(Spot::Body));
            }
        }
    }
    for (index, (name, value)) in said.request.headers.iter().enumerate() {
        if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            for _ in 0..TWICE {
                spots.extend((0..value.len()).map(|at| Spot::Header(index, at)));
            }
        }
    }
}

/// Where the value of a pointer's last step stands in a body: from after its colon to the next comma or brace.
fn value_spots(body: &[u8], pointer: &str) -> std::ops::Range<usize> {
    let step = format!("\"{}\":", pointer.rsplit('/').next().unwrap_or_default());
    let found = body.windows(step.len()).position(|window| window == step.as_bytes());
    let Some(begin) = found.map(|at| at + step.len()) else { return 0..0 };
    let length = body[begin..].iter().position(|byte| b",}".contains(byte)).unwrap_or(0);
    begin..begin + length
}

fn changed(one: &Genuine, chance: &mut Chance) -> (Request, String) {
    let mut request = one.played.request.clone();
    let spot = one.places[chance.below(one.places.len())];
    let byte = chance.next();
    let other =
        |old: u8| if byte & 256 == 0 { old ^ (1 << (byte & 7)) } else { old.wrapping_add(1 + (byte % 255) as u8) };
    let (place, mut now) = change(&mut request, spot, other);
    if let Spot::Target(at) = spot
        && request.target == one.played.request.target
    {
        now = if now == b'~' { b'!' } else { now + 1 };
        request.target.replace_range(at..=at, char::from(now).encode_utf8(&mut [0; 4]));
    }
    (request, format!("{place} is {now:#04x}"))
}

/// Changes one byte, and says where and into what.
fn change(request: &mut Request, spot: Spot, other: impl Fn(u8) -> u8) -> (String, u8) {
    match spot {
        Spot::Header(index, at) => {
            let value = &mut request.headers[index].1;
            value[at] = other(value[at]);
            (format!("header {index} byte {at}"), value[at])
        }
        Spot::Body(at) => {
            request.body[at] = other(request.body[at]);
            (format!("body byte {at}"), request.body[at])
        }
        Spot::Target(at) => {
            let mut target = std::mem::take(&mut request.target).into_bytes();
            // A target is visible ASCII, or HTTP itself refuses it.
            target[at] = b'!' + other(target[at]) % 94;
            let now = target[at];
            request.target = String::from_utf8_lossy(&target).into_owned();
            (format!("target byte {at}"), now)
        }
    }
}

/// Chance that is the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(1).max(1);
        usize::try_from(self.next() % count).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_delivery_changed_by_one_byte_means_anything_new() {
        let forgeries = forge(&folder::embedded(), 1, 2_000);
        let accepted: Vec<&String> = forgeries.forged.iter().flat_map(|forged| &forged.accepted).collect();
        assert_eq!(accepted, Vec::<&String>::new());
        for forged in &forgeries.forged {
            assert!(forged.cases >= 100 && forged.refused * 2 > forged.cases, "{forged:?}");
        }
        assert_eq!(forgeries.forged.len(), folder::embedded().len());
        assert_eq!(forge(&folder::embedded(), 1, 100), forge(&folder::embedded(), 1, 100));
    }

    #[test]
    fn somebody_else_may_change_several_bytes_and_none_of_it_is_believed() {
        let genuines = Genuines::embedded();
        let mut chance = Chance(1);
        let mut below = |most: u8| u8::try_from(chance.below(usize::from(most))).unwrap_or_default();
        for case in 0..2_000 {
            let changes: Vec<(u16, u8)> =
                (0..below(4)).map(|_| (u16::from(below(255)) * u16::from(below(255)), below(255) + 1)).collect();
            assert_eq!(genuines.believed(case, below(64).into(), &changes), None);
        }
        assert_eq!(genuines.0.len(), folder::embedded().len());
    }

    #[test]
    fn a_provider_that_signs_less_than_is_read_is_found_out() {
        let mut folders = folder::embedded();
        folders.retain(|folder| folder.name == "momo");
        let spec = String::from_utf8_lossy(&folders[0].spec).replace("&amount={/amount}", "");
        folders[0].spec = spec.into_bytes();
        assert!(forge(&folders, 1, 10).forged.is_empty(), "its genuine vectors are no longer believed");
    }
}
