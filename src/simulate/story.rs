//! What happens in the demo: which fees are asked, under which resolution, and how each family pays.

use super::bank::Habit;
use super::chance::Chance;
use crate::money::Dong;
use crate::time::Day;

/// Items of Ho Chi Minh City's resolution with their official names and its prices for wards; the price of a meal is
/// agreed with the parents. As a school keeps them: a table with its own headings.
const CATALOGUE: &str = include_str!("catalogue.csv");

/// The catalogue with prices that count from this day.
pub fn catalogue(from: Day) -> String {
    CATALOGUE.replace("{from}", &from.vietnamese())
}

/// The lines of the run: code and how many units. Twenty-two meals are the school days of a month.
pub const LINES: [(&str, i64); 5] = [("QLBT", 1), ("KSK", 1), ("MLPH", 1), ("CNTT", 1), ("ABT", 22)];

/// What parents read above their lines.
pub fn run_title(day: Day) -> String {
    format!("Các khoản thu tháng {} năm {}", day.0.month(), day.0.year())
}

/// One of each, so that every story is told however few families there are.
const ONE_OF_EACH: [Habit; 12] = [
    Habit::Exact,
    Habit::Short(Dong::new(150_000)),
    Habit::Over(Dong::new(50_000)),
    Habit::Twice,
    Habit::Late,
    Habit::ToldAgain,
    Habit::LowerCase,
    Habit::Spaced,
    Habit::Wrapped,
    Habit::Misread,
    Habit::NoReference,
    Habit::NeverTold,
];

/// How each of so many families pays; one in nine does not, yet.
pub fn habits(families: usize, chance: &mut Chance) -> Vec<Option<Habit>> {
    let mut habits: Vec<Option<Habit>> = ONE_OF_EACH.into_iter().map(Some).take(families).collect();
    while habits.len() < families {
        habits.push(match chance.below(54) {
            0..=5 => None,
            6..=13 => Some(Habit::Wrapped),
            14..=16 => Some(Habit::LowerCase),
            17..=19 => Some(Habit::Spaced),
            20..=21 => Some(Habit::ToldAgain),
            22 => Some(Habit::Short(Dong::new(100_000))),
            23 => Some(Habit::Over(Dong::new(20_000))),
            24 => Some(Habit::NeverTold),
            25 => Some(Habit::Late),
            _ => Some(Habit::Exact),
        });
    }
    chance.shuffle(&mut habits);
    habits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_story_is_told_and_somebody_still_owes() {
        let habits = habits(90, &mut Chance::new(5));
        assert_eq!(habits.len(), 90);
        for habit in ONE_OF_EACH {
            assert!(habits.contains(&Some(habit)), "{habit:?}");
        }
        assert!(habits.iter().any(Option::is_none));
    }
}
