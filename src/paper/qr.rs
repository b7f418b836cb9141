//! A code as squares, to be drawn as a path: sharp at any size, and no picture in the file.

use qrcode::{Color, EcLevel, QrCode};

use crate::fault::{OrFault, Result};

/// White squares around a code, without which scanners do not find it.
const QUIET: usize = 4;

/// The squares of a code, without its quiet zone, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Squares along one side.
    pub width: usize,
    /// Whether a square is dark.
    pub dark: Vec<bool>,
}

impl Matrix {
    /// A code that survives 15 % damage: for a short link.
    ///
    /// # Errors
    /// A fault when the text is longer than a code can hold.
    pub fn medium(text: &str) -> Result<Self> {
        Self::with_level(text, EcLevel::M)
    }

    /// A code that survives 25 % damage: for paper that is folded and stained.
    ///
    /// # Errors
    /// A fault when the text is longer than a code can hold.
    pub fn sturdy(text: &str) -> Result<Self> {
        Self::with_level(text, EcLevel::Q)
    }

    fn with_level(text: &str, level: EcLevel) -> Result<Self> {
        let code = QrCode::with_error_correction_level(text, level).or_fault("draw a code on paper")?;
        let width = code.width();
        let dark = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Matrix { width, dark })
    }

    /// Squares along one side with the quiet zone.
    pub(super) fn whole(&self) -> usize {
        self.width + 2 * QUIET
    }

    /// Dark squares side by side as (column, row, length), counted from the corner of the quiet zone.
    pub(super) fn runs(&self) -> Vec<(usize, usize, usize)> {
        let mut runs = Vec::new();
        for (row, squares) in self.dark.chunks(self.width.max(1)).enumerate() {
            let mut column = 0;
            for run in squares.chunk_by(|one, next| one == next) {
                if run[0] {
                    runs.push((column + QUIET, row + QUIET, run.len()));
                }
                column += run.len();
            }
        }
        runs
    }
}
