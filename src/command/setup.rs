//! `hocphi setup --database … [--from FILE.csv]`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hocphi::access::Role;
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::roll::setup::{self, Line, LineKind};
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::{read, say};
use super::told;

/// Sets up authority, school, receiving account, first accountant, head and supervisor; again changes nothing.
#[derive(Args)]
pub struct Setup {
    #[command(flatten)]
    database: Database,
    /// A table (.csv or .xlsx) of authorities, schools, accounts and people; see the README. Else the flags below.
    #[arg(long, conflicts_with_all = ["school_code", "school_name", "bank", "account", "holder"])]
    from: Option<PathBuf>,
    /// The school's code.
    #[arg(long)]
    school_code: Option<String>,
    /// The school's name.
    #[arg(long)]
    school_name: Option<String>,
    /// preschool, primary, lower_secondary, upper_secondary or continuing.
    #[arg(long, default_value = "primary")]
    level: String,
    /// public, community or private.
    #[arg(long, default_value = "public")]
    ownership: String,
    /// The code of the ward, commune or department above the school.
    #[arg(long, default_value = "authority")]
    authority_code: String,
    /// Its name.
    #[arg(long, default_value = "Cơ quan quản lý giáo dục")]
    authority_name: String,
    /// The BIN of the receiving account's bank.
    #[arg(long)]
    bank: Option<String>,
    /// The receiving account's number.
    #[arg(long)]
    account: Option<String>,
    /// The account's holder, as the bank writes it.
    #[arg(long)]
    holder: Option<String>,
}

impl Setup {
    pub async fn run(&self) -> Result<ExitCode> {
        let lines = match &self.from {
            Some(file) => {
                let bytes = read(file)?;
                setup::read(&bytes, &file.to_string_lossy())
            }
            None => self.lines(),
        };
        let Some(lines) = told(lines)? else { return Ok(ExitCode::FAILURE) };
        let store = self.database.open_migrated().await?;
        let Some(done) = told(setup::setup(&store, &Clock::System, &lines).await)? else {
            return Ok(ExitCode::FAILURE);
        };
        say!("written {}, unchanged {}", done.written, done.unchanged);
        for (login, role, password) in &done.people {
            match password {
                Some(password) => say!("{} {login} password {password} (told this once)", role.code()),
                None => say!("{} {login} password as given", role.code()),
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The smallest school: one authority, one account, three people whose logins carry the codes.
    fn lines(&self) -> Result<Vec<Line>> {
        let given = [&self.school_code, &self.school_name, &self.bank, &self.account, &self.holder];
        let [Some(code), Some(name), Some(bank), Some(number), Some(holder)] = given else {
            return Err(Refusal::new(
                Kind::Shape,
                "nothing-to-set-up",
                "Hãy thêm --from TỆP.csv, hoặc đủ --school-code, --school-name, --bank, --account và --holder.",
                "Add --from FILE.csv, or all of --school-code, --school-name, --bank, --account and --holder.",
            )
            .into());
        };
        let line = |cell: &str, kind: LineKind, code: &str, name: &str, under: &str| Line {
            cell: cell.to_owned(),
            kind,
            code: code.to_owned(),
            name: name.to_owned(),
            under: under.to_owned(),
            ..Line::default()
        };
        let person = |role: Role, name: &str, under: &str| {
            let login = format!("{}.{under}", role.code()).to_lowercase();
            Line { login, ..line("--school-code", LineKind::Person(role), "", name, under) }
        };
        let authority = &self.authority_code;
        let school = line("--school-code", LineKind::School, code, name, authority);
        let account = line("--account", LineKind::Account, "", holder, code);
        Ok(vec![
            line("--authority-code", LineKind::Authority, authority, &self.authority_name, ""),
            Line { level: self.level.clone(), ownership: self.ownership.clone(), ..school },
            Line { bank: bank.clone(), number: number.clone(), ..account },
            person(Role::Accountant, "Kế toán", code),
            person(Role::Head, "Hiệu trưởng", code),
            person(Role::Supervisor, "Giám sát", authority),
        ])
    }
}
