//! From a proven body to credits, pointer by pointer.

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde_json::Value;

use super::credit::{At, Credit, Format};
use super::spec::{Ask, AskKind, Differs, From, Places, Pointer, Spec};
use super::{Asked, BillAsked, Direction, Heard, Payer, ToldCredit, Unread};
use crate::ids::PaymentReference;
use crate::money::{Dong, NotMoney};
use crate::time::{Day, Moment};

/// Reads a proven body.
pub fn read(spec: &Spec, file: &str, body: Option<&Value>) -> Heard {
    let unread = |key, pointer: &str, what| Unread { file: file.to_owned(), key, pointer: pointer.to_owned(), what };
    let Some(body) = body else { return Heard::Unreadable(unread("body", "", "not JSON in UTF-8")) };
    let within: Value;
    let body = match &spec.request.inside {
        None => body,
        Some(at) => {
            let text = body.pointer(at.as_str()).and_then(Value::as_str);
            match text.and_then(|text| serde_json::from_str(text).ok()) {
                Some(value) => within = value,
                None => return Heard::Unreadable(unread("request.inside", at.as_str(), "not a text of JSON")),
            }
            &within
        }
    };
    if is_test(spec, body) {
        return Heard::Test;
    }
    let listed = spec.credit.each.as_ref().and_then(|each| each.iter().find_map(|at| Some((at, body.pointer(at)?))));
    let (base, sent): (Option<&str>, &[Value]) = match listed {
        None => (None, std::slice::from_ref(body)),
        Some((at, Value::Array(lines))) => (Some(at), lines),
        Some((at, _)) => return Heard::Unreadable(unread("credit.each", at, "not a list")),
    };
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (index, line) in sent.iter().enumerate() {
        // The pointer of a line within a list begins with the list's own.
        let base = base.map_or(String::new(), |base| format!("{base}/{index}"));
        match (Line { spec, credit: &spec.credit, value: line }).told() {
            Ok(Some(told)) => lines.push(told),
            Ok(None) => {}
            Err((key, pointer, what)) => problems.push(unread(key, &format!("{base}{pointer}"), what)),
        }
    }
    heard(lines, problems)
}

/// An unread line may be money, so lines going out beside it do not make the delivery mean nothing.
fn heard(lines: Vec<ToldCredit>, mut problems: Vec<Unread>) -> Heard {
    if lines.iter().any(|line| line.direction == Direction::In) {
        return Heard::Credits { lines, unread: problems };
    }
    if !problems.is_empty() {
        return Heard::Unreadable(problems.swap_remove(0));
    }
    let why = match lines.iter().filter(|line| line.direction == Direction::Reversal).count() {
        _ if lines.is_empty() => "no line is a credit",
        0 => "only money going out",
        taken_back if taken_back == lines.len() => "an earlier credit is taken back",
        _ => "only money going out and credits taken back",
    };
    Heard::Nothing { why, outgoing: lines }
}

/// Reads a question. A payer's number that is no text is nobody's, and gets the answer for that.
pub fn asked(ask: &Ask, body: Option<&Value>) -> Heard {
    let found = |at: Option<&Places>| text(at?.find(body?).ok()??).filter(|text| !text.is_empty());
    Heard::Asks(match ask.kind {
        AskKind::Token => Asked::Token,
        AskKind::Bill => Asked::Bill(BillAsked {
            customer: found(ask.customer.as_ref()).unwrap_or_default(),
            service: found(ask.service.as_ref()),
        }),
    })
}

fn is_test(spec: &Spec, body: &Value) -> bool {
    let holds =
        |(at, wanted): (&Pointer, &toml::Value)| body.pointer(at.as_str()).is_some_and(|value| equal(value, wanted));
    spec.test.iter().any(|marks| marks.iter().all(holds))
}

/// Is a value of the body the one that the file names, or one of those?
fn equal(value: &Value, wanted: &toml::Value) -> bool {
    match (value, wanted) {
        (value, toml::Value::Array(wanted)) => wanted.iter().any(|wanted| equal(value, wanted)),
        (Value::String(value), toml::Value::String(wanted)) => value == wanted,
        (Value::Bool(value), toml::Value::Boolean(wanted)) => value == wanted,
        (Value::Number(value), toml::Value::Integer(wanted)) => value.as_i64() == Some(*wanted),
        _ => false,
    }
}

/// The key in the provider's file, the pointer, and what is wrong there.
type Problem<'a> = (&'static str, &'a str, &'static str);

struct Line<'a> {
    spec: &'a Spec,
    credit: &'a Credit,
    value: &'a Value,
}

impl<'a> Line<'a> {
    /// The credit of this line; none where the line is not one.
    fn told(&self) -> Result<Option<ToldCredit>, Problem<'a>> {
        let credit = self.credit;
        for (at, wanted) in &credit.only {
            let value = self.value.pointer(at.as_str()).ok_or(("credit.where", at.as_str(), "missing"))?;
            if !equal(value, wanted) {
                return Ok(None);
            }
        }
        let (amount, sign) = self.amount()?;
        let direction = self.direction(sign)?;
        let reference = self.needed("credit.reference", &credit.reference)?;
        let payer = Payer {
            name: self.optional(credit.payer.name.as_ref()),
            account: self.optional(credit.payer.account.as_ref()),
            bank: self.optional(credit.payer.bank.as_ref()),
        };
        Ok(Some(ToldCredit {
            told_reference: self.told_reference(&reference)?,
            reference,
            bank_reference: self.optional(credit.bank_reference.as_ref()),
            order: self.optional(credit.order.as_ref()),
            account: self.account()?,
            sub_account: self.optional(credit.sub_account.as_ref()),
            bank_bin: self.bank(),
            amount,
            memo: self.memo()?,
            at: self.at(&credit.at)?,
            direction,
            settles: self.spec.settles,
            balance: credit.balance.as_ref().and_then(|at| whole(at.find(self.value).ok()??).ok()),
            payer: (payer != Payer::default()).then_some(payer),
        }))
    }

    fn told_reference(&self, reference: &str) -> Result<String, Problem<'a>> {
        let parts = &self.credit.told_by;
        if parts.is_empty() {
            return Ok(reference.to_owned());
        }
        let parts: Result<Vec<String>, _> = parts.iter().map(|at| self.identifying(at)).collect();
        // A slash within a part would let two credits share a reference.
        Ok(parts?.iter().map(|part| part.replace('%', "%25").replace('/', "%2F")).collect::<Vec<_>>().join("/"))
    }

    /// A part of what makes a line one of a kind, in its one spelling: a bank that tells a line again may write its
    /// amount, its time or its blanks in another way.
    fn identifying(&self, at: &'a Places) -> Result<String, Problem<'a>> {
        let credit = self.credit;
        if at.first() == credit.amount.first() {
            let (amount, sign) = self.amount()?;
            return Ok((amount.get() * sign).to_string());
        }
        if at.first() == credit.at.pointer.first() {
            return Ok(self.at(&credit.at)?.0.to_string());
        }
        Ok(self.needed("credit.told_by", at)?.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The value of a place; a place whose spellings hold different values cannot be read.
    fn found(&self, key: &'static str, at: &'a Places) -> Result<Option<&'a Value>, Problem<'a>> {
        at.find(self.value).map_err(|Differs| (key, at.first(), "two spellings with different values"))
    }

    fn needed(&self, key: &'static str, at: &'a Places) -> Result<String, Problem<'a>> {
        let problem = |what| (key, at.first(), what);
        match self.found(key, at)? {
            None => Err(problem("missing")),
            Some(value) => match text(value) {
                Some(text) if text.is_empty() => Err(problem("empty")),
                Some(text) => Ok(text),
                None => Err(problem("neither a text nor a whole number")),
            },
        }
    }

    fn optional(&self, at: Option<&Places>) -> Option<String> {
        text(at?.find(self.value).ok()??).filter(|text| !text.is_empty())
    }

    fn account(&self) -> Result<String, Problem<'a>> {
        let places = &self.credit.account;
        for at in places {
            self.found("credit.account", at)?;
        }
        match (places.iter().find_map(|at| self.optional(Some(at))), places.first()) {
            (Some(found), _) => Ok(found),
            (None, Some(first)) => self.needed("credit.account", first),
            (None, None) => Ok(String::new()),
        }
    }

    fn bank(&self) -> Option<String> {
        let bank = self.credit.bank.as_ref()?;
        let name = self.optional(Some(&bank.pointer))?;
        if bank.names.is_empty() { Some(name) } else { bank.names.get(&name).cloned() }
    }

    /// The amount without its sign, and the sign.
    fn amount(&self) -> Result<(Dong, i64), Problem<'a>> {
        let (at, scale) = (&self.credit.amount, self.credit.amount_scale);
        let problem = |what| ("credit.amount", at.first(), what);
        let told = whole(self.found("credit.amount", at)?.ok_or(problem("missing"))?).map_err(problem)?;
        if told.get() % scale != 0 {
            return Err(problem("a fraction of a đồng"));
        }
        let amount = Dong::new(told.get() / scale);
        match amount.get().signum() {
            0 => Err(problem("zero")),
            1 => Ok((amount, 1)),
            _ if self.credit.negative_is_out => {
                Ok((amount.negated().ok_or(problem("beyond what can be counted"))?, -1))
            }
            _ => Err(problem("negative")),
        }
    }

    fn direction(&self, sign: i64) -> Result<Direction, Problem<'a>> {
        let marks = &self.credit.reversal;
        let holds = |(at, wanted): (&Pointer, &toml::Value)| {
            self.value.pointer(at.as_str()).is_some_and(|value| equal(value, wanted))
        };
        if !marks.is_empty() && marks.iter().all(holds) {
            return Ok(Direction::Reversal);
        }
        let Some(word) = &self.credit.direction else {
            return Ok(if sign < 0 { Direction::Out } else { Direction::In });
        };
        let told = self.needed("credit.direction", &word.pointer)?;
        if word.incoming.hold(&told) {
            Ok(Direction::In)
        } else if word.outgoing.hold(&told) {
            Ok(Direction::Out)
        } else {
            Err(("credit.direction", word.pointer.first(), "a word for neither direction"))
        }
    }

    fn memo(&self) -> Result<String, Problem<'a>> {
        let mut texts = Vec::new();
        for at in &self.credit.memo.0 {
            match self.found("credit.memo", at)? {
                // A query's empty values are in no signature, so an absent one must mean the same.
                None if self.spec.request.from == From::Query => {}
                found => texts.push(memo(at.first(), found)?),
            }
        }
        texts.retain(|text| !text.is_empty());
        let memo = texts.join(" ");
        let has_more = |reference: &PaymentReference| reference.as_str() != memo;
        if self.credit.memo_is_reference && PaymentReference::find_all(&memo).iter().any(has_more) {
            let first = self.credit.memo.0.first().map_or("", Places::first);
            return Err(("credit.memo", first, "more than a payment reference"));
        }
        Ok(memo)
    }

    fn at(&self, at: &'a At) -> Result<Moment, Problem<'a>> {
        let text = self.needed("credit.at", &at.pointer)?;
        let moment = at.format.iter().find_map(|format| moment(&text, *format));
        moment.ok_or(("credit.at", at.pointer.first(), "not a time in any declared form"))
    }
}

/// Null and empty are no text; an absent one means that the provider has changed its form.
fn memo<'a>(at: &'a str, value: Option<&Value>) -> Result<String, Problem<'a>> {
    match value {
        Some(Value::Null) => Ok(String::new()),
        Some(Value::String(memo)) => Ok(memo.clone()),
        Some(value) => text(value).ok_or(("credit.memo", at, "not a text")),
        None => Err(("credit.memo", at, "missing")),
    }
}

/// A text as it is, a whole number as its digits; nothing else is text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())),
        _ => None,
    }
}

/// The forms without a zone are of Vietnam's, the only zone a file can declare.
fn moment(text: &str, format: Format) -> Option<Moment> {
    match format {
        Format::DateTime => {
            // The parser would also take a date alone, or a zone after the time and forget it.
            let is_plain = text.len() == 19 && text.bytes().all(|b| b.is_ascii_digit() || b"-: T".contains(&b));
            Moment::from_civil(text.parse::<DateTime>().ok().filter(|_| is_plain)?)
        }
        Format::Date => Some(Day(text.parse::<Date>().ok().filter(|_| text.len() == 10)?).begins()),
        Format::Rfc3339 => Moment::parse(text),
        Format::Compact => compact(text),
        Format::DateGluedTime => {
            let (date, time) = text.split_at_checked(10).filter(|(_, time)| time.len() == 5)?;
            moment(&format!("{date} {time}:00"), Format::DateTime)
        }
        Format::DayFirst => {
            let (date, time) = text.split_once(' ')?;
            let mut parts = date.split('/');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            let lengths = [day.len(), month.len(), year.len(), parts.count()];
            moment(&format!("{year}-{month}-{day} {time}"), Format::DateTime).filter(|_| lengths == [2, 2, 4, 0])
        }
        Format::EpochSeconds => digits(text, 9..=10)?.checked_mul(1_000).map(Moment),
        Format::EpochMilliseconds => digits(text, 12..=13).map(Moment),
    }
}

/// `yyyyMMddHHmmss` in Vietnam.
pub fn compact(text: &str) -> Option<Moment> {
    digits(text, 14..=14)?;
    let part = |range: std::ops::Range<usize>| text.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(8..10)?, part(10..12)?, part(12..14)?);
    moment(&format!("{year}-{month}-{day} {hour}:{minute}:{second}"), Format::DateTime)
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let is_digits = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// Whole đồng from a number or a text of digits, a sign before them and `.00` after them allowed.
fn whole(value: &Value) -> Result<Dong, &'static str> {
    let digits = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return Err("neither a number nor a text"),
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
    let (units, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(units) || !all_digits(fraction) {
        return Err("not digits");
    }
    // Longer than any amount of money; the decimal would round instead of refusing.
    if units.len() > 20 {
        return Err("beyond what can be counted");
    }
    if fraction.bytes().any(|b| b != b'0') {
        return Err("a fraction of a đồng");
    }
    let decimal: Decimal =
        digits.split_once('.').map_or(digits.as_str(), |(whole, _)| whole).parse().map_err(|_| "not digits")?;
    Dong::from_decimal(decimal).map_err(|error| match error {
        NotMoney::Fractional => "a fraction of a đồng",
        NotMoney::TooLarge => "beyond what can be counted",
        NotMoney::NotANumber => "not digits",
    })
}
