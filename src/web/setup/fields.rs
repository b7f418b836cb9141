//! The fields of a set-up form, and the lines of the set-up table that they make.

use crate::access::Role;
use crate::fault::{Kind, Refusal};
use crate::roll::setup::{Line, LineKind};
use crate::roll::{Authority, LEVELS};
use crate::vietqr::banks;
use crate::web::form::typed;
use crate::web::frame::Frame;
use crate::web::words::{SetupWords, Words};

/// What came with the form.
pub(in crate::web) type Typed = Vec<(String, String)>;

/// Most characters of one field.
const MOST: usize = 200;
/// Whom a school begins with.
const PEOPLE_OF_A_SCHOOL: [(Role, &str, &str); 2] =
    [(Role::Accountant, "accountant_name", "accountant_login"), (Role::Head, "head_name", "head_login")];
const SUPERVISOR: (Role, &str, &str) = (Role::Supervisor, "supervisor_name", "supervisor_login");
/// What may be left empty.
const FREE: [&str; 2] = ["school_address", "school_phone"];
const OF_SCHOOL: [&str; 13] = [
    "school_code",
    "school_name",
    "school_level",
    "school_ownership",
    "school_address",
    "school_phone",
    "account_bank",
    "account_number",
    "account_holder",
    "accountant_name",
    "accountant_login",
    "head_name",
    "head_login",
];
const OF_FIRST_DAY: [&str; 5] =
    ["authority_code", "authority_name", "authority_level", "supervisor_name", "supervisor_login"];

/// Fields under one heading.
pub(in crate::web) struct Group {
    pub(in crate::web) legend: &'static str,
    pub(in crate::web) help: &'static str,
    pub(in crate::web) fields: Vec<Field>,
}

/// A field with what was typed and what is wrong with it.
pub(in crate::web) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) help: &'static str,
    pub(super) value: String,
    pub(super) said: String,
    pub(super) choices: Option<Vec<(String, String)>>,
    pub(super) is_needed: bool,
    pub(super) is_code: bool,
}

impl Field {
    /// The ids of what describes it.
    pub(super) fn described(&self) -> Option<String> {
        let said = (!self.said.is_empty()).then(|| format!("{}-said", self.name));
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.name));
        let ids: Vec<String> = said.into_iter().chain(help).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// Makes fields out of what was typed.
struct Maker<'a> {
    typed: &'a Typed,
    frame: &'a Frame,
}

impl Maker<'_> {
    fn text(&self, name: &'static str, label: &'static str, help: &'static str) -> Field {
        Field {
            value: typed(self.typed, name),
            said: self.frame.said_at(name).unwrap_or_default().to_owned(),
            choices: None,
            is_needed: !FREE.contains(&name),
            is_code: name.ends_with("_login") || name.ends_with("_code") || name.ends_with("_number"),
            name,
            label,
            help,
        }
    }

    fn choice(&self, name: &'static str, label: &'static str, choices: Vec<(String, String)>) -> Field {
        Field { choices: Some(choices), ..self.text(name, label, "") }
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(value, label)| (value.to_owned(), label.to_owned())).into()
}

/// The whole form of the first day.
pub(in crate::web) fn first_day(words: &'static Words, typed: &Typed, frame: &Frame) -> Vec<Group> {
    let w = &words.setup;
    let make = Maker { typed, frame };
    let kinds = pairs([("ward", w.ward), ("commune", w.commune), ("doet", w.doet)]);
    let authority = Group {
        legend: w.authority,
        help: w.authority_help,
        fields: vec![
            make.text("authority_code", w.authority_code, ""),
            make.text("authority_name", w.authority_name, ""),
            make.choice("authority_level", w.authority_level, kinds),
        ],
    };
    let mut people = people(&make, w, w.login_help);
    people.fields.push(make.text(SUPERVISOR.1, w.supervisor_name, ""));
    people.fields.push(make.text(SUPERVISOR.2, w.supervisor_login, w.login_help));
    vec![authority, school(&make, words), account(&make, w), people]
}

/// The form of one more school, below one of these authorities.
pub(in crate::web) fn of_school(
    words: &'static Words,
    typed: &Typed,
    frame: &Frame,
    authorities: &[Authority],
) -> Vec<Group> {
    let w = &words.setup;
    let make = Maker { typed, frame };
    let mut school = school(&make, words);
    if authorities.len() > 1 {
        let choices = authorities.iter().map(|one| (one.code.clone(), one.name.clone())).collect();
        school.fields.insert(0, make.choice("under", w.under, choices));
    }
    vec![school, account(&make, w), people(&make, w, w.known_login_help)]
}

fn school(make: &Maker<'_>, words: &'static Words) -> Group {
    let w = &words.setup;
    let mut levels = pairs([("", w.choose_level)]);
    levels.extend(LEVELS.iter().map(|level| ((*level).to_owned(), (words.desk.level)(level).to_owned())));
    let ownerships = pairs([("public", w.public), ("community", w.community), ("private", w.private)]);
    Group {
        legend: w.school,
        help: "",
        fields: vec![
            make.text("school_code", w.school_code, w.school_code_help),
            make.text("school_name", w.school_name, ""),
            make.choice("school_level", w.school_level, levels),
            make.choice("school_ownership", w.ownership, ownerships),
            make.text("school_address", w.address, ""),
            make.text("school_phone", w.phone, w.phone_help),
        ],
    }
}

fn account(make: &Maker<'_>, w: &'static SetupWords) -> Group {
    let mut named: Vec<(String, String)> = banks::all()
        .iter()
        .filter(|bank| bank.can_receive())
        .map(|bank| (bank.bin.clone(), format!("{} ({})", bank.short_name, bank.bin)))
        .collect();
    named.sort_by_key(|(_, label)| label.to_lowercase());
    named.insert(0, (String::new(), w.choose_bank.to_owned()));
    Group {
        legend: w.account,
        help: w.account_help,
        fields: vec![
            make.choice("account_bank", w.bank, named),
            make.text("account_number", w.number, ""),
            make.text("account_holder", w.holder, w.holder_help),
        ],
    }
}

fn people(make: &Maker<'_>, w: &'static SetupWords, login_help: &'static str) -> Group {
    Group {
        legend: w.people,
        help: w.people_help,
        fields: vec![
            make.text("accountant_name", w.accountant_name, ""),
            make.text("accountant_login", w.accountant_login, login_help),
            make.text("head_name", w.head_name, ""),
            make.text("head_login", w.head_login, w.login_help),
        ],
    }
}

/// The sentence above a form in which fields are wrong.
pub(super) fn has_gaps() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "form-has-gaps",
        "Có ô chưa điền hoặc chưa đúng, nên chưa lưu gì cả. Xin sửa các ô được đánh dấu.",
        "Some fields are empty or wrong, so nothing was stored. Please mend the marked ones.",
    )
}

/// Empty and endless fields, and one sign-in name for two people, before the rooms are asked.
///
/// # Errors
/// The refusal names the fields.
pub(in crate::web) fn check(fields: &Typed, is_first_day: bool) -> Result<(), Refusal> {
    let first: &[&str] = if is_first_day { &OF_FIRST_DAY } else { &[] };
    let mut refusal = has_gaps();
    for name in OF_SCHOOL.iter().chain(first) {
        let value = typed(fields, name);
        if value.is_empty() && !FREE.contains(name) {
            refusal = refusal.at(*name, "Hãy điền ô này.", "Please fill this in.");
        } else if value.chars().count() > MOST {
            refusal = refusal.at(*name, "Dài quá 200 ký tự.", "This is longer than 200 characters.");
        }
    }
    let mut logins: Vec<String> = Vec::new();
    for (_, _, name) in PEOPLE_OF_A_SCHOOL.iter().chain([&SUPERVISOR]) {
        let login = typed(fields, name).to_lowercase();
        if !login.is_empty() && logins.contains(&login) {
            refusal = refusal.at(*name, "Hai người phải có hai tên đăng nhập.", "Two people need two sign-in names.");
        }
        logins.push(login);
    }
    if refusal.places.is_empty() { Ok(()) } else { Err(refusal) }
}

/// The lines of a set-up table; `under` is the authority that is here already.
pub(in crate::web) fn lines(fields: &Typed, under: Option<&str>) -> Vec<Line> {
    let text = |name: &str| typed(fields, name);
    let (school, authority) = (text("school_code"), under.map_or_else(|| text("authority_code"), str::to_owned));
    let person = |(role, name, login): &(Role, &str, &str), under: &str| Line {
        cell: (*login).to_owned(),
        kind: LineKind::Person(*role),
        name: text(name),
        under: under.to_owned(),
        login: text(login).to_lowercase(),
        ..Line::default()
    };
    let mut lines = Vec::new();
    if under.is_none() {
        lines.push(Line {
            cell: "authority_code".to_owned(),
            kind: LineKind::Authority,
            code: authority.clone(),
            name: text("authority_name"),
            level: text("authority_level"),
            ..Line::default()
        });
    }
    lines.push(Line {
        cell: "school_code".to_owned(),
        kind: LineKind::School,
        code: school.clone(),
        name: text("school_name"),
        under: authority.clone(),
        level: text("school_level"),
        ownership: text("school_ownership"),
        address: text("school_address"),
        phone: text("school_phone"),
        ..Line::default()
    });
    lines.push(Line {
        cell: "account_number".to_owned(),
        kind: LineKind::Account,
        name: text("account_holder"),
        under: school.clone(),
        bank: text("account_bank"),
        number: text("account_number"),
        ..Line::default()
    });
    lines.extend(PEOPLE_OF_A_SCHOOL.iter().map(|one| person(one, &school)));
    if under.is_none() {
        lines.push(person(&SUPERVISOR, &authority));
    }
    lines
}
