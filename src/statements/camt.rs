//! ISO 20022's CAMT.053 in any of its versions: elements are known by their local names.
//!
//! Nothing outside the file is ever opened: a document type is refused, an entity that XML itself does not define too.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::chain::{Entry, Part};
use super::mt940::other_currency;
use super::read::{MOST_LINES, Statement, StatementLine, too_many_lines};
use super::{dates, join};
use crate::fault::{Kind, Refusal};
use crate::money::Dong;
use crate::time::{Day, Moment};

/// Elements within elements; the schema needs about fifteen.
const DEEPEST: usize = 64;
/// The longest name of an element; the schema has none of forty.
const LONGEST_NAME: usize = 128;
/// The balances before the first entry, the better one first, and the one after the last.
const OPENING: [&str; 2] = ["OPBD", "PRCD"];
const CLOSING: &str = "CLBD";
/// How deep below a statement, an entry or a transfer anything stands that is read.
const DEEP: usize = 4;
/// The most statements in a file.
const MOST_STATEMENTS: usize = 10_000;
/// The longest text of one element; the schema allows 500 characters.
const LONGEST_TEXT: usize = 16_000;

/// Does this text begin as XML rather than as the HTML that some banks call .xls?
pub fn is_one(text: &str) -> bool {
    let head: String = text.chars().take(2_000).collect::<String>().to_ascii_lowercase();
    head.trim_start().starts_with('<') && !head.contains("<html") && !head.contains("<table") && !head.contains("<tr")
}

/// One of the sums or days of a statement or entry, as text.
#[derive(Default)]
struct Balance {
    code: String,
    amount: Option<i64>,
    is_debit: bool,
    day: Option<Day>,
}

/// A transfer within an entry.
#[derive(Default)]
struct Transfer {
    amount: Option<i64>,
    is_debit: Option<bool>,
    bank_number: String,
    transfer_number: String,
    end_to_end: String,
    texts: Vec<String>,
    /// How long these texts are together.
    letters: usize,
    more: String,
}

/// An entry of the account; a batch has several transfers.
#[derive(Default)]
struct Booking {
    amount: Option<i64>,
    is_debit: bool,
    status: String,
    booked: Option<Moment>,
    value: Option<Moment>,
    bank_number: String,
    number: String,
    more: String,
    transfers: Vec<Transfer>,
}

/// What is being read.
#[derive(Default)]
struct Walk {
    path: Vec<String>,
    text: String,
    currency: Option<String>,
    part: Part,
    from: Option<Day>,
    balance: Balance,
    balances: Vec<Balance>,
    booking: Booking,
    lines: usize,
    done: Vec<(Option<Day>, Part)>,
}

/// One statement for each account in the file; what the bank closed day by day is one after the other.
///
/// # Errors
/// Refused: no statement, XML that is damaged, nested beyond reason or asks for something outside itself, another
/// currency, sums that do not agree.
pub fn statements(text: &str) -> Result<Vec<Statement>, Refusal> {
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|_| damaged())? {
            Event::Start(start) => walk.open(&start)?,
            Event::Empty(start) => {
                walk.open(&start)?;
                walk.close()?;
            }
            Event::End(_) => walk.close()?,
            Event::Text(text) => walk.take(&text)?,
            Event::CData(text) => walk.take(&text)?,
            Event::GeneralRef(entity) => walk.take(&resolved(&entity)?)?,
            Event::DocType(_) => return Err(outside()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if walk.done.is_empty() || !walk.path.is_empty() { Err(damaged()) } else { join::joined(walk.done) }
}

fn resolved(entity: &BytesRef<'_>) -> Result<String, Refusal> {
    if let Some(letter) = entity.resolve_char_ref().map_err(|_| damaged())? {
        return Ok(letter.to_string());
    }
    let name: &str = entity;
    resolve_predefined_entity(name).map(str::to_owned).ok_or_else(outside)
}

impl Walk {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Refusal> {
        // The path is said for every element, so it must be short.
        if self.path.len() >= DEEPEST || start.local_name().as_ref().len() > LONGEST_NAME {
            return Err(damaged());
        }
        let name = start.local_name().as_ref().to_owned();
        self.text.clear();
        match name.as_str() {
            "Stmt" => (self.part, self.from, self.balances) = (Part::default(), None, Vec::new()),
            "Bal" => self.balance = Balance::default(),
            "Ntry" => self.booking = Booking::default(),
            "TxDtls" if self.booking.transfers.len() >= MOST_LINES => return Err(too_many_lines()),
            "TxDtls" => self.booking.transfers.push(Transfer::default()),
            "Amt" => {
                let currency = start.try_get_attribute("Ccy").map_err(|_| damaged())?;
                self.currency = currency.map(|currency| currency.value.into_owned());
            }
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn take(&mut self, text: &str) -> Result<(), Refusal> {
        if self.text.len() + text.len() > LONGEST_TEXT && !text.trim().is_empty() {
            return Err(damaged());
        }
        self.text.push_str(text);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        // Whatever stands around it, only the last few names are looked at: this is asked for every element.
        let near = &self.path[self.path.len().saturating_sub(DEEP + 1)..];
        let below = |parent: &str| {
            let above = &near[..near.len().saturating_sub(1)];
            above.iter().rposition(|name| name == parent).map(|at| near[at + 1..].join("/"))
        };
        if let Some(place) = below("TxDtls") {
            self.in_transfer(&place, text)?;
        } else if let Some(place) = below("Ntry") {
            self.in_booking(&place, text)?;
        } else if let Some(place) = below("Bal") {
            self.in_balance(&place, text)?;
        } else if let Some(place) = below("Stmt") {
            self.in_statement(&place, text)?;
        } else if near.ends_with(&["BkToCstmrStmt".to_owned(), "Stmt".to_owned()]) {
            self.end_statement()?;
        }
        self.path.pop();
        Ok(())
    }

    fn in_statement(&mut self, place: &str, text: String) -> Result<(), Refusal> {
        let printed = &mut self.part.printed;
        match place {
            "Acct/Id/IBAN" | "Acct/Id/Othr/Id" => self.part.account = Some(text).filter(|text| !text.is_empty()),
            "Acct/Ccy" if text != "VND" => return Err(other_currency("Acct/Ccy")),
            "FrToDt/FrDtTm" | "FrToDt/FrDt" => self.from = Some(moment(&text)?.day()),
            "FrToDt/ToDtTm" | "FrToDt/ToDt" => {
                printed.period =
                    self.from.zip(Some(moment(&text)?.plus_ms(-1).day())).map(|(from, to)| (from, to.max(from)));
            }
            "TxsSummry/TtlNtries/NbOfNtries" => printed.count = text.parse().ok(),
            "TxsSummry/TtlCdtNtries/Sum" => printed.came = Some(sum(&text)?),
            "TxsSummry/TtlDbtNtries/Sum" => printed.went = Some(sum(&text)?),
            "Bal" => self.end_balance(),
            "Ntry" => return self.end_booking(),
            _ => {}
        }
        Ok(())
    }

    fn in_balance(&mut self, place: &str, text: String) -> Result<(), Refusal> {
        match place {
            "Tp/CdOrPrtry/Cd" => self.balance.code = text,
            "Amt" => self.balance.amount = Some(self.amount(&text)?),
            "CdtDbtInd" => self.balance.is_debit = is_debit(&text)?,
            "Dt/Dt" | "Dt/DtTm" => self.balance.day = Some(moment(&text)?.day()),
            _ => {}
        }
        Ok(())
    }

    fn in_booking(&mut self, place: &str, text: String) -> Result<(), Refusal> {
        match place {
            "Amt" => self.booking.amount = Some(self.amount(&text)?),
            "CdtDbtInd" => self.booking.is_debit = is_debit(&text)?,
            "Sts" if !text.is_empty() => self.booking.status = text,
            "Sts/Cd" => self.booking.status = text,
            "BookgDt/Dt" | "BookgDt/DtTm" => self.booking.booked = Some(moment(&text)?),
            "ValDt/Dt" | "ValDt/DtTm" => self.booking.value = Some(moment(&text)?),
            "AcctSvcrRef" => self.booking.bank_number = text,
            "NtryRef" => self.booking.number = text,
            "AddtlNtryInf" => self.booking.more = text,
            _ => {}
        }
        Ok(())
    }

    fn in_transfer(&mut self, place: &str, text: String) -> Result<(), Refusal> {
        let amount = if matches!(place, "Amt" | "AmtDtls/TxAmt/Amt") { Some(self.amount(&text)?) } else { None };
        let Some(transfer) = self.booking.transfers.last_mut() else { return Ok(()) };
        match place {
            "Amt" => transfer.amount = amount,
            "AmtDtls/TxAmt/Amt" => transfer.amount = transfer.amount.or(amount),
            "CdtDbtInd" => transfer.is_debit = Some(is_debit(&text)?),
            "Refs/AcctSvcrRef" => transfer.bank_number = text,
            "Refs/TxId" => transfer.transfer_number = text,
            "Refs/EndToEndId" if text != "NOTPROVIDED" => transfer.end_to_end = text,
            "RmtInf/Ustrd" | "RmtInf/Strd/CdtrRefInf/Ref" => {
                transfer.letters += text.len() + 1;
                if transfer.letters > LONGEST_TEXT {
                    return Err(damaged());
                }
                transfer.texts.push(text);
            }
            "AddtlTxInf" => transfer.more = text,
            _ => {}
        }
        Ok(())
    }

    /// Keeps the first balance of each sort that is asked for.
    fn end_balance(&mut self) {
        let balance = std::mem::take(&mut self.balance);
        let is_asked_for = OPENING.contains(&balance.code.as_str()) || balance.code == CLOSING;
        if is_asked_for && self.balances.iter().all(|known| known.code != balance.code) {
            self.balances.push(balance);
        }
    }

    fn amount(&self, text: &str) -> Result<i64, Refusal> {
        match self.currency.as_deref() {
            Some("VND") => sum(text),
            _ => Err(other_currency("Amt")),
        }
    }

    /// Lines of a booked entry; what is pending or only told of has not moved the balance.
    fn end_booking(&mut self) -> Result<(), Refusal> {
        let booking = std::mem::take(&mut self.booking);
        if !matches!(booking.status.as_str(), "" | "BOOK") {
            return Ok(());
        }
        let amount = booking.amount.ok_or_else(damaged)?;
        let signed = |amount: i64, is_debit: bool| if is_debit { -amount } else { amount };
        let whole = signed(amount, booking.is_debit);
        let booked = booking.booked.or(booking.value).ok_or_else(damaged)?;
        let each = booking
            .transfers
            .iter()
            .map(|one| one.amount.map(|sum| signed(sum, one.is_debit.unwrap_or(booking.is_debit))));
        let each: Option<Vec<i64>> = each.collect();
        let parts = each.filter(|each| {
            each.len() > 1 && each.iter().try_fold(0_i64, |sum, one| sum.checked_add(*one)) == Some(whole)
        });
        let first = Transfer::default();
        let lines: Vec<(i64, &Transfer)> = match &parts {
            Some(parts) => parts.iter().copied().zip(&booking.transfers).collect(),
            None => vec![(whole, booking.transfers.first().unwrap_or(&first))],
        };
        for (amount, transfer) in lines {
            self.lines += 1;
            if self.lines > MOST_LINES {
                return Err(too_many_lines());
            }
            let line = line(&booking, transfer, booked, amount, parts.is_some());
            self.part.entries.push(Entry { line: StatementLine { row: self.lines, ..line }, fee: 0, ordinal: None });
        }
        Ok(())
    }

    fn end_statement(&mut self) -> Result<(), Refusal> {
        let mut part = std::mem::take(&mut self.part);
        let find = |code: &str| self.balances.iter().find(|balance| balance.code == code);
        let (opening, closing) = (OPENING.into_iter().find_map(find), find(CLOSING));
        let amount = |balance: &Balance| balance.amount.map(|sum| if balance.is_debit { -sum } else { sum });
        part.printed.opening = opening.and_then(amount);
        part.printed.closing = closing.and_then(amount);
        let day = |balance: Option<&Balance>| balance.and_then(|balance| balance.day);
        let opens = self.from.or(day(opening));
        // The opening balance bears the day that it closed, at some banks the day that it opens.
        let days = day(opening).zip(day(closing)).filter(|(opens, closes)| opens <= closes);
        let has_lines_of = |day| part.entries.iter().any(|entry| entry.line.day == day);
        let days = days
            .map(|(opens, closes)| (if has_lines_of(opens) { opens } else { opens.plus_days(1).min(closes) }, closes));
        part.printed.period = part.printed.period.or(days);
        // A count of entries says nothing of a batch's lines.
        part.printed.count = part.printed.count.filter(|count| *count >= part.entries.len());
        part.numbers.extend(part.account.clone());
        self.done.push((opens, part));
        if self.done.len() > MOST_STATEMENTS {
            return Err(too_many_lines());
        }
        Ok(())
    }
}

fn line(booking: &Booking, transfer: &Transfer, booked: Moment, amount: i64, is_batch: bool) -> StatementLine {
    let shared = if is_batch { "" } else { booking.bank_number.as_str() };
    let numbers: [&str; 5] =
        [&transfer.bank_number, shared, &transfer.transfer_number, &booking.bank_number, &booking.number];
    let reference = numbers.into_iter().find(|number| !number.is_empty()).unwrap_or_default().to_owned();
    let mut text = transfer.texts.join("\n");
    for more in [&transfer.more, &booking.more] {
        if text.is_empty() {
            text.clone_from(more);
        }
    }
    // Some banks carry the payer's reference only here.
    if !transfer.end_to_end.is_empty() && !text.contains(&transfer.end_to_end) {
        let both = format!("{text}\n{}", transfer.end_to_end);
        both.trim().clone_into(&mut text);
    }
    let at = dates::told_near(&text, booked.day()).map(|told| told.at()).or(booking.value).unwrap_or(booked);
    StatementLine { row: 0, day: booked.day(), at, amount, balance: None, reference, text }
}

fn is_debit(text: &str) -> Result<bool, Refusal> {
    match text {
        "DBIT" => Ok(true),
        "CRDT" => Ok(false),
        _ => Err(damaged()),
    }
}

/// `2026-10-14`, or with a time that has a zone or is Vietnam's.
fn moment(text: &str) -> Result<Moment, Refusal> {
    let zoned = || Moment::parse(text).filter(|moment| dates::sane(moment.day()).is_some());
    zoned().or_else(|| dates::stamp(text).map(|stamp| stamp.at())).ok_or_else(damaged)
}

fn sum(text: &str) -> Result<i64, Refusal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = !whole.is_empty() && whole.len() <= 18 && whole.bytes().all(|byte| byte.is_ascii_digit());
    let sum: Option<i64> = whole.parse().ok().filter(|sum| plain && *sum <= Dong::TRANSFER_MOST.get());
    sum.filter(|_| fraction.bytes().all(|byte| byte == b'0')).ok_or_else(damaged)
}

fn damaged() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "camt-unreadable",
        "Không đọc được tệp XML này như sao kê CAMT.053.",
        "This XML file cannot be read as a CAMT.053 statement.",
    )
}

fn outside() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "xml-asks-outside",
        "Tệp XML có DOCTYPE hoặc thực thể lạ, không nhận vì lý do an toàn.",
        "The XML file has a DOCTYPE or an unknown entity and is refused for safety.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<c:Document xmlns:c="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><c:BkToCstmrStmt><c:GrpHdr><c:MsgId>1</c:MsgId></c:GrpHdr><c:Stmt>
<c:Acct><c:Id><c:Othr><c:Id>0011001932418</c:Id></c:Othr></c:Id><c:Ccy>VND</c:Ccy></c:Acct>
<c:Bal><c:Tp><c:CdOrPrtry><c:Cd>OPBD</c:Cd></c:CdOrPrtry></c:Tp><c:Amt Ccy="VND">1000000.00</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Dt><c:Dt>2026-12-31</c:Dt></c:Dt></c:Bal>
<c:Bal><c:Tp><c:CdOrPrtry><c:Cd>CLBD</c:Cd></c:CdOrPrtry></c:Tp><c:Amt Ccy="VND">1700000</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Dt><c:Dt>2026-12-31</c:Dt></c:Dt></c:Bal>
<c:Ntry><c:Amt Ccy="VND">750000</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts><c:Cd>BOOK</c:Cd></c:Sts><c:BookgDt><c:Dt>2026-12-31</c:Dt></c:BookgDt><c:ValDt><c:DtTm>2026-12-30T23:10:00+07:00</c:DtTm></c:ValDt><c:AcctSvcrRef>B1</c:AcctSvcrRef>
<c:NtryDtls><c:TxDtls><c:Refs><c:AcctSvcrRef>T1</c:AcctSvcrRef><c:EndToEndId>RF42BCFGHJKLM</c:EndToEndId></c:Refs><c:Amt Ccy="VND">500000</c:Amt><c:RmtInf><c:Ustrd>an &amp; hoc &#7897;</c:Ustrd><c:Ustrd>ky 1</c:Ustrd></c:RmtInf></c:TxDtls>
<c:TxDtls><c:Refs><c:TxId>T2</c:TxId><c:EndToEndId>NOTPROVIDED</c:EndToEndId></c:Refs><c:Amt Ccy="VND">250000</c:Amt><c:AddtlTxInf>khac</c:AddtlTxInf></c:TxDtls></c:NtryDtls></c:Ntry>
<c:Ntry><c:Amt Ccy="VND">50000</c:Amt><c:CdtDbtInd>DBIT</c:CdtDbtInd><c:RvslInd>true</c:RvslInd><c:Sts>BOOK</c:Sts><c:BookgDt><c:Dt>2026-12-31</c:Dt></c:BookgDt><c:AcctSvcrRef>B2</c:AcctSvcrRef></c:Ntry>
<c:Ntry><c:Amt Ccy="VND">9</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts>PDNG</c:Sts></c:Ntry>
</c:Stmt></c:BkToCstmrStmt></c:Document>"#;

    fn code(text: &str) -> &'static str {
        statements(text).expect_err("a refusal").code
    }

    #[test]
    fn a_batch_is_read_into_its_transfers_with_both_days() {
        assert!(is_one(ONE) && !is_one("<html><table>") && !is_one("a,b"));
        let all = statements(ONE).expect("a statement");
        let [one] = all.as_slice() else { panic!("one") };
        let told: Vec<(i64, &str, &str)> =
            one.lines.iter().map(|line| (line.amount, line.reference.as_str(), line.text.as_str())).collect();
        let wanted = [(500_000, "T1", "an & hoc ộ\nky 1\nRF42BCFGHJKLM"), (250_000, "T2", "khac"), (-50_000, "B2", "")];
        assert_eq!(told, wanted);
        assert_eq!(one.lines[0].at.rfc3339(), "2026-12-30T23:10:00+07:00");
        assert_eq!((one.lines[0].day.to_string().as_str(), one.lines[2].row), ("2026-12-31", 3));
        assert_eq!(
            (one.account.as_deref(), one.opening, one.closing),
            (Some("0011001932418"), Some(1_000_000), Some(1_700_000))
        );
        assert!(one.complete.is_some());
        let older = ONE.replace("c:", "").replace("xmlns:c", "xmlns").replace(".001.08", ".001.02");
        assert_eq!(statements(&older).expect("an older version")[0].lines, one.lines);
    }

    #[test]
    fn days_of_one_account_follow_one_another_in_whatever_order_they_stand() {
        let (head, rest) = ONE.split_once("<c:Stmt>").expect("a head");
        let (monday, tail) = rest.rsplit_once("</c:Stmt>").expect("a tail");
        let tuesday = monday
            .replace("2026-12-31", "2027-01-01")
            .replace(">1700000<", ">2400000<")
            .replace(">1000000.00<", ">1700000.00<")
            .replace(">T1<", ">T3<")
            .replace("2026-12-30T23", "2026-12-31T23");
        let file = |days: [&str; 2]| {
            let days = days.map(|day| format!("<c:Stmt>{day}</c:Stmt>")).concat();
            format!("{head}{days}{tail}")
        };
        for days in [[monday, tuesday.as_str()], [tuesday.as_str(), monday]] {
            let all = statements(&file(days)).expect("two days");
            let [one] = all.as_slice() else { panic!("one account") };
            assert_eq!((one.opening, one.closing, one.lines.len()), (Some(1_000_000), Some(2_400_000), 6));
            assert_eq!(
                one.period.map(|(from, through)| (from.to_string(), through.to_string())),
                Some(("2026-12-31".to_owned(), "2027-01-01".to_owned()))
            );
            assert!(one.holes.is_empty() && one.complete.is_some());
        }
        let other = tuesday.replace("0011001932418", "0011001932419");
        assert_eq!(statements(&file([monday, &other])).expect("two accounts").len(), 2);
        let torn = tuesday.replace(">1700000.00<", ">1800000.00<").replace(">2400000<", ">2500000<");
        let all = statements(&file([monday, &torn])).expect("two days with something between");
        assert_eq!((all[0].holes.len(), all[0].holes[0].missing, all[0].complete), (1, 100_000, None));
        let again = statements(&file([monday, monday])).expect("a day twice");
        assert_eq!((again[0].lines.len(), again[0].closing, again[0].holes.len()), (3, Some(1_700_000), 0));
        let overlapping =
            torn.replace(">T3<", ">T1<").replace("2027-01-01", "2026-12-31").replace("2026-12-31T23", "2026-12-30T23");
        assert_eq!(code(&file([monday, &overlapping])), "statement-overlaps-itself");
    }

    #[test]
    fn what_is_no_honest_statement_is_refused() {
        assert_eq!(code(&ONE.replace("1700000", "1700001")), "statement-sum");
        assert_eq!(code(&ONE.replace("Ccy=\"VND\">500000", "Ccy=\"USD\">500000")), "statement-currency");
        assert_eq!(code(&ONE.replace(">750000<", ">750000.5<")), "camt-unreadable");
        assert_eq!(code(&ONE.replace("&#7897;", "&xxe;")), "xml-asks-outside");
        assert_eq!(
            code(&format!("<!DOCTYPE x [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]>{ONE}")),
            "xml-asks-outside"
        );
        for broken in [
            "<a>".repeat(100_000),
            "<a/>".to_owned(),
            ONE[..ONE.len() - 30].to_owned(),
            ONE.replace("2026-12-31", "9999-12-31"),
        ] {
            assert_eq!(code(&broken), "camt-unreadable");
        }
    }
}
