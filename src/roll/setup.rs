//! The first day: authorities, schools, receiving accounts and the first people, from one table or a few flags.
//!
//! **Invariants:** the table is judged whole and written whole or not at all; sending it again changes nothing; an
//! account that stands at another school is refused; nobody's password is changed; [`add_school`] changes nothing that
//! was there before.

use std::collections::{HashMap, HashSet};

use crate::access::{self, Deed, Grant, NewPerson, Newcomer, Place, Role};
use crate::fault::{Error, Kind, Refusal, Result};
use crate::ids;
use crate::store::{Store, Tx, args, transact};
use crate::time::{Clock, Day, Moment};
use crate::vietqr::banks;

use super::header::{self, Header, Names, normal};
use super::sheet::{self, Row};
use super::{Authority, CellProblem, LEVELS, ReceivingAccount, School, refused_cells, sql};

/// One line of a set-up table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Where it stands, for its problems: `A7`.
    pub cell: String,
    /// What it sets up.
    pub kind: LineKind,
    /// The code of an authority or a school.
    pub code: String,
    /// The name; of an account, its holder.
    pub name: String,
    /// The code of the authority or school it belongs to.
    pub under: String,
    /// A school's level; an authority's kind (`doet`, `ward`, `commune`).
    pub level: String,
    /// `public`, `community` or `private`.
    pub ownership: String,
    /// Address of a school.
    pub address: String,
    /// Telephone of a school.
    pub phone: String,
    /// Mã ĐVQHNS.
    pub budget_code: String,
    /// Electronic id in the QR.
    pub merchant_id: String,
    /// ISO 18245.
    pub mcc: String,
    /// City in the QR.
    pub city: String,
    /// `hanoi` or `southern`.
    pub reading: String,
    /// The bank's BIN.
    pub bank: String,
    /// The account's number.
    pub number: String,
    /// What a person signs in with.
    pub login: String,
    /// Their first password; one is made when it is empty.
    pub password: String,
}

/// What a line sets up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineKind {
    /// An authority.
    #[default]
    Authority,
    /// A school.
    School,
    /// A receiving account.
    Account,
    /// A person with this role.
    Person(Role),
}

/// What was set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// New or changed authorities, schools and accounts.
    pub written: usize,
    /// What was there exactly so.
    pub unchanged: usize,
    /// People who are new: login, role, and the password when it was made here. It is told this once.
    pub people: Vec<(String, Role, Option<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Kind,
    Code,
    Name,
    Under,
    Level,
    Ownership,
    Address,
    Phone,
    BudgetCode,
    MerchantId,
    Mcc,
    City,
    Reading,
    Bank,
    Number,
    Login,
    Password,
}

const NAMES: &Names<Field> = &[
    (Field::Kind, &["kind", "loai"]),
    (Field::Code, &["code", "ma"]),
    (Field::Name, &["name", "ten"]),
    (Field::Under, &["under", "thuoc", "truc thuoc"]),
    (Field::Level, &["level", "cap", "cap hoc"]),
    (Field::Ownership, &["ownership", "loai hinh"]),
    (Field::Address, &["address", "dia chi"]),
    (Field::Phone, &["phone", "dien thoai"]),
    (Field::BudgetCode, &["budget code", "ma dvqhns", "ma qhns"]),
    (Field::MerchantId, &["merchant id", "ma dinh danh dien tu"]),
    (Field::Mcc, &["mcc"]),
    (Field::City, &["city", "thanh pho", "tinh thanh"]),
    (Field::Reading, &["reading", "cach doc so"]),
    (Field::Bank, &["bank", "ngan hang", "bin"]),
    (Field::Number, &["number", "so tai khoan", "account"]),
    (Field::Login, &["login", "ten dang nhap"]),
    (Field::Password, &["password", "mat khau"]),
];

const KINDS: &[(LineKind, &[&str])] = &[
    (LineKind::Authority, &["authority", "co quan", "co quan quan ly"]),
    (LineKind::School, &["school", "truong"]),
    (LineKind::Account, &["account", "tai khoan"]),
    (LineKind::Person(Role::Accountant), &["accountant", "ke toan"]),
    (LineKind::Person(Role::Head), &["head", "hieu truong"]),
    (LineKind::Person(Role::Supervisor), &["supervisor", "giam sat"]),
];

const LEVEL_NAMES: [(&str, &str); 5] = [
    ("mam non", "preschool"),
    ("tieu hoc", "primary"),
    ("thcs", "lower_secondary"),
    ("thpt", "upper_secondary"),
    ("gdtx", "continuing"),
];
const OWNERSHIP_NAMES: [(&str, &str); 3] = [("cong lap", "public"), ("dan lap", "community"), ("tu thuc", "private")];

/// Reads a set-up table.
///
/// # Errors
/// A file that is no table, one without the columns `kind` and `name`, or wrong cells, which are listed.
pub fn read(bytes: &[u8], filename: &str) -> Result<Vec<Line>> {
    let sheets = sheet::read(bytes, filename)?;
    let enough = |header: &Header<Field>| header.column(Field::Kind).is_some() && header.column(Field::Name).is_some();
    let found = sheets.iter().find_map(|sheet| header::find(sheet, NAMES, enough).map(|header| (sheet, header)));
    let Some((sheet, header)) = found else {
        return Err(Refusal::new(
            Kind::Meaning,
            "no-header",
            "Không tìm thấy dòng tiêu đề: tệp cần cột \"kind\" (loại) và \"name\" (tên).",
            "No header was found: the file needs the columns \"kind\" and \"name\".",
        )
        .into());
    };
    let mut problems = Vec::new();
    let lines = sheet.rows[header.at + 1..].iter().filter_map(|row| line(row, &header, &mut problems)).collect();
    if problems.is_empty() { Ok(lines) } else { Err(refused_cells(&problems).into()) }
}

fn line(row: &Row, header: &Header<Field>, problems: &mut Vec<CellProblem>) -> Option<Line> {
    let text = |field: Field| header.text(row, field).to_owned();
    let cell = row.address(header.column(Field::Kind).unwrap_or_default());
    let word = normal(header.text(row, Field::Kind));
    let Some((kind, _)) = KINDS.iter().find(|(_, names)| names.contains(&word.as_str())) else {
        let listed = "authority | school | account | accountant | head | supervisor".to_owned();
        problems
            .push(CellProblem::new(cell, "Loại dòng chưa rõ.", "This kind of line is not known.").suggesting(listed));
        return None;
    };
    Some(Line {
        cell,
        kind: *kind,
        code: text(Field::Code),
        name: text(Field::Name),
        under: text(Field::Under),
        level: text(Field::Level),
        ownership: text(Field::Ownership),
        address: text(Field::Address),
        phone: text(Field::Phone),
        budget_code: text(Field::BudgetCode),
        merchant_id: text(Field::MerchantId),
        mcc: text(Field::Mcc),
        city: text(Field::City),
        reading: text(Field::Reading),
        bank: text(Field::Bank),
        number: text(Field::Number),
        login: text(Field::Login),
        password: text(Field::Password),
    })
}

/// Sets up what the lines say.
///
/// # Errors
/// Lines that contradict themselves or the store: nothing is written, and the lines are listed.
pub async fn setup(store: &Store, clock: &Clock, lines: &[Line]) -> Result<Done> {
    write(store, clock, lines, By { actor: "system", only_new: false }).await
}

/// Adds a school with its account and its first people for somebody who is signed in; what is there already is refused
/// and stays as it is. People who work here already are given the role at the new school.
///
/// # Errors
/// As [`setup`]; and a school or an account that is there already, at the place of its line.
pub async fn add_school(store: &Store, clock: &Clock, lines: &[Line], actor: &str) -> Result<Done> {
    write(store, clock, lines, By { actor, only_new: true }).await
}

/// Who sets up, and may they change what was there before?
#[derive(Debug, Clone, Copy)]
struct By<'a> {
    actor: &'a str,
    only_new: bool,
}

async fn write(store: &Store, clock: &Clock, lines: &[Line], by: By<'_>) -> Result<Done> {
    let now = clock.now();
    let lines: Vec<Line> = lines.iter().cloned().map(Line::completed).collect();
    let problems = judge(store, &lines).await?;
    if !problems.is_empty() {
        return Err(refused_cells(&problems).into());
    }
    let newcomers = newcomers(store, &lines).await?;
    transact!(store, |tx| async {
        let mut done = write_in(tx, &lines, now, by).await?;
        for (line, newcomer) in lines.iter().zip(&newcomers) {
            if let LineKind::Person(role) = line.kind {
                let new = let_in(tx, line, role, newcomer.as_ref(), now, by).await?;
                done.unchanged += usize::from(new.is_none());
                done.people.extend(new);
            }
        }
        Ok(done)
    }
    .await)
}

impl Line {
    /// Words of the file become stored words; what is usual need not be said.
    fn completed(mut self) -> Line {
        let spoken = |text: &str, names: &[(&str, &str)], otherwise: &str| {
            let word = normal(text);
            let known = names.iter().find(|(name, _)| *name == word).map(|(_, stored)| (*stored).to_owned());
            known.unwrap_or_else(|| if word.is_empty() { otherwise.to_owned() } else { word.replace(' ', "_") })
        };
        if self.kind == LineKind::School {
            self.level = spoken(&self.level, &LEVEL_NAMES, "primary");
            self.ownership = spoken(&self.ownership, &OWNERSHIP_NAMES, "public");
            self.reading = spoken(&self.reading, &[("ha noi", "hanoi"), ("mien nam", "southern")], "hanoi");
        }
        if self.kind == LineKind::Authority && self.level.is_empty() {
            "ward".clone_into(&mut self.level);
        }
        self.bank.retain(|letter| !letter.is_whitespace());
        self.number.retain(|letter| !letter.is_whitespace());
        self
    }

    fn problem(&self, known: &HashSet<(bool, String)>) -> Option<(String, String)> {
        let said = |vi: &str, en: &str| Some((vi.to_owned(), en.to_owned()));
        let needs_code = matches!(self.kind, LineKind::Authority | LineKind::School);
        if needs_code && self.code.is_empty() || self.name.is_empty() {
            return said("Thiếu mã hoặc tên.", "The code or the name is missing.");
        }
        let under_authority =
            matches!(self.kind, LineKind::Authority | LineKind::School | LineKind::Person(Role::Supervisor));
        let may_stand_alone = self.kind == LineKind::Authority && self.under.is_empty();
        if !may_stand_alone && !known.contains(&(under_authority, self.under.clone())) {
            let vi = format!("Cột \"under\" cần mã của một {}.", if under_authority { "cơ quan" } else { "trường" });
            let en = if under_authority { "an authority" } else { "a school" };
            return Some((vi, format!("\"under\" must be the code of {en}.")));
        }
        match self.kind {
            LineKind::School if !LEVELS.contains(&self.level.as_str()) => {
                said("Cấp học chưa rõ.", "This level is not known.")
            }
            LineKind::School if !["public", "community", "private"].contains(&self.ownership.as_str()) => {
                said("Loại hình chưa rõ.", "This ownership is not known.")
            }
            LineKind::School if !["hanoi", "southern"].contains(&self.reading.as_str()) => {
                said("Cách đọc số phải là hanoi hoặc southern.", "The reading is hanoi or southern.")
            }
            LineKind::Account if !banks::find(&self.bank).is_some_and(banks::Bank::can_receive) => {
                said("Mã BIN ngân hàng không nhận được chuyển khoản VietQR.", "No bank of this BIN receives by VietQR.")
            }
            LineKind::Account if !is_account_number(&self.number) => {
                said("Số tài khoản phải có 6 đến 19 chữ số hoặc chữ cái.", "An account has 6 to 19 digits or letters.")
            }
            LineKind::Person(_) if !is_login(&self.login) => said(
                "Tên đăng nhập gồm 3 đến 64 chữ không dấu, số, dấu chấm, gạch hoặc @.",
                "A sign-in name has 3 to 64 ASCII letters, digits, dots, dashes or @.",
            ),
            LineKind::Person(_) if !self.password.is_empty() && self.password.chars().count() < 10 => {
                said("Mật khẩu phải có ít nhất 10 ký tự.", "A password has at least 10 characters.")
            }
            _ => None,
        }
    }
}

/// As `access` will judge it; said here so that nothing is written before a line is found wrong.
fn is_login(login: &str) -> bool {
    (3..=64).contains(&login.len())
        && login.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"._-@".contains(&letter))
}

fn is_account_number(number: &str) -> bool {
    (6..=19).contains(&number.len()) && number.bytes().all(|letter| letter.is_ascii_alphanumeric())
}

async fn judge(store: &Store, lines: &[Line]) -> Result<Vec<CellProblem>> {
    let mut known: HashSet<(bool, String)> = HashSet::new();
    let authorities: Vec<Authority> = store.all(&sql::AUTHORITIES, args![]).await?;
    known.extend(authorities.into_iter().map(|authority| (true, authority.code)));
    known.extend(super::schools(store).await?.into_iter().map(|school| (false, school.code)));
    let mut problems = Vec::new();
    for line in lines {
        if let Some((vi, en)) = line.problem(&known) {
            problems.push(CellProblem::new(line.cell.clone(), &vi, &en));
        }
        match line.kind {
            LineKind::Authority => known.insert((true, line.code.clone())),
            LineKind::School => known.insert((false, line.code.clone())),
            LineKind::Account | LineKind::Person(_) => false,
        };
    }
    Ok(problems)
}

async fn write_in(tx: &mut Tx, lines: &[Line], now: Moment, by: By<'_>) -> Result<Done> {
    let mut done = Done::default();
    let mut authorities: HashMap<String, String> = HashMap::new();
    for authority in tx.all::<Authority>(&sql::AUTHORITIES, args![]).await? {
        authorities.insert(authority.code, authority.id);
    }
    for line in lines {
        let written = match line.kind {
            LineKind::Authority => authority_in(tx, line, &mut authorities, now.day()).await?,
            LineKind::School => school_in(tx, line, &authorities, now, by).await?,
            LineKind::Account => account_in(tx, line, now, by).await?,
            LineKind::Person(_) => continue,
        };
        done.written += usize::from(written);
        done.unchanged += usize::from(!written);
    }
    Ok(done)
}

async fn authority_in(tx: &mut Tx, line: &Line, ids_by_code: &mut HashMap<String, String>, today: Day) -> Result<bool> {
    let known: Option<Authority> = tx.optional(&sql::AUTHORITY_BY_CODE, args![&line.code]).await?;
    let as_said = known.as_ref().is_some_and(|known| known.name == line.name && known.kind == line.level);
    let id = known.map_or_else(|| ids::new_id("aut"), |known| known.id);
    if !as_said {
        tx.run(&sql::SET_AUTHORITY, args![&id, &line.code, &line.name, &line.level]).await?;
    }
    ids_by_code.insert(line.code.clone(), id.clone());
    let Some(parent) = ids_by_code.get(&line.under) else { return Ok(!as_said) };
    let parents: Vec<String> = tx.all(&sql::PARENTS_OF, args![&id, today]).await?;
    if parents.contains(parent) {
        return Ok(!as_said);
    }
    tx.run(&sql::END_PARENT, args![&id, today.plus_days(-1)]).await?;
    tx.run(&sql::SET_PARENT, args![&id, parent, today]).await?;
    Ok(true)
}

async fn school_in(
    tx: &mut Tx,
    line: &Line,
    authorities: &HashMap<String, String>,
    now: Moment,
    by: By<'_>,
) -> Result<bool> {
    let known: Option<School> = tx.optional(&sql::SCHOOL_BY_CODE, args![&line.code]).await?;
    if by.only_new && known.is_some() {
        return Err(there_already("school-exists", line, "Mã trường này đã có.", "A school has this code.").into());
    }
    let stated = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let school = School {
        id: known.as_ref().map_or_else(|| ids::new_id("sch"), |known| known.id.clone()),
        code: line.code.clone(),
        name: line.name.clone(),
        level: line.level.clone(),
        ownership: line.ownership.clone(),
        address: line.address.clone(),
        phone: line.phone.clone(),
        budget_code: stated(&line.budget_code),
        merchant_id: stated(&line.merchant_id),
        mcc: stated(&line.mcc),
        city: stated(&line.city),
        reading: line.reading.clone(),
    };
    let as_said = known.as_ref() == Some(&school);
    if !as_said {
        let row = args![
            &school.id,
            &school.code,
            &school.name,
            &school.level,
            &school.ownership,
            &school.address,
            &school.phone,
            &school.budget_code,
            &school.merchant_id,
            &school.mcc,
            &school.city,
            &school.reading,
            now
        ];
        tx.run(&sql::SET_SCHOOL, row).await?;
        // What the operator sets up at the machine is no deed of a person; what a supervisor adds is.
        if by.only_new {
            let school_id = Some(school.id.as_str());
            let deed = Deed { actor: by.actor, action: "school.set_up", about: &school.id, school_id, detail: "" };
            access::trail_in(tx, now, &deed).await?;
        }
    }
    let Some(authority) = authorities.get(&line.under) else { return Ok(!as_said) };
    let over: Vec<String> = tx.all(&sql::SUPERVISORS_OF, args![&school.id, now.day()]).await?;
    if over.contains(authority) {
        return Ok(!as_said);
    }
    tx.run(&sql::END_SUPERVISION, args![&school.id, now.day().plus_days(-1)]).await?;
    tx.run(&sql::SET_SUPERVISION, args![&school.id, authority, now.day()]).await?;
    Ok(true)
}

async fn account_in(tx: &mut Tx, line: &Line, now: Moment, by: By<'_>) -> Result<bool> {
    let school: School = tx.one(&sql::SCHOOL_BY_CODE, args![&line.under]).await?;
    let known: Option<ReceivingAccount> = tx.optional(&sql::ACCOUNT_BY_NUMBER, args![&line.bank, &line.number]).await?;
    match known {
        Some(_) if by.only_new => {
            let (vi, en) = ("Tài khoản này đã được khai báo.", "This account is known here already.");
            Err(there_already("account-exists", line, vi, en).into())
        }
        Some(known) if known.school_id == school.id => Ok(false),
        Some(_) => Err(Refusal::new(
            Kind::Conflict,
            "account-elsewhere",
            "Tài khoản nhận tiền này đang thuộc một trường khác.",
            "This receiving account stands at another school.",
        )
        .into()),
        None => {
            let row = args![ids::new_id("acc"), &school.id, &line.bank, &line.number, &line.name, now];
            tx.run(&sql::ADD_ACCOUNT, row).await?;
            Ok(true)
        }
    }
}

fn there_already(code: &'static str, line: &Line, vi: &str, en: &str) -> Refusal {
    Refusal::new(Kind::Conflict, code, vi, en).at(line.cell.clone(), vi, en)
}

/// Who has to be let in, line by line: none for a line that is no person, or one who is in already.
async fn newcomers(store: &Store, lines: &[Line]) -> Result<Vec<Option<(Newcomer, Option<String>)>>> {
    let mut newcomers = Vec::with_capacity(lines.len());
    for line in lines {
        let is_person = matches!(line.kind, LineKind::Person(_));
        if !is_person || access::person_by_login(store, &line.login).await?.is_some() {
            newcomers.push(None);
            continue;
        }
        let made = if line.password.is_empty() { Some(ids::new_token()?[..16].to_owned()) } else { None };
        let password = made.as_deref().unwrap_or(&line.password);
        let new = NewPerson { login: &line.login, name: &line.name, password, language: "vi", grants: &[] };
        newcomers.push(Some((access::newcomer(&new).await?, made)));
    }
    Ok(newcomers)
}

/// Lets a person in, or sees that they hold the role already. The login and password of who is new.
async fn let_in(
    tx: &mut Tx,
    line: &Line,
    role: Role,
    newcomer: Option<&(Newcomer, Option<String>)>,
    now: Moment,
    by: By<'_>,
) -> Result<Option<(String, Role, Option<String>)>> {
    let place = if role == Role::Supervisor {
        let found: Option<Authority> = tx.optional(&sql::AUTHORITY_BY_CODE, args![&line.under]).await?;
        found.map(|authority| Place::Authority(authority.id))
    } else {
        let found: Option<School> = tx.optional(&sql::SCHOOL_BY_CODE, args![&line.under]).await?;
        found.map(|school| Place::School(school.id))
    };
    let grant = Grant { role, place: place.ok_or_else(Refusal::absent)? };
    if let Some(person) = access::person_by_login_in(tx, &line.login).await? {
        access::grant_missing_in(tx, now, &person.id, &grant, by.actor).await?;
        return Ok(None);
    }
    let (newcomer, made) = newcomer.ok_or(Error::Contended)?;
    access::add_person_in(tx, now, newcomer, &[grant], by.actor).await?;
    Ok(Some((line.login.clone(), role, made.clone())))
}
