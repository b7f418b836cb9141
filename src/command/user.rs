//! `hocphi user add --database … --login … --name … --role … --school CODE`

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use hocphi::access::{self, Grant, NewPerson, Person, Place, Role};
use hocphi::fault::{Kind, OrFault, Refusal, Result};
use hocphi::ids;
use hocphi::roll::{self, School};
use hocphi::store::Store;
use hocphi::time::Clock;
use zeroize::Zeroizing;

use super::database::Database;
use super::prompt::{read_text, say};

/// People who sign in.
#[derive(Subcommand)]
pub enum User {
    /// Let somebody in, or give another role to who is in already.
    Add(Add),
    /// Give somebody another password; without a file one is made and printed once.
    Password(Password),
    /// Show somebody out; their sessions end with the next request.
    End(End),
}

/// Whose password changes.
#[derive(Args)]
pub struct Password {
    /// What they sign in with.
    login: String,
    /// A file with the password, or `-` for standard input.
    #[arg(long)]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

/// Who leaves.
#[derive(Args)]
pub struct End {
    /// What they sign in with.
    login: String,
    #[command(flatten)]
    database: Database,
}

/// One of the three roles.
#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Accountant,
    Head,
    Supervisor,
}

/// Lets somebody in. Without a password file one is made and printed once.
#[derive(Args)]
pub struct Add {
    #[command(flatten)]
    database: Database,
    /// What they sign in with.
    #[arg(long)]
    login: String,
    /// How they are addressed; not needed for who is in already.
    #[arg(long, default_value = "")]
    name: String,
    /// What they may do.
    #[arg(long)]
    role: RoleName,
    /// The code of the school, for an accountant or a head.
    #[arg(long, conflicts_with = "authority", required_unless_present = "authority")]
    school: Option<String>,
    /// The code of the authority, for a supervisor.
    #[arg(long)]
    authority: Option<String>,
    /// A file with the password, or `-` for standard input.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// The language of their pages: vi or en.
    #[arg(long, default_value = "vi")]
    language: String,
}

impl User {
    pub async fn run(&self) -> Result<ExitCode> {
        match self {
            User::Add(add) => add.run().await,
            User::Password(asked) => asked.run().await,
            User::End(asked) => asked.run().await,
        }
    }
}

impl Add {
    async fn run(&self) -> Result<ExitCode> {
        let store = self.database.open().await?;
        let role = match self.role {
            RoleName::Accountant => Role::Accountant,
            RoleName::Head => Role::Head,
            RoleName::Supervisor => Role::Supervisor,
        };
        let place = place(&store, self.school.as_deref(), self.authority.as_deref()).await?;
        let given = Grant { role, place };
        if let Some(person) = access::person_by_login(&store, &self.login).await? {
            if self.password_file.is_some() || !self.name.trim().is_empty() {
                return Err(is_in_already(&self.login).into());
            }
            access::grant(&store, &Clock::System, &person.id, &given, "system").await?;
            say!("{} {} has the role now", person.id, person.login);
            return Ok(ExitCode::SUCCESS);
        }
        let (password, made) = password(self.password_file.as_deref())?;
        let new = NewPerson {
            login: &self.login,
            name: if self.name.trim().is_empty() { &self.login } else { &self.name },
            password: &password,
            language: &self.language,
            grants: &[given],
        };
        let person = access::add_person(&store, &Clock::System, new, "system").await?;
        say!("{} {}", person.id, person.login);
        if made {
            say!("password {} (told this once)", *password);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Password {
    async fn run(&self) -> Result<ExitCode> {
        let store = self.database.open().await?;
        let person = person(&store, &self.login).await?;
        let (password, made) = password(self.password_file.as_deref())?;
        access::set_password(&store, &Clock::System, &person.id, &password, "system").await?;
        say!("{} {} has another password now", person.id, person.login);
        if made {
            say!("password {} (told this once)", *password);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl End {
    async fn run(&self) -> Result<ExitCode> {
        let store = self.database.open().await?;
        let person = person(&store, &self.login).await?;
        access::end_person(&store, &Clock::System, &person.id, "system").await?;
        say!("{} {} signs in no more", person.id, person.login);
        Ok(ExitCode::SUCCESS)
    }
}

async fn person(store: &Store, login: &str) -> Result<Person> {
    let (vi, en) = (format!("Không có ai đăng nhập bằng {login}."), format!("Nobody signs in as {login}."));
    let found = access::person_by_login(store, login).await?;
    found.ok_or_else(|| Refusal::new(Kind::Absent, "unknown-login", vi, en).into())
}

/// The password of a file, or one that is made; true when it was made.
fn password(file: Option<&Path>) -> Result<(Zeroizing<String>, bool)> {
    let mut text = Zeroizing::new(String::new());
    match file {
        None => return Ok((Zeroizing::new(ids::new_token()?), true)),
        Some(file) if file.as_os_str() == "-" => {
            std::io::stdin().read_to_string(&mut text).or_fault("read the password from standard input")?;
        }
        Some(file) => *text = read_text(file)?,
    }
    Ok((Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()), false))
}

fn is_in_already(login: &str) -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "login-taken",
        format!(
            "{login} đã đăng nhập được: bỏ --name và --password-file để thêm vai trò, hoặc dùng `hocphi user password {login}`."
        ),
        format!(
            "{login} is in already: leave out --name and --password-file to add a role, or use `hocphi user password {login}`."
        ),
    )
}

/// The place that a code names.
pub(super) async fn place(store: &Store, code_of_school: Option<&str>, authority: Option<&str>) -> Result<Place> {
    if let Some(code) = code_of_school {
        return Ok(Place::School(school(store, code).await?.id));
    }
    let code = authority.unwrap_or_default();
    let found = roll::authority_by_code(store, code).await?;
    let (vi, en) = (format!("Không có cơ quan nào mang mã {code}."), format!("There is no authority {code}."));
    let found = found.ok_or_else(|| Refusal::new(Kind::Absent, "unknown-authority", vi, en))?;
    Ok(Place::Authority(found.id))
}

/// The school that a code names.
pub(super) async fn school(store: &Store, code: &str) -> Result<School> {
    let (vi, en) = (format!("Không có trường nào mang mã {code}."), format!("There is no school {code}."));
    let found = roll::school_by_code(store, code).await?;
    found.ok_or_else(|| Refusal::new(Kind::Absent, "unknown-school", vi, en).into())
}
