//! Finding the header in a table as people make it: titles above it, two rows of it, merged cells, any wording.

use super::sheet::{Row, Sheet};
use super::{CellProblem, folded};

/// How far down a header may stand.
const MOST_TITLE_ROWS: usize = 40;

/// What a column may be called: the field and its names, folded, without marks.
pub type Names<F> = [(F, &'static [&'static str])];

/// Where the fields stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<F> {
    /// Index in `sheet.rows` of the last row of the header; the data begins after it.
    pub at: usize,
    /// Field and column, each field once.
    pub columns: Vec<(F, usize)>,
    /// Headings that are not understood: their columns, the row of `sheet.rows` they stand in, and their texts.
    pub unknown: Vec<Heading>,
}

/// A heading as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Index in `sheet.rows`.
    pub at: usize,
    /// The column.
    pub column: usize,
    /// The text.
    pub text: String,
}

impl<F: Copy + Eq> Header<F> {
    /// The column of a field.
    pub fn column(&self, field: F) -> Option<usize> {
        self.columns.iter().find(|(of, _)| *of == field).map(|(_, column)| *column)
    }

    /// The text of a field in a row; an absent column is an empty text.
    pub fn text<'a>(&self, row: &'a Row, field: F) -> &'a str {
        self.column(field).map_or("", |column| row.text(column))
    }

    /// A notice for each heading that is not understood and has anything below it: what stands there is not taken.
    pub fn notices(&self, sheet: &Sheet, prefix: &str) -> Vec<CellProblem> {
        let holds = |column: usize| sheet.rows[self.at + 1..].iter().any(|row| !row.text(column).is_empty());
        let unknown = self.unknown.iter().filter(|heading| holds(heading.column));
        unknown
            .map(|heading| {
                let cell = format!("{prefix}{}", sheet.rows[heading.at].address(heading.column));
                let text: String = heading.text.chars().take(60).collect();
                let vi = format!("Không hiểu tiêu đề \"{text}\", bỏ qua cột này.");
                CellProblem::notice(
                    cell,
                    &vi,
                    &format!("The heading \"{text}\" is not understood; its column is left out."),
                )
            })
            .collect()
    }
}

/// The row that names the most fields, when these are enough.
pub fn find<F: Copy + Eq>(sheet: &Sheet, names: &Names<F>, enough: impl Fn(&Header<F>) -> bool) -> Option<Header<F>> {
    let mut best: Option<Header<F>> = None;
    for at in 0..sheet.rows.len().min(MOST_TITLE_ROWS) {
        let above = at.checked_sub(1).and_then(|above| sheet.rows.get(above));
        let (columns, unknown) = columns(at, &sheet.rows[at], above, names);
        let header = Header { at, columns, unknown };
        // Of two rows that name as many, the lower one heads the columns and the upper one groups them, when it names
        // more than one by itself: a line such as `Lớp 3A` below a header is no header.
        let own = || sheet.rows[at].cells().filter(|(_, text)| field_of(&normal(text), names).is_some()).count();
        let beside = |best: &Header<F>| best.at + 1 == at && header.columns.len() == best.columns.len() && own() > 1;
        let more = best.as_ref().is_none_or(|best| header.columns.len() > best.columns.len() || beside(best));
        if more && enough(&header) {
            best = Some(header);
        }
    }
    best
}

fn columns<F: Copy + Eq>(
    at: usize,
    row: &Row,
    above: Option<&Row>,
    names: &Names<F>,
) -> (Vec<(F, usize)>, Vec<Heading>) {
    let last = |row: &Row| row.cells().last().map_or(0, |(column, _)| column + 1);
    let width = last(row).max(above.map_or(0, last)).min(200);
    let mut found: Vec<(F, usize)> = Vec::new();
    let mut unknown = Vec::new();
    let grouped = above.is_some_and(|above| heads_groups(above, names));
    let mut group = String::new();
    for column in 0..width {
        let own = normal(row.text(column));
        let over = above.map_or(String::new(), |above| normal(above.text(column)));
        if !over.is_empty() {
            group = if grouped && is_contact(&over) { CONTACT.to_owned() } else { over.clone() };
        }
        // A cell merged downwards holds its text in the row above; a group merged sideways names what is below it.
        let field = if own.is_empty() { field_of(&over, names) } else { field_in_group(&own, &group, names) };
        match field {
            Some(field) if !found.iter().any(|(seen, _)| *seen == field) => found.push((field, column)),
            Some(_) | None if own.is_empty() => {
                if let Some(above) = above.filter(|_| grouped && !over.is_empty()) {
                    unknown.push(Heading { at: at - 1, column, text: above.text(column).to_owned() });
                }
            }
            Some(_) | None => unknown.push(Heading { at, column, text: row.text(column).to_owned() }),
        }
    }
    (found, unknown)
}

/// What every group about the people around a pupil is read as.
const CONTACT: &str = "phu huynh";

/// `Cha/Mẹ/Người giám hộ`, `CMHS`, `Gia đình`, `Thông tin liên hệ`: a group about the people around a pupil.
fn is_contact(group: &str) -> bool {
    const WORDS: [&str; 9] =
        ["phu huynh", "cha me", "bo me", "giam ho", "cmhs", "phhs", "gia dinh", "lien he", "nguoi than"];
    WORDS.iter().any(|word| format!(" {group} ").contains(&format!(" {word} ")))
}

/// Is this row the upper one of a header, rather than a title? It names at least two things.
fn heads_groups<F: Copy>(row: &Row, names: &Names<F>) -> bool {
    let named = row.cells().map(|(_, text)| normal(text));
    named.filter(|label| is_contact(label) || field_of(label, names).is_some()).count() > 1
}

fn field_in_group<F: Copy>(own: &str, group: &str, names: &Names<F>) -> Option<F> {
    let group = group.trim_start_matches("thong tin ");
    exact(&format!("{own} {group}"), names).or_else(|| field_of(own, names))
}

fn field_of<F: Copy>(label: &str, names: &Names<F>) -> Option<F> {
    exact(label, names).or_else(|| {
        let begins = |name: &&str| label.strip_prefix(*name).is_some_and(|rest| rest.starts_with(' '));
        let fields = names.iter().flat_map(|(field, names)| names.iter().map(move |name| (*field, *name)));
        fields.filter(|(_, name)| begins(name)).max_by_key(|(_, name)| name.len()).map(|(field, _)| field)
    })
}

fn exact<F: Copy>(label: &str, names: &Names<F>) -> Option<F> {
    names.iter().find(|(_, names)| names.contains(&label)).map(|(field, _)| *field)
}

/// Folded, with nothing but letters, digits and single blanks: `Mã HS (*)` is `ma hs`.
pub fn normal(label: &str) -> String {
    let plain: String =
        folded(label).chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
