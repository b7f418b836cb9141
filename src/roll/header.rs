//! Finding the header in a table as people make it: titles above it, two rows of it, merged cells, any wording.

use super::folded;
use super::sheet::{Row, Sheet};

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
}

/// The row that names the most fields, when these are enough.
pub fn find<F: Copy + Eq>(sheet: &Sheet, names: &Names<F>, enough: impl Fn(&Header<F>) -> bool) -> Option<Header<F>> {
    let mut best: Option<Header<F>> = None;
    for at in 0..sheet.rows.len().min(MOST_TITLE_ROWS) {
        let above = at.checked_sub(1).and_then(|above| sheet.rows.get(above));
        let header = Header { at, columns: columns(&sheet.rows[at], above, names) };
        let more = best.as_ref().is_none_or(|best| header.columns.len() > best.columns.len());
        if more && enough(&header) {
            best = Some(header);
        }
    }
    best
}

fn columns<F: Copy + Eq>(row: &Row, above: Option<&Row>, names: &Names<F>) -> Vec<(F, usize)> {
    let last = |row: &Row| row.cells().last().map_or(0, |(column, _)| column + 1);
    let width = last(row).max(above.map_or(0, last)).min(200);
    let mut found: Vec<(F, usize)> = Vec::new();
    let mut group = String::new();
    for column in 0..width {
        let own = normal(row.text(column));
        let over = above.map_or(String::new(), |above| normal(above.text(column)));
        if !over.is_empty() {
            group.clone_from(&over);
        }
        // A cell merged downwards holds its text in the row above; a group merged sideways names what is below it.
        let field = if own.is_empty() { field_of(&over, names) } else { field_in_group(&own, &group, names) };
        if let Some(field) = field.filter(|field| !found.iter().any(|(seen, _)| seen == field)) {
            found.push((field, column));
        }
    }
    found
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
