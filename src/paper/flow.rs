//! Blocks one under another, over as many pages as they need.

use super::{Ink, Page, Sheet, Style, fitted, line_height, mm, width, wrap};

/// Space around what is written.
const MARGIN: f32 = mm(12.0);
/// Where a page ends for blocks; below stands the footer.
const FOOT: f32 = mm(15.0);
/// Space above and below the texts of a row.
const PAD: f32 = 2.4;
/// Space left and right of them.
const GUTTER: f32 = 4.0;

/// Where a text stands in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left.
    Left,
    /// At the right, as numbers do.
    Right,
    /// In the middle.
    Centre,
}

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// What is in it.
    pub title: &'a str,
    /// The same in English, smaller.
    pub english: &'a str,
    /// How much of the table's width it takes; the parts of all columns make 1.
    pub part: f32,
    /// Where its texts stand.
    pub align: Align,
}

/// One place of a table: a text, and a smaller one under it.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// What a reader came for.
    pub text: String,
    /// Why it is so; may be empty.
    pub small: String,
}

impl Cell {
    /// A cell with one text.
    pub fn of(text: impl Into<String>) -> Self {
        Cell { text: text.into(), small: String::new() }
    }
}

/// Pages being filled from top to bottom.
#[derive(Debug)]
pub struct Flow {
    sheet: Sheet,
    running: String,
    pages: Vec<Page>,
    page: Page,
    /// How far down the present page is filled.
    pub y: f32,
}

/// Where blocks begin on a later page.
const TOP: f32 = MARGIN + 22.0;

impl Flow {
    /// A first page; every later one begins with the running head, so that a lost sheet finds its document.
    pub fn new(sheet: Sheet, running: impl Into<String>) -> Self {
        Flow { sheet, running: running.into(), pages: Vec::new(), page: Page::new(sheet), y: MARGIN }
    }

    /// The left edge of what is written.
    pub const fn left(&self) -> f32 {
        MARGIN
    }

    /// The right edge of what is written.
    pub const fn right(&self) -> f32 {
        self.sheet.width - MARGIN
    }

    /// From the left edge to the right one.
    pub const fn width(&self) -> f32 {
        self.sheet.width - 2.0 * MARGIN
    }

    /// The page being filled.
    pub const fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    /// Makes sure that a block of this height stands on one page.
    pub fn room(&mut self, height: f32) {
        if self.y + height > self.bottom() && self.y > TOP {
            self.turn();
        }
    }

    /// Leaves space, which a new page swallows.
    pub fn gap(&mut self, height: f32) {
        self.y += height;
    }

    /// A paragraph over the whole width that may continue on the next page.
    pub fn paragraph(&mut self, style: Style, text: &str, align: Align) {
        for line in wrap(text, style, self.width()) {
            self.room(line_height(style));
            let at = (self.left(), self.y);
            let room = self.width();
            self.y = self.page.paragraph(at, room, style, &line, align, 1);
        }
    }

    /// A table whose heads are repeated on every page it reaches. A row stands on one page where a page can hold it.
    pub fn table(&mut self, columns: &[Column<'_>], rows: &[Vec<Cell>]) {
        self.room(90.0_f32.min(self.bottom() - TOP));
        self.heads(columns);
        for row in rows {
            let cells: Vec<Vec<(Style, String)>> =
                columns.iter().zip(row).map(|(column, cell)| lines_of(cell, column, self.width())).collect();
            let height = cells.iter().map(|lines| height_of(lines)).fold(0.0, f32::max) + 2.0 * PAD;
            if self.y + height > self.bottom() {
                self.turn();
                self.heads(columns);
            }
            self.row(columns, &cells);
            self.page.rule(MARGIN, self.y, self.sheet.width - 2.0 * MARGIN, 0.5, Ink::Hair);
        }
    }

    /// The finished pages, each with its foot and, where there are several, its number.
    pub fn finish(mut self, foot: &str) -> Vec<Page> {
        self.pages.push(self.page);
        let count = self.pages.len();
        let style = Style::regular(6.5).ink(Ink::Grey);
        let baseline = self.sheet.height - mm(8.5);
        for (index, page) in self.pages.iter_mut().enumerate() {
            let number = if count > 1 { format!("Trang {}/{count}", index + 1) } else { String::new() };
            let room = self.sheet.width - 2.0 * MARGIN - width(&number, style) - GUTTER;
            let (small, lines) = fitted(foot, style, room, 1);
            page.left(MARGIN, baseline, small, lines.first().map_or("", String::as_str));
            if count > 1 {
                page.right(self.sheet.width - MARGIN, baseline, style, &number);
            }
        }
        self.pages
    }

    const fn bottom(&self) -> f32 {
        self.sheet.height - FOOT
    }

    fn turn(&mut self) {
        let full = std::mem::replace(&mut self.page, Page::new(self.sheet));
        self.pages.push(full);
        let (running, room) = (self.running.clone(), self.width());
        self.page.paragraph((MARGIN, MARGIN), room, Style::bold(7.5).ink(Ink::Navy), &running, Align::Left, 1);
        self.page.rule(MARGIN, MARGIN + 13.0, room, 0.8, Ink::Navy);
        self.y = TOP;
    }

    fn heads(&mut self, columns: &[Column<'_>]) {
        let (title, english) = (Style::bold(7.5).ink(Ink::Navy), Style::regular(6.0).ink(Ink::Grey));
        let height = line_height(title) + line_height(english) + 2.0 * PAD;
        let (mut x, top, whole) = (MARGIN, self.y, self.width());
        self.page.fill((x, top), whole, height, Ink::Tint);
        for column in columns {
            let (at, room) = (x + GUTTER, column.part * whole - 2.0 * GUTTER);
            let below = self.page.paragraph((at, top + PAD), room, title, column.title, column.align, 1);
            self.page.paragraph((at, below), room, english, column.english, column.align, 1);
            x += column.part * whole;
        }
        self.page.rule(MARGIN, top, whole, 0.8, Ink::Navy);
        self.page.rule(MARGIN, top + height, whole, 0.8, Ink::Navy);
        self.y = top + height;
    }

    /// Line by line, so that even a row taller than a page loses nothing.
    fn row(&mut self, columns: &[Column<'_>], cells: &[Vec<(Style, String)>]) {
        self.y += PAD;
        let most = cells.iter().map(Vec::len).max().unwrap_or(0);
        for index in 0..most {
            let height = cells
                .iter()
                .filter_map(|lines| lines.get(index))
                .map(|(style, _)| line_height(*style))
                .fold(0.0, f32::max);
            if self.y + height > self.bottom() {
                self.turn();
                self.heads(columns);
                self.y += PAD;
            }
            let (mut x, whole) = (MARGIN, self.width());
            for (column, lines) in columns.iter().zip(cells) {
                if let Some((style, line)) = lines.get(index) {
                    let room = column.part * whole - 2.0 * GUTTER;
                    self.page.paragraph((x + GUTTER, self.y), room, *style, line, column.align, 1);
                }
                x += column.part * whole;
            }
            self.y += height;
        }
        self.y += PAD;
    }
}

/// The lines of a cell. A number must not be broken, so it shrinks instead.
fn lines_of(cell: &Cell, column: &Column<'_>, table: f32) -> Vec<(Style, String)> {
    let room = column.part * table - 2.0 * GUTTER;
    let text = Style::regular(8.5);
    if column.align == Align::Right {
        let (style, lines) = fitted(&cell.text, text, room, 1);
        return lines.into_iter().map(|line| (style, line)).collect();
    }
    let small = Style::regular(6.5).ink(Ink::Grey);
    let mut lines: Vec<(Style, String)> = wrap(&cell.text, text, room).into_iter().map(|line| (text, line)).collect();
    if !cell.small.is_empty() {
        lines.extend(wrap(&cell.small, small, room).into_iter().map(|line| (small, line)));
    }
    lines
}

fn height_of(lines: &[(Style, String)]) -> f32 {
    lines.iter().map(|(style, _)| line_height(*style)).sum()
}
