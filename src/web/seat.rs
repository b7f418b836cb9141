//! Who sits at the desk: the signed-in person, what they may do, and the school they work at right now.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::House;
use super::failure::Failure;
use super::words::{Language, Words};
use crate::access::{self, Grant, Person, Place, Role};
use crate::fault::{Fault, Kind, OrFault, Refusal, Result};
use crate::roll::{self, Authority, School};

const SEAT: &str = "seat";
/// A session is written again when it was last written longer ago than this, so that reading pages writes little.
const FRESH_MS: i64 = 60 * 1000;

/// What the session keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    person_id: String,
    csrf: String,
    school_id: Option<String>,
    seen_at: i64,
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Who.
    pub person: Person,
    /// What they may do.
    pub grants: Vec<Grant>,
    /// The language of their pages: what they switched to, else their own.
    pub language: Language,
    /// The school they chose, when they chose one and may still work there.
    pub school_id: Option<String>,
    /// What every form of this session carries.
    pub csrf: String,
}

/// An accountant or a head at work at one school.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Who, and the session.
    pub seat: Seat,
    /// Where.
    pub school: School,
    /// As what; who is both is the accountant here and may still approve.
    pub role: Role,
}

/// An accountant at work at one school: who may move money, runs and the roster. A head reads them.
#[derive(Debug, Clone)]
pub struct Accountant(pub Desk);

/// A supervisor over an authority.
#[derive(Debug, Clone)]
pub struct Overseer {
    /// Who, and the session.
    pub seat: Seat,
    /// Over what.
    pub authority: Authority,
}

impl Seat {
    /// What pages say.
    pub fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// The schools where this person has a role, by id.
    pub fn school_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self
            .grants
            .iter()
            .filter_map(|grant| match &grant.place {
                Place::School(id) => Some(id.as_str()),
                Place::Authority(_) => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Has this person that role at that school?
    pub fn has(&self, role: Role, school_id: &str) -> bool {
        let at = Place::School(school_id.to_owned());
        self.grants.iter().any(|grant| grant.role == role && grant.place == at)
    }

    fn supervises(&self) -> Option<&str> {
        self.grants.iter().find_map(|grant| match (&grant.place, grant.role) {
            (Place::Authority(id), Role::Supervisor) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Where this person's work begins.
    pub fn start(&self) -> &'static str {
        match (self.school_ids().len(), self.supervises()) {
            (0, Some(_)) => "/oversight",
            (0 | 1, _) => "/desk",
            _ => "/desk/school",
        }
    }
}

/// Signs a person in: a new session id, whatever the browser sent before.
///
/// # Errors
/// Faults of the store.
pub async fn sit_down(house: &House, session: &Session, person: &Person) -> Result<()> {
    session.flush().await.or_fault("end the session before")?;
    let kept = Kept {
        person_id: person.id.clone(),
        csrf: crate::ids::new_token()?,
        school_id: None,
        seen_at: house.clock.now().0,
    };
    session.insert(SEAT, &kept).await.or_fault("begin a session")
}

/// Signs out.
///
/// # Errors
/// Faults of the store.
pub async fn stand_up(session: &Session) -> Result<()> {
    session.flush().await.or_fault("end a session")
}

/// Chooses the school to work at.
///
/// # Errors
/// Nobody is signed in, or they have no role there.
pub async fn choose_school(seat: &Seat, session: &Session, school_id: &str) -> Result<()> {
    if !seat.school_ids().contains(&school_id) {
        return Err(crate::fault::Refusal::absent().into());
    }
    let kept: Option<Kept> = session.get(SEAT).await.or_fault("read a session")?;
    let mut kept = kept.ok_or_else(|| Fault::new("choose a school: the session is gone"))?;
    kept.school_id = Some(school_id.to_owned());
    session.insert(SEAT, &kept).await.or_fault("write a session")
}

async fn seated(parts: &mut Parts, house: &Arc<House>) -> Result<Option<Seat>> {
    let Some(session) = parts.extensions.get::<Session>().cloned() else { return Ok(None) };
    let kept: Option<Kept> = session.get(SEAT).await.or_fault("read a session")?;
    let Some(mut kept) = kept else { return Ok(None) };
    let Some(person) = access::person(&house.store, &kept.person_id).await? else {
        session.flush().await.or_fault("end a session")?;
        return Ok(None);
    };
    let now = house.clock.now();
    if now.0.saturating_sub(kept.seen_at) > FRESH_MS {
        kept.seen_at = now.0;
        session.insert(SEAT, &kept).await.or_fault("write a session")?;
    }
    let grants = access::grants(&house.store, &person.id).await?;
    let language = Language::chosen(&parts.headers, &parts.uri).or(Language::of(&person.language)).unwrap_or_default();
    Ok(Some(Seat { person, grants, language, school_id: kept.school_id, csrf: kept.csrf }))
}

impl FromRequestParts<Arc<House>> for Seat {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Response> {
        match seated(parts, house).await {
            Ok(Some(seat)) => Ok(seat),
            Ok(None) => {
                let asked = parts.uri.path();
                let next = if parts.method == axum::http::Method::GET { asked } else { "/desk" };
                Err(Redirect::to(&format!("/desk/sign-in?next={next}")).into_response())
            }
            Err(error) => Err(Failure::from(error).into_response()),
        }
    }
}

impl FromRequestParts<Arc<House>> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Response> {
        let seat = Seat::from_request_parts(parts, house).await?;
        let ids = seat.school_ids();
        let chosen = seat.school_id.as_deref().filter(|id| ids.contains(id));
        let Some(id) = chosen.or((ids.len() == 1).then(|| ids[0])) else {
            let to = if ids.is_empty() { seat.start() } else { "/desk/school" };
            let to = if to == "/desk" { "/desk/school" } else { to };
            return Err(Redirect::to(to).into_response());
        };
        let school = roll::school(&house.store, id).await.map_err(|error| Failure::from(error).into_response())?;
        let school = school.ok_or_else(|| Failure::from(crate::fault::Refusal::absent()).into_response())?;
        let role = if seat.has(Role::Accountant, &school.id) { Role::Accountant } else { Role::Head };
        Ok(Desk { seat, school, role })
    }
}

impl FromRequestParts<Arc<House>> for Accountant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Response> {
        let desk = Desk::from_request_parts(parts, house).await?;
        if desk.role == Role::Accountant {
            return Ok(Accountant(desk));
        }
        let refusal = Refusal::new(
            Kind::Forbidden,
            "accountant-only",
            "Việc này do kế toán của trường thực hiện. Hiệu trưởng xem được mọi trang.",
            "This is for the school's accountant to do. The head may read every page.",
        );
        Err(Failure::from(refusal).into_response())
    }
}

impl FromRequestParts<Arc<House>> for Overseer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Response> {
        let seat = Seat::from_request_parts(parts, house).await?;
        let Some(id) = seat.supervises() else { return Err(Redirect::to("/desk").into_response()) };
        let found = roll::authority(&house.store, id).await.map_err(|error| Failure::from(error).into_response())?;
        let authority = found.ok_or_else(|| Failure::from(crate::fault::Refusal::absent()).into_response())?;
        Ok(Overseer { seat, authority })
    }
}
