//! People and what they may do where.

use crate::fault::{Kind, Refusal, Result};
use crate::ids;
use crate::store::{Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};

use super::{Deed, password, sql, trail_in};

/// Fewest characters of a password; length is what keeps it from being guessed.
const PASSWORD_LEAST: usize = 10;
/// Most bytes of a password, so that nobody has us hash a book.
const PASSWORD_MOST: usize = 512;

record! {
    /// Somebody who signs in.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Person {
        /// `per_…`
        pub id: String,
        /// What they sign in with, lower case.
        pub login: String,
        /// How they are addressed.
        pub name: String,
        /// `vi` or `en`.
        pub language: String,
    }
}

/// One of three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Issues, matches, closes.
    Accountant,
    /// Approves.
    Head,
    /// Sees sums and findings, never names.
    Supervisor,
}

impl Role {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Role::Accountant => "accountant",
            Role::Head => "head",
            Role::Supervisor => "supervisor",
        }
    }

    /// From the stored word.
    pub fn of(code: &str) -> Option<Role> {
        [Role::Accountant, Role::Head, Role::Supervisor].into_iter().find(|role| role.code() == code)
    }
}

/// Where a role or a key counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// At one school, `sch_…`.
    School(String),
    /// Over an authority and everything below it, `aut_…`.
    Authority(String),
}

impl Place {
    pub(super) fn columns(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Place::School(id) => (Some(id), None),
            Place::Authority(id) => (None, Some(id)),
        }
    }

    pub(super) fn read(school_id: Option<String>, authority_id: Option<String>) -> Option<Place> {
        school_id.map(Place::School).or(authority_id.map(Place::Authority))
    }
}

/// A role at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub role: Role,
    /// Where.
    pub place: Place,
}

/// Somebody to be let in.
#[derive(Clone)]
pub struct NewPerson<'a> {
    /// What they will sign in with.
    pub login: &'a str,
    /// How they are addressed.
    pub name: &'a str,
    /// At least ten characters.
    pub password: &'a str,
    /// `vi` or `en`.
    pub language: &'a str,
    /// What they may do from the start.
    pub grants: &'a [Grant],
}

/// Lets somebody in.
///
/// # Errors
/// A login that is taken or cannot be one, a password that is too short, a role at the wrong kind of place.
pub async fn add_person(store: &Store, clock: &Clock, new: NewPerson<'_>, actor: &str) -> Result<Person> {
    let newcomer = newcomer(&new).await?;
    let now = clock.now();
    transact!(store, |tx| add_person_in(tx, now, &newcomer, new.grants, actor).await)?;
    Ok(newcomer.person)
}

/// Somebody whose sign-in name and password are right, with the password hashed: hashing takes long, and no
/// transaction waits for it.
#[derive(Clone)]
pub struct Newcomer {
    /// Who they will be.
    pub person: Person,
    hash: String,
}

/// Judges and hashes before anything is written.
///
/// # Errors
/// A login that cannot be one, a password that is too short.
pub async fn newcomer(new: &NewPerson<'_>) -> Result<Newcomer> {
    let login = login_of(new.login)?;
    let hash = hash_of(new.password).await?;
    let language = if new.language == "en" { "en" } else { "vi" };
    let person =
        Person { id: ids::new_id("per"), login, name: new.name.trim().to_owned(), language: language.to_owned() };
    Ok(Newcomer { person, hash })
}

async fn hash_of(password: &str) -> Result<String> {
    if password.chars().count() < PASSWORD_LEAST || password.len() > PASSWORD_MOST {
        return Err(Refusal::new(
            Kind::Meaning,
            "password-length",
            "Mật khẩu phải có ít nhất 10 ký tự.",
            "A password has at least 10 characters.",
        )
        .into());
    }
    password::hash(password).await
}

/// Gives somebody another password.
///
/// # Errors
/// A password that is too short; somebody who has left.
pub async fn set_password(store: &Store, clock: &Clock, person_id: &str, password: &str, actor: &str) -> Result<()> {
    let hash = hash_of(password).await?;
    let now = clock.now();
    transact!(store, |tx| set_password_in(tx, now, person_id, &hash, actor).await)
}

async fn set_password_in(tx: &mut Tx, now: Moment, person_id: &str, hash: &str, actor: &str) -> Result<()> {
    if tx.run(&sql::SET_PASSWORD, args![person_id, hash]).await? == 0 {
        return Err(Refusal::absent().into());
    }
    trail_in(tx, now, &Deed { actor, action: "person.password_set", about: person_id, school_id: None, detail: "" })
        .await
}

/// Lets a newcomer in.
///
/// # Errors
/// The login is taken, perhaps by somebody who has left; a role at the wrong kind of place.
pub async fn add_person_in(tx: &mut Tx, now: Moment, newcomer: &Newcomer, given: &[Grant], actor: &str) -> Result<()> {
    let person = &newcomer.person;
    let row = args![&person.id, &person.login, &person.name, &newcomer.hash, &person.language, now];
    if tx.run(&sql::ADD_PERSON, row).await? == 0 {
        return Err(Refusal::new(
            Kind::Conflict,
            "login-taken",
            "Tên đăng nhập này đã có người dùng.",
            "Somebody signs in with this name already.",
        )
        .into());
    }
    for one in given {
        grant_in(tx, now, &person.id, one, actor).await?;
    }
    Ok(())
}

/// Gives a person a role at a place.
///
/// # Errors
/// A supervisor's role at a school, or a school's role over an authority.
pub async fn grant(store: &Store, clock: &Clock, person_id: &str, given: &Grant, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| grant_in(tx, now, person_id, given, actor).await)
}

/// As [`grant`], unless the person has the role there already.
///
/// # Errors
/// As [`grant`].
pub async fn grant_missing_in(tx: &mut Tx, now: Moment, person_id: &str, given: &Grant, actor: &str) -> Result<()> {
    let rows: Vec<GrantRow> = tx.all(&sql::GRANTS, args![person_id]).await?;
    if rows.into_iter().filter_map(read_grant).any(|held| held == *given) {
        return Ok(());
    }
    grant_in(tx, now, person_id, given, actor).await
}

async fn grant_in(tx: &mut Tx, now: Moment, person_id: &str, given: &Grant, actor: &str) -> Result<()> {
    let (school_id, authority_id) = given.place.columns();
    if (given.role == Role::Supervisor) != authority_id.is_some() {
        return Err(Refusal::new(
            Kind::Meaning,
            "role-place",
            "Kế toán và hiệu trưởng gắn với một trường; người giám sát gắn với một cơ quan quản lý.",
            "An accountant and a head belong to a school; a supervisor to an authority.",
        )
        .into());
    }
    let row = args![ids::new_id("gra"), person_id, given.role.code(), school_id, authority_id, now, actor];
    tx.run(&sql::GRANT, row).await?;
    let deed = Deed { actor, action: "role.granted", about: person_id, school_id, detail: given.role.code() };
    trail_in(tx, now, &deed).await
}

/// Shows somebody out; every session of theirs ends with the next request.
///
/// # Errors
/// Faults of the store.
pub async fn end_person(store: &Store, clock: &Clock, person_id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| end_in(tx, now, person_id, actor).await)
}

async fn end_in(tx: &mut Tx, now: Moment, person_id: &str, actor: &str) -> Result<()> {
    if tx.run(&sql::END_PERSON, args![person_id, now]).await? == 0 {
        return Ok(());
    }
    trail_in(tx, now, &Deed { actor, action: "person.ended", about: person_id, school_id: None, detail: "" }).await
}

/// Who signs in with this name and password.
///
/// # Errors
/// One refusal for a wrong name and a wrong password, after the same time.
pub async fn sign_in(store: &Store, login: &str, password: &str) -> Result<Person> {
    let login = login.trim().to_lowercase();
    let found: Option<(String, String, String, String, String)> =
        store.optional(&sql::PERSON_BY_LOGIN, args![&login]).await?;
    let (person, hash) = match found {
        Some((id, login, name, language, hash)) => (Some(Person { id, login, name, language }), Some(hash)),
        None => (None, None),
    };
    let fits = password.len() <= PASSWORD_MOST;
    let right = password::matches(if fits { password } else { "" }, hash).await?;
    person.filter(|_| right && fits).ok_or_else(|| {
        Refusal::new(
            Kind::Unproven,
            "sign-in-wrong",
            "Tên đăng nhập hoặc mật khẩu chưa đúng.",
            "The name or the password is wrong.",
        )
        .into()
    })
}

/// A person who has not left.
///
/// # Errors
/// Faults of the store.
pub async fn person(store: &Store, id: &str) -> Result<Option<Person>> {
    store.optional(&sql::PERSON, args![id]).await
}

/// A person who has not left, by the name they sign in with.
///
/// # Errors
/// Faults of the store.
pub async fn person_by_login(store: &Store, login: &str) -> Result<Option<Person>> {
    store.optional(&sql::PERSON_BY_LOGIN, args![login.trim().to_lowercase()]).await
}

/// As [`person_by_login`], within a transaction.
///
/// # Errors
/// Faults of the store.
pub async fn person_by_login_in(tx: &mut Tx, login: &str) -> Result<Option<Person>> {
    tx.optional(&sql::PERSON_BY_LOGIN, args![login.trim().to_lowercase()]).await
}

/// Was anybody ever let in? Somebody who has left counts: the first day comes once.
///
/// # Errors
/// Faults of the store.
pub async fn has_people(store: &Store) -> Result<bool> {
    Ok(store.optional::<String>(&sql::ANYBODY, args![]).await?.is_some())
}

type GrantRow = (String, String, Option<String>, Option<String>);

fn read_grant((_, role, school_id, authority_id): GrantRow) -> Option<Grant> {
    Some(Grant { role: Role::of(&role)?, place: Place::read(school_id, authority_id)? })
}

/// What a person may do, the oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn grants(store: &Store, person_id: &str) -> Result<Vec<Grant>> {
    let rows: Vec<GrantRow> = store.all(&sql::GRANTS, args![person_id]).await?;
    Ok(rows.into_iter().filter_map(read_grant).collect())
}

/// May this person act in this role at this school today? A supervisor may over every school below the authority.
///
/// # Errors
/// Faults of the store.
pub async fn may(store: &Store, person_id: &str, role: Role, school_id: &str, today: Day) -> Result<bool> {
    if role == Role::Supervisor {
        let found: Option<String> = store.optional(&sql::SUPERVISES, args![person_id, school_id, today]).await?;
        return Ok(found.is_some());
    }
    let at_school = Place::School(school_id.to_owned());
    Ok(grants(store, person_id).await?.iter().any(|grant| grant.role == role && grant.place == at_school))
}

fn login_of(text: &str) -> Result<String> {
    let login = text.trim().to_lowercase();
    let fits = (3..=64).contains(&login.len())
        && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
    if fits {
        return Ok(login);
    }
    Err(Refusal::new(
        Kind::Meaning,
        "login-shape",
        "Tên đăng nhập gồm 3 đến 64 chữ không dấu, số, dấu chấm, gạch hoặc @.",
        "A sign-in name has 3 to 64 ASCII letters, digits, dots, dashes or @.",
    )
    .into())
}
