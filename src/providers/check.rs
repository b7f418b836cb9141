//! Plays the vectors of provider folders: `NAME.http` is a request as received, `NAME.want` what must come of it.
//!
//! **Invariant:** a vector whose proof the engine does not reproduce can only be wanted as refused, so a published
//! sample with a wrong signature never becomes an accepted one.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::folder::Folder;
use super::spec::{Places, Spec};
use super::{Asked, Bill, Heard, Outcome, Provider, ReplyTo, Request, Secrets, ToldCredit};
use crate::money::Dong;
use crate::time::Moment;

/// The file that says what a message is made of.
const SPEC: &str = "provider.toml";

/// Vectors without which no provider is taken at its word.
const NEEDED: [&str; 4] = ["genuine", "forged", "outgoing", "told-twice"];

/// What playing the vectors found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The providers and how many vectors of each were played.
    pub played: Vec<(String, usize)>,
    /// Each as file, key, pointer and what was wanted and got.
    pub faults: Vec<String>,
}

/// A `.want` file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Want {
    /// Where the request comes from.
    #[serde(rename = "about")]
    _about: Option<String>,
    /// What time it is when it arrives.
    #[serde(default = "some_time")]
    now: String,
    /// The live secrets of the connection.
    secrets: BTreeMap<String, Vec<String>>,
    outcome: String,
    /// A part of the reason.
    reason: Option<String>,
    /// The vector that told of the same credits first.
    same_as: Option<String>,
    /// What became of it, where that is not what the request alone says: `paid_before`, `no_bill`, `nothing_due`.
    became: Option<Became>,
    /// The payer whose bill must be asked for.
    customer: Option<String>,
    /// The service whose bill must be asked for.
    service: Option<String>,
    /// The bill that is found.
    bill: Option<WantBill>,
    #[serde(default)]
    credits: Vec<BTreeMap<String, toml::Value>>,
    reply: WantReply,
}

/// An outcome that only the keeper of credits and bills knows.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Became {
    ToldBefore,
    PaidBefore,
    NoBill,
    NothingDue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantBill {
    id: String,
    name: String,
    amount: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantReply {
    status: u16,
    #[serde(default)]
    body: String,
}

/// Our number of the delivery in the answer to a vector.
const DELIVERY: &str = "dlv_test";

/// A vector as it was played.
pub struct Played {
    want: Want,
    /// The request of its `.http`.
    pub request: Request,
    /// The secrets of its `.want`.
    pub secrets: Secrets,
    /// When it arrives.
    pub now: Moment,
    /// What it means.
    pub heard: Heard,
}

fn some_time() -> String {
    "2026-11-22T08:14:02+07:00".to_owned()
}

/// Plays every vector of these folders.
pub fn check(folders: &[Folder]) -> Checked {
    let mut checked = Checked::default();
    if folders.is_empty() {
        checked.faults.push("there is no folder with a provider.toml".to_owned());
    }
    for folder in folders {
        let provider = match Provider::parse(folder) {
            Ok(provider) => provider,
            Err(refusal) => {
                checked.faults.push(refusal.en);
                continue;
            }
        };
        for needed in NEEDED {
            if !folder.vectors.contains_key(&format!("{needed}.http")) {
                checked.faults.push(format!("{}/vectors/{needed}.http: missing", folder.path));
            }
        }
        let mut played = 0;
        // What the folder is for comes first; what else is wrong may follow from that.
        let mut files: Vec<&String> = folder.vectors.keys().collect();
        files.sort_by_key(|file| !file.starts_with("genuine."));
        for file in files {
            let outcome = match file.rsplit_once('.') {
                Some((vector, "http")) => {
                    played += 1;
                    play(&provider, folder, vector)
                }
                Some((vector, _)) if !folder.vectors.contains_key(&format!("{vector}.http")) => {
                    Err(vec![format!("there is no {vector}.http beside it")])
                }
                _ => Ok(()),
            };
            let base = file.rsplit_once('.').map_or(file.as_str(), |(base, _)| base);
            for fault in outcome.err().unwrap_or_default() {
                checked.faults.push(format!("{}/vectors/{base}.want: {fault}", folder.path));
            }
        }
        checked.played.push((folder.name.clone(), played));
    }
    checked
}

/// Hears one vector.
///
/// Could anybody prove himself with these secrets? Those of the vectors stand in a folder that everybody may read.
pub(super) fn is_published(provider: &Provider, vectors: &BTreeMap<String, Vec<u8>>, secrets: &Secrets) -> bool {
    let wants = vectors.iter().filter(|(name, _)| name.rsplit_once('.').is_some_and(|(_, kind)| kind == "want"));
    let wants = wants.filter_map(|(_, text)| toml::from_str::<Want>(std::str::from_utf8(text).ok()?).ok());
    let known: Vec<(String, String)> = wants
        .flat_map(|want| want.secrets)
        .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
        .collect();
    let is_known = |name: &str| {
        let values = secrets.values(name);
        values.iter().any(|value| known.iter().any(|(key, text)| key == name && text == value.as_str()))
    };
    provider.secret_names().iter().any(|way| !way.is_empty() && way.iter().all(|name| is_known(name)))
}

/// # Errors
/// A file of it is missing or cannot be read.
pub fn hear(provider: &Provider, folder: &Folder, vector: &str) -> Result<Played, String> {
    let file = |extension| {
        let name = format!("{vector}.{extension}");
        folder.vectors.get(&name).ok_or_else(|| format!("there is no {name}"))
    };
    let want = std::str::from_utf8(file("want")?).map_err(|_| "not UTF-8")?;
    let want: Want = toml::from_str(want).map_err(|error| error.to_string())?;
    let request = Request::parse(file("http")?).map_err(|what| format!("{vector}.http: {what}"))?;
    let mut secrets = Secrets::new();
    for (name, values) in &want.secrets {
        if !provider.secret_names().iter().flatten().any(|known| known == name) {
            return Err(format!("secrets.{name}: the provider has no secret of this name"));
        }
        for value in values {
            secrets.add(name.as_str(), value.clone());
        }
    }
    let now = Moment::parse(&want.now).ok_or("now: not a time with a zone")?;
    let heard = provider.hear(&request, &secrets, now);
    Ok(Played { want, request, secrets, now, heard })
}

fn play(provider: &Provider, folder: &Folder, vector: &str) -> Result<(), Vec<String>> {
    let played = hear(provider, folder, vector).map_err(|fault| vec![fault])?;
    let (want, heard) = (&played.want, &played.heard);
    let mut faults = Vec::new();
    let mut differ = |key: &str, wanted: &str, got: &str| {
        if wanted != got {
            faults.push(format!("{key}: wanted {wanted:?}, got {got:?}"));
        }
    };
    let reason = heard.reason().unwrap_or_default();
    if want.outcome != heard.word() {
        differ("outcome", &want.outcome, &format!("{} ({reason})", heard.word()));
    }
    match &want.reason {
        Some(part) if reason.contains(part.as_str()) => {}
        Some(part) => differ("reason", part, &reason),
        None if matches!(heard, Heard::Credits { .. }) => differ("reason", "", &reason),
        None => {}
    }
    differ("credits", &format!("{} of them", want.credits.len()), &format!("{} of them", heard.lines().len()));
    for (index, (wanted, got)) in want.credits.iter().zip(heard.lines()).enumerate() {
        compare(&provider.0.spec, index, wanted, got, &mut differ);
    }
    if let Heard::Asks(Asked::Bill(asked)) = heard {
        differ("customer", want.customer.as_deref().unwrap_or_default(), &asked.customer);
        differ("service", want.service.as_deref().unwrap_or_default(), asked.service.as_deref().unwrap_or_default());
    }
    let reply = answered(provider, &played);
    differ("reply.status", &want.reply.status.to_string(), &reply.status.to_string());
    differ("reply.body", &want.reply.body, &reply.body);
    if let Some(first) = &want.same_as {
        let references = |heard: &Heard| {
            let all: Vec<&str> = heard.lines().iter().map(|line| line.told_reference.as_str()).collect();
            all.join(" ")
        };
        let told_first = hear(provider, folder, first).map_err(|fault| vec![format!("same_as: {fault}")])?;
        differ("same_as", &references(&told_first.heard), &references(heard));
    }
    if faults.is_empty() {
        return Ok(());
    }
    // Where the proof is right, what would be right is no news.
    if !matches!(heard, Heard::Refused(_)) || want.outcome == heard.word() {
        return Err(faults);
    }
    // A wrong message is the commonest reason; the secrets of vectors are for tests and known to everybody.
    let proofs = provider.explain(&played.request, &played.secrets, played.now);
    faults.extend(proofs.iter().map(|proof| format!("{SPEC}: proof: {proof}")));
    Err(faults)
}

/// The answer, once everything is known that the vector says.
fn answered(provider: &Provider, played: &Played) -> super::Reply {
    let want = &played.want;
    let outcome = match want.became {
        Some(Became::ToldBefore) => Outcome::ToldBefore,
        Some(Became::PaidBefore) => Outcome::PaidBefore,
        Some(Became::NoBill) => Outcome::NoBill,
        Some(Became::NothingDue) => Outcome::NothingDue,
        None if want.same_as.is_some() => Outcome::ToldBefore,
        None => played.heard.outcome(),
    };
    let bill = want.bill.as_ref();
    let bill = bill.map(|bill| Bill { id: bill.id.clone(), name: bill.name.clone(), amount: Dong::new(bill.amount) });
    let id = (!matches!(outcome, Outcome::Refused)).then_some(DELIVERY);
    let (request, secrets, now) = (&played.request, &played.secrets, played.now);
    provider.reply(outcome, &ReplyTo { request, secrets, now, id, bill: bill.as_ref() })
}

/// Compares one line, key by key; a key that is not wanted must be absent.
fn compare(
    spec: &Spec,
    index: usize,
    wanted: &BTreeMap<String, toml::Value>,
    got: &ToldCredit,
    differ: &mut impl FnMut(&str, &str, &str),
) {
    let got = keys(got);
    let absent = "(absent)".to_owned();
    let printed = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (key, value) in &got {
        let wanted = wanted.get(*key).map_or(absent.clone(), printed);
        let place = format!("credits[{index}].{key}: {}", pointer(spec, index, key));
        differ(&place, &wanted, value.as_ref().unwrap_or(&absent));
    }
    for key in wanted.keys().filter(|key| !got.iter().any(|(known, _)| known == key)) {
        differ(&format!("credits[{index}].{key}"), "a key of a credit", "none of this name");
    }
}

fn keys(told: &ToldCredit) -> [(&'static str, Option<String>); 15] {
    let payer = told.payer.clone().unwrap_or_default();
    [
        ("reference", Some(told.reference.clone())),
        ("told_reference", Some(told.told_reference.clone()).filter(|it| *it != told.reference)),
        ("bank_reference", told.bank_reference.clone().filter(|it| *it != told.reference)),
        ("order", told.order.clone()),
        ("account", Some(told.account.clone()).filter(|account| !account.is_empty())),
        ("sub_account", told.sub_account.clone()),
        ("bank_bin", told.bank_bin.clone()),
        ("amount", Some(told.amount.get().to_string())),
        ("memo", Some(told.memo.clone())),
        ("at", Some(told.at.rfc3339())),
        ("direction", Some(told.direction.word().to_owned())),
        ("balance", told.balance.map(|balance| balance.get().to_string())),
        ("payer_name", payer.name),
        ("payer_account", payer.account),
        ("payer_bank", payer.bank),
    ]
}

/// Where the file says that a key of a credit comes from.
fn pointer(spec: &Spec, index: usize, key: &str) -> String {
    let credit = &spec.credit;
    let each = credit.each.as_ref().map_or(String::new(), |each| format!("{}/{index}", each.first()));
    let at = match key {
        "reference" => Some(&credit.reference),
        "told_reference" => credit.told_by.first(),
        "bank_reference" => credit.bank_reference.as_ref(),
        "order" => credit.order.as_ref(),
        "account" => credit.account.first(),
        "sub_account" => credit.sub_account.as_ref(),
        "bank_bin" => credit.bank.as_ref().map(|bank| &bank.pointer),
        "amount" => Some(&credit.amount),
        "memo" => credit.memo.0.first(),
        "at" => Some(&credit.at.pointer),
        "direction" => credit.direction.as_ref().map(|word| &word.pointer),
        "balance" => credit.balance.as_ref(),
        "payer_name" => credit.payer.name.as_ref(),
        "payer_account" => credit.payer.account.as_ref(),
        "payer_bank" => credit.payer.bank.as_ref(),
        _ => None,
    };
    at.map_or_else(|| "(not declared)".to_owned(), |at: &Places| format!("{each}{}", at.first()))
}

#[cfg(test)]
mod tests {
    use super::super::{Providers, folder};
    use super::*;

    #[test]
    fn every_vector_of_every_provider_comes_out_as_wanted() {
        let checked = Providers::check(None).expect("the vectors");
        assert_eq!(checked.faults, Vec::<String>::new());
        let names: Vec<&str> = checked.played.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = [
            "acb",
            "bank-sim",
            "bidv",
            "bvbank",
            "casso",
            "casso-v2",
            "generic-hmac",
            "momo",
            "pay2s",
            "payos",
            "sepay",
            "sepay-gateway",
            "tingee",
            "vietinbank",
            "vietqr-vn",
            "vnpay",
            "zalopay",
        ];
        assert_eq!(names, wanted);
        assert!(checked.played.iter().map(|(_, played)| played).sum::<usize>() >= 600, "{:?}", checked.played);
    }

    #[test]
    fn every_provider_has_a_genuine_a_forged_an_outgoing_and_a_told_twice_vector() {
        for folder in folder::embedded() {
            for name in ["genuine", "forged", "outgoing", "told-twice"] {
                for extension in ["http", "want"] {
                    let file = format!("{name}.{extension}");
                    assert!(folder.vectors.contains_key(&file), "{}/vectors/{file} is missing", folder.path);
                }
            }
        }
    }

    #[test]
    fn a_wrong_want_is_named_by_file_key_and_pointer() {
        let mut folders = folder::embedded();
        let sepay = folders.iter_mut().find(|folder| folder.name == "sepay").expect("sepay");
        let want = sepay.vectors.get_mut("genuine.want").expect("a vector");
        *want = String::from_utf8_lossy(want).replace("amount = 1250000", "amount = 1").into_bytes();
        sepay.vectors.remove("outgoing.http");
        let faults = check(&folders).faults;
        assert!(
            faults.contains(
                &"providers/sepay/vectors/genuine.want: credits[0].amount: /transferAmount: wanted \"1\", got \"1250000\""
                    .to_owned()
            )
        );
        assert!(faults.contains(&"providers/sepay/vectors/outgoing.http: missing".to_owned()), "{faults:?}");
    }
}
