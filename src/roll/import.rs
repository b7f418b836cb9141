//! Bringing a roster into the roll: a preview that stores nothing, then short writes that may be repeated.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::access::{Deed, trail_in};
use crate::fault::Result;
use crate::ids;
use crate::store::{Arg, Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};

pub use super::roster::{Roster, RosterGuardian, RosterPupil, read};
use super::{CellProblem, ClassGroup, Guardian, Pupil, School, folded, reading, refused_cells, school_year_of, sql};

/// Pupils in one write: it holds SQLite's one writer for a few milliseconds.
const CHUNK: usize = 100;

/// What a roster would change at a school.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// The school year its classes belong to.
    pub school_year: String,
    /// Pupils who are not in the roll yet.
    pub new: usize,
    /// Pupils whose name, birthday, class or guardians change.
    pub changed: usize,
    /// Pupils who are in the roll exactly so.
    pub unchanged: usize,
    /// Classes with their number of pupils in the file.
    pub classes: Vec<(String, usize)>,
    /// Classes that are not in the roll yet.
    pub new_classes: Vec<String>,
    /// Pupils of these classes who are in the roll but not in the file. They stay; the file may be a part.
    pub not_in_file: usize,
    /// What is wrong or was mended, by cell; a blocking one stores nothing.
    pub problems: Vec<CellProblem>,
    steps: Vec<Step>,
}

/// What was stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Pupils who are new.
    pub new: usize,
    /// Pupils who changed.
    pub changed: usize,
    /// Pupils who were in the roll exactly so.
    pub unchanged: usize,
    /// Classes that are new.
    pub new_classes: usize,
}

/// What must be written for one pupil.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    pupil: Pupil,
    is_new: bool,
    is_renamed: bool,
    /// The family is written with this pupil.
    is_new_family: bool,
    /// The class to join, by name, and the class to leave, by id.
    joins: Option<String>,
    leaves: Vec<String>,
    guardians: Vec<(Guardian, bool)>,
}

record! {
    struct Seated {
        pupil_id: String,
        class_group_id: String,
        class_name: String,
        school_year: String,
    }
}

/// The school as it stands in the roll.
struct Standing {
    pupils: HashMap<String, Pupil>,
    seats: HashMap<String, Vec<Seated>>,
    guardians: HashMap<String, Vec<Guardian>>,
    family_by_phone: HashMap<String, String>,
    classes: Vec<ClassGroup>,
}

/// What this roster would change. Nothing is stored.
///
/// # Errors
/// Faults of the store.
pub async fn preview(store: &Store, school: &School, roster: &Roster, today: Day) -> Result<Preview> {
    let school_year = roster.school_year.clone().unwrap_or_else(|| school_year_of(today));
    let mut standing = standing(store, school, &school_year, today).await?;
    let mut preview = Preview { school_year, problems: roster.problems.clone(), ..Preview::default() };
    let mut classes: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let known: HashMap<String, String> =
        standing.classes.iter().map(|class| (folded(&class.name), class.name.clone())).collect();
    for pupil in &roster.pupils {
        let key = folded(&pupil.class_name);
        let name = known.get(&key).unwrap_or(&pupil.class_name);
        let (name, count) = classes.entry(super::natural_key(&key)).or_insert_with(|| (name.clone(), 0));
        *count += 1;
        let class_name = name.clone();
        match standing.step(school, pupil, &class_name, &preview.school_year) {
            Some(step) => {
                preview.new += usize::from(step.is_new);
                preview.changed += usize::from(!step.is_new);
                preview.steps.push(step);
            }
            None => preview.unchanged += 1,
        }
    }
    preview.classes = classes.into_values().collect();
    let is_new = |(name, _): &&(String, usize)| !known.contains_key(&folded(name));
    preview.new_classes = preview.classes.iter().filter(is_new).map(|(name, _)| name.clone()).collect();
    preview.not_in_file = standing.not_in(roster, &preview);
    Ok(preview)
}

/// Stores what the preview showed, in short writes; one that was cut off is completed by sending the file again.
///
/// # Errors
/// A preview with a blocking problem: nothing is stored.
pub async fn apply(store: &Store, clock: &Clock, school: &School, preview: &Preview, actor: &str) -> Result<Summary> {
    if preview.problems.iter().any(|problem| problem.blocking) {
        return Err(refused_cells(&preview.problems).into());
    }
    let now = clock.now();
    let rows: Vec<Vec<Arg>> = preview
        .new_classes
        .iter()
        .map(|name| {
            let level = reading::level_of_class(name, &school.level);
            args![ids::new_id("cls"), &school.id, &preview.school_year, name, level]
        })
        .collect();
    let mut chunks = preview.steps.chunks(CHUNK);
    let first = chunks.next().unwrap_or_default();
    let classes = transact!(store, |tx| async {
        tx.insert_many(&sql::ADD_CLASSES, rows.clone()).await?;
        preview.trail_in(tx, school, actor, now).await?;
        let classes: Vec<ClassGroup> = tx.all(&sql::CLASSES_OF, args![&school.id, &preview.school_year]).await?;
        let classes = classes.into_iter().map(|class| (class.name, class.id)).collect::<HashMap<String, String>>();
        write_in(tx, first, &classes, now).await?;
        Ok(classes)
    }
    .await)?;
    for chunk in chunks {
        transact!(store, |tx| write_in(tx, chunk, &classes, now).await)?;
    }
    tracing::info!(school = school.id, actor, new = preview.new, changed = preview.changed, "roster imported");
    Ok(Summary {
        new: preview.new,
        changed: preview.changed,
        unchanged: preview.unchanged,
        new_classes: preview.new_classes.len(),
    })
}

impl Preview {
    /// The deed stands with the first write, because the short ones after it only carry it out: whoever is cut off
    /// between them and brings a long file again does a second one. A file that changes nothing is no deed.
    async fn trail_in(&self, tx: &mut Tx, school: &School, actor: &str, now: Moment) -> Result<()> {
        if self.steps.is_empty() && self.new_classes.is_empty() {
            return Ok(());
        }
        let detail = format!("new {}, changed {}, new classes {}", self.new, self.changed, self.new_classes.len());
        let (about, school_id) = (school.id.as_str(), Some(school.id.as_str()));
        trail_in(tx, now, &Deed { actor, action: "roster.imported", about, school_id, detail: &detail }).await
    }
}

async fn standing(store: &Store, school: &School, school_year: &str, today: Day) -> Result<Standing> {
    let pupils: Vec<Pupil> = store.all(&sql::PUPILS_OF_SCHOOL, args![&school.id]).await?;
    let seats: Vec<Seated> = store.all(&sql::SEATS_OF_SCHOOL, args![&school.id, today]).await?;
    let guardians: Vec<Guardian> = store.all(&sql::GUARDIANS_OF_SCHOOL, args![&school.id]).await?;
    let mut standing = Standing {
        pupils: pupils.into_iter().map(|pupil| (pupil.code.clone(), pupil)).collect(),
        seats: HashMap::new(),
        guardians: HashMap::new(),
        family_by_phone: HashMap::new(),
        classes: store.all(&sql::CLASSES_OF, args![&school.id, school_year]).await?,
    };
    for seat in seats {
        standing.seats.entry(seat.pupil_id.clone()).or_default().push(seat);
    }
    for guardian in guardians {
        if let Some(phone) = &guardian.phone {
            standing.family_by_phone.entry(phone.clone()).or_insert_with(|| guardian.family_id.clone());
        }
        standing.guardians.entry(guardian.family_id.clone()).or_default().push(guardian);
    }
    Ok(standing)
}

impl Standing {
    /// What must be written for a pupil of the file; nothing when the roll has them exactly so.
    fn step(&mut self, school: &School, wanted: &RosterPupil, class_name: &str, school_year: &str) -> Option<Step> {
        let known = self.pupils.get(&wanted.code).cloned();
        let is_new = known.is_none();
        let (family_id, is_new_family) = match &known {
            Some(pupil) => (pupil.family_id.clone(), false),
            None => self.family(wanted),
        };
        let before = known.clone();
        let mut pupil = known.unwrap_or_else(|| Pupil {
            id: ids::new_id("pup"),
            school_id: school.id.clone(),
            family_id: family_id.clone(),
            code: wanted.code.clone(),
            full_name: String::new(),
            folded_name: String::new(),
            birth_day: None,
            left_day: None,
        });
        pupil.full_name.clone_from(&wanted.full_name);
        pupil.folded_name = folded(&wanted.full_name);
        pupil.birth_day = wanted.birth_day.or(pupil.birth_day);
        pupil.left_day = None;
        let seats = self.seats.get(&pupil.id).map(Vec::as_slice).unwrap_or_default();
        let sits = |seat: &Seated| seat.class_name == class_name && seat.school_year == school_year;
        let joins = (!seats.iter().any(sits)).then(|| class_name.to_owned());
        let leaves: Vec<String> =
            seats.iter().filter(|seat| !sits(seat)).map(|seat| seat.class_group_id.clone()).collect();
        let guardians = self.guardians(&family_id, wanted);
        let is_renamed = before.is_some_and(|before| before != pupil);
        let something = is_new || is_renamed || joins.is_some() || !leaves.is_empty() || !guardians.is_empty();
        something.then_some(Step { pupil, is_new, is_renamed, is_new_family, joins, leaves, guardians })
    }

    /// The family whose guardian has one of these telephones, or a new one.
    fn family(&mut self, wanted: &RosterPupil) -> (String, bool) {
        let phones: Vec<&String> = wanted.guardians.iter().filter_map(|guardian| guardian.phone.as_ref()).collect();
        if let Some(family) = phones.iter().find_map(|phone| self.family_by_phone.get(*phone)) {
            return (family.clone(), false);
        }
        let family = ids::new_id("fam");
        for phone in phones {
            self.family_by_phone.insert(phone.clone(), family.clone());
        }
        (family, true)
    }

    /// Guardians who are new (true) or whose name or telephone changed (false). Who is not in the file stays.
    fn guardians(&mut self, family_id: &str, wanted: &RosterPupil) -> Vec<(Guardian, bool)> {
        let known = self.guardians.entry(family_id.to_owned()).or_default();
        let mut changes = Vec::new();
        for guardian in &wanted.guardians {
            let name = folded(&guardian.full_name);
            let by_phone = known.iter().position(|known| known.phone.is_some() && known.phone == guardian.phone);
            let by_name = known.iter().position(|known| !name.is_empty() && folded(&known.full_name) == name);
            let Some(place) = by_name.or(by_phone) else {
                let new = Guardian {
                    id: ids::new_id("gua"),
                    family_id: family_id.to_owned(),
                    full_name: guardian.full_name.clone(),
                    phone: guardian.phone.clone(),
                    relation: guardian.relation.clone(),
                };
                known.push(new.clone());
                changes.push((new, true));
                continue;
            };
            let Some(standing) = known.get_mut(place) else { continue };
            let mut now = standing.clone();
            if !guardian.full_name.is_empty() {
                now.full_name.clone_from(&guardian.full_name);
            }
            now.phone = guardian.phone.clone().or(now.phone);
            now.relation = guardian.relation.clone().or(now.relation);
            if now != *standing {
                standing.clone_from(&now);
                changes.push((now, false));
            }
        }
        changes
    }

    fn not_in(&self, roster: &Roster, preview: &Preview) -> usize {
        let listed: HashSet<&str> = roster.pupils.iter().map(|pupil| pupil.code.as_str()).collect();
        let classes: HashSet<&str> = preview.classes.iter().map(|(name, _)| name.as_str()).collect();
        let absent = self.pupils.values().filter(|pupil| !listed.contains(pupil.code.as_str()));
        let seats = absent.filter_map(|pupil| self.seats.get(&pupil.id)).flatten();
        seats
            .filter(|seat| seat.school_year == preview.school_year && classes.contains(seat.class_name.as_str()))
            .count()
    }
}

async fn write_in(tx: &mut Tx, steps: &[Step], classes: &HashMap<String, String>, now: Moment) -> Result<()> {
    let today = now.day();
    let families = steps.iter().filter(|step| step.is_new_family);
    let families = families.map(|step| args![&step.pupil.family_id, &step.pupil.school_id, now]).collect();
    tx.insert_many(&sql::ADD_FAMILIES, families).await?;
    let new = steps.iter().filter(|step| step.is_new).map(|step| pupil_row(&step.pupil, now)).collect();
    let written: Vec<String> = tx.insert_returning(&sql::ADD_PUPILS, new).await?;
    let written: HashSet<String> = written.into_iter().collect();
    // A pupil whom another import wrote a moment ago is left to it.
    let ours = |step: &&Step| !step.is_new || written.contains(&step.pupil.id);
    let mut joins = Vec::new();
    let mut guardians = Vec::new();
    for step in steps.iter().filter(ours) {
        if step.is_renamed {
            let pupil = &step.pupil;
            let row = args![&pupil.id, &pupil.full_name, &pupil.folded_name, pupil.birth_day];
            tx.run(&sql::SET_PUPIL, row).await?;
        }
        for class in &step.leaves {
            tx.run(&sql::LEAVE_CLASS, args![&step.pupil.id, class, today.plus_days(-1)]).await?;
        }
        if let Some(class) = step.joins.as_ref().and_then(|name| classes.get(name)) {
            joins.push(args![&step.pupil.id, class, today, None::<Day>]);
        }
        for (guardian, is_new) in &step.guardians {
            if *is_new {
                guardians.push(guardian_row(guardian, now));
            } else {
                let row = args![&guardian.id, &guardian.full_name, &guardian.phone, &guardian.relation];
                tx.run(&sql::SET_GUARDIAN, row).await?;
            }
        }
    }
    tx.insert_many(&sql::JOIN_CLASSES, joins).await?;
    tx.insert_many(&sql::ADD_GUARDIANS, guardians).await?;
    Ok(())
}

fn pupil_row(pupil: &Pupil, now: Moment) -> Vec<Arg> {
    args![
        &pupil.id,
        &pupil.school_id,
        &pupil.family_id,
        &pupil.code,
        &pupil.full_name,
        &pupil.folded_name,
        pupil.birth_day,
        pupil.left_day,
        now
    ]
}

fn guardian_row(guardian: &Guardian, now: Moment) -> Vec<Arg> {
    args![&guardian.id, &guardian.family_id, &guardian.full_name, &guardian.phone, &guardian.relation, now]
}
