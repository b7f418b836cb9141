//! The blocks that every document of a school shares.

use super::flow::{Align, Cell, Column, Flow};
use super::letters::{Style, fitted, line_height, width};
use super::{Ink, Matrix, mm};
use crate::money::Dong;

const GREY: Ink = Ink::Grey;

/// A label in both languages and what stands after it.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    /// In Vietnamese.
    pub label: &'a str,
    /// In English.
    pub english: &'a str,
    /// What is said.
    pub value: &'a str,
}

/// One thing that is asked or was paid for.
#[derive(Debug, Clone)]
pub struct Line {
    /// The official name of the item.
    pub name: String,
    /// What of this document's money is for it.
    pub amount: Dong,
    /// The instrument that allows it; may be empty.
    pub legal_basis: String,
}

/// An amount as documents print it: the decree of 2026 writes the currency as đ.
pub fn amount(amount: Dong) -> String {
    format!("{}\u{a0}đ", amount.grouped())
}

impl<'a> Field<'a> {
    /// A field.
    pub const fn of(label: &'a str, english: &'a str, value: &'a str) -> Self {
        Field { label, english, value }
    }
}

impl Flow {
    /// Who issues the document, at the left, and what identifies it, at the right.
    pub fn letterhead(&mut self, school: &str, under: &[&str], marks: &[(&str, &str)]) {
        let (left, right, top) = (self.left(), self.right(), self.y);
        let (label, value) = (Style::regular(7.5).ink(GREY), Style::bold(8.5));
        let aside = if marks.is_empty() { 0.0 } else { mm(38.0) };
        let room = self.width() - aside - if marks.is_empty() { 0.0 } else { mm(4.0) };
        let name = Style::bold(10.5).ink(Ink::Navy);
        let mut below = self.page().paragraph((left, top), room, name, school, Align::Left, 3);
        for text in under.iter().filter(|text| !text.is_empty()) {
            below = self.page().paragraph((left, below), room, label, text, Align::Left, 2);
        }
        let mut beside = top;
        for (name, text) in marks {
            let line = line_height(value);
            let at = beside + value.size;
            self.page().left(right - aside, at, label, name);
            let (small, lines) = fitted(text, value, aside - width(name, label) - 4.0, 1);
            self.page().right(right, at, small, lines.first().map_or("", String::as_str));
            beside += line;
        }
        let (y, whole) = (below.max(beside) + 5.0, self.width());
        self.page().rule(left, y, whole, 1.2, Ink::Navy);
        self.y = y + 1.0;
    }

    /// What the document is, in the middle, with its English name and a line under it.
    pub fn title(&mut self, title: &str, english: &str, under: &str) {
        let (left, whole) = (self.left(), self.width());
        let mut below = self.y + 8.0;
        for (style, text, most) in [
            (Style::bold(16.0).ink(Ink::Navy), title, 2),
            (Style::regular(7.5).ink(GREY), english, 1),
            (Style::regular(9.0), under, 2),
        ] {
            if !text.is_empty() {
                below = self.page().paragraph((left, below), whole, style, text, Align::Centre, most);
            }
        }
        self.y = below + 6.0;
    }

    /// Fields side by side, all on one line; the parts of the widths make 1.
    pub fn fields(&mut self, fields: &[(f32, Field<'_>)]) {
        let (label, small, value) = (Style::regular(7.5).ink(GREY), Style::regular(6.0).ink(GREY), Style::bold(9.0));
        let (whole, top) = (self.width(), self.y);
        let (mut x, mut below) = (self.left(), top);
        for (part, field) in fields {
            let room = part * whole - 6.0;
            let at = top + label.size;
            self.page().left(x, at, label, field.label);
            self.page().left(x + width(field.label, label) + 3.0, at, small, field.english);
            let end = self.page().paragraph((x, top + line_height(label)), room, value, field.value, Align::Left, 2);
            below = below.max(end);
            x += part * whole;
        }
        self.y = below + 3.5;
    }

    /// The numbered table of what a document is about, each item with its legal basis.
    pub fn lines(&mut self, title: &str, lines: &[Line]) {
        let columns = [
            Column { title: "STT", english: "No.", part: 0.09, align: Align::Centre },
            Column { title, english: "Item and legal basis", part: 0.65, align: Align::Left },
            Column { title: "Số tiền (đồng)", english: "Amount (VND)", part: 0.26, align: Align::Right },
        ];
        let row = |(number, line): (usize, &Line)| {
            let name = Cell { text: line.name.clone(), small: line.legal_basis.clone() };
            vec![Cell::of(number.to_string()), name, Cell::of(line.amount.grouped())]
        };
        let rows: Vec<Vec<Cell>> = (1..).zip(lines).map(row).collect();
        self.table(&columns, &rows);
    }

    /// A sum under a table: label at the left, amount at the right.
    pub fn sum(&mut self, label: &str, english: &str, amount: &str, strong: bool) {
        let (text, size) = if strong { (Style::bold(10.0), 13.0) } else { (Style::regular(8.0), 8.5) };
        let height = if strong { 24.0 } else { 14.0 };
        self.room(height);
        let (left, right, whole, y) = (self.left(), self.right(), self.width(), self.y);
        if strong {
            self.page().fill((left, y), whole, height, Ink::Tint);
        }
        let baseline = y + height * 0.5 + size * 0.35;
        self.page().left(left + 4.0, baseline, text, label);
        let small = Style::regular(6.5).ink(GREY);
        self.page().left(left + 8.0 + width(label, text), baseline, small, english);
        let number = Style::bold(size).ink(if strong { Ink::Navy } else { Ink::Black });
        self.page().right(right - 4.0, baseline, number, amount);
        self.y = y + height;
    }

    /// A sentence in a red frame that nobody overlooks.
    pub fn warning(&mut self, text: &str) {
        let style = Style::bold(8.5).ink(Ink::Red);
        let (left, whole) = (self.left(), self.width());
        let (fit, lines) = fitted(text, style, whole - 14.0, 4);
        let height = lines.iter().map(|_| line_height(fit)).sum::<f32>() + 9.0;
        self.room(height);
        let top = self.y;
        self.page().frame((left, top), whole, height, 0.9, Ink::Red);
        let mut below = top + 4.0;
        for line in &lines {
            below = self.page().paragraph((left + 7.0, below), whole - 14.0, fit, line, Align::Left, 1);
        }
        self.y = top + height;
    }

    /// A code at a place of the present page with what it is for under it, each text on one line; returns where
    /// they end.
    pub fn code(&mut self, at: (f32, f32), side: f32, matrix: Matrix, texts: &[&str]) -> f32 {
        self.page().code(at, side, matrix);
        let style = Style::regular(6.5).ink(GREY);
        let mut below = at.1 + side;
        for text in texts {
            below = self.page().paragraph((at.0, below), side, style, text, Align::Centre, 1);
        }
        below
    }
}
