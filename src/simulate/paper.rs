//! The bank's end-of-day statement, as schools download it: a heading, then one line a transfer.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::bank::Transfer;
use crate::fault::{OrFault, Result};
use crate::time::{Day, Moment};

const COLUMNS: [&str; 6] = ["Ngày giao dịch", "Số tham chiếu", "Ghi nợ", "Ghi có", "Số dư", "Nội dung giao dịch"];

/// The statement as a spreadsheet.
///
/// # Errors
/// The spreadsheet cannot be written, which only a lack of memory could cause.
pub fn xlsx(account: &str, day: Day, transfers: &[&Transfer]) -> Result<Vec<u8>> {
    write(account, day, transfers).or_fault("write a simulated statement")
}

fn write(account: &str, day: Day, transfers: &[&Transfer]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Format::new().set_bold();
    let money = Format::new().set_num_format("#,##0");
    sheet.merge_range(0, 0, 0, 5, "SAO KÊ TÀI KHOẢN", &bold)?;
    sheet.write(1, 0, format!("Số tài khoản: {account}"))?;
    sheet.write(2, 0, format!("Từ ngày {0} đến ngày {0}", day.vietnamese()))?;
    for (column, title) in (0..).zip(COLUMNS) {
        sheet.write_with_format(4, column, title, &bold)?;
    }
    for (row, transfer) in (5..).zip(transfers) {
        sheet.write(row, 0, Moment(transfer.booked_at).civil().strftime("%d/%m/%Y %H:%M:%S").to_string())?;
        sheet.write(row, 1, &transfer.bank_reference)?;
        for (column, amount) in [(3, transfer.amount), (4, transfer.balance)] {
            // Excel keeps whole numbers exactly up to 15 digits; beyond 32 bits the bank writes text, as some do.
            match i32::try_from(amount) {
                Ok(amount) => sheet.write_with_format(row, column, amount, &money)?,
                Err(_) => sheet.write(row, column, amount.to_string())?,
            };
        }
        sheet.write(row, 5, &transfer.memo)?;
    }
    book.save_to_buffer()
}

/// The statement as text with commas.
///
/// # Errors
/// It cannot be written, which only a lack of memory could cause.
pub fn csv(account: &str, day: Day, transfers: &[&Transfer]) -> Result<Vec<u8>> {
    let mut lines = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut write = |fields: &[&str]| lines.write_record(fields).or_fault("write a simulated statement");
    write(&["SAO KÊ TÀI KHOẢN", account, &day.vietnamese()])?;
    write(&COLUMNS)?;
    for transfer in transfers {
        write(&[
            &Moment(transfer.booked_at).civil().strftime("%d/%m/%Y %H:%M:%S").to_string(),
            &transfer.bank_reference,
            "",
            &transfer.amount.to_string(),
            &transfer.balance.to_string(),
            &transfer.memo,
        ])?;
    }
    lines.into_inner().map_err(csv::IntoInnerError::into_error).or_fault("write a simulated statement")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Dong;
    use crate::simulate::bank::{Bank, Habit, Hook};
    use crate::statements;
    use crate::vietqr::{Label, Payload};

    #[test]
    fn the_reader_finds_every_transfer_in_both_kinds_of_file() {
        let (bin, number) = ("970422", "0881000123456");
        let mut bank = Bank::new(3).expect("a bank");
        bank.serve(bin, number, Hook { url: String::new(), secret: String::new() });
        let mut code = Payload::to_account(bin, number);
        code.amount = Some(Dong::new(350_000));
        code.additional.set(Label::Purpose, "RF18BCFGHJKLM");
        let code = code.encode().expect("a code");
        let now = Moment::parse("2026-11-23T08:00:00+07:00").expect("an instant");
        for habit in [Habit::Exact, Habit::Twice, Habit::NeverTold, Habit::NoReference] {
            bank.scan(&code, habit, now).expect("paid");
        }
        let day = bank.of_day(bin, number, now.day());
        let files = [
            (xlsx(number, now.day(), &day).expect("a file"), "sao-ke.xlsx"),
            (csv(number, now.day(), &day).expect("a file"), "sao-ke.csv"),
        ];
        for (bytes, name) in files {
            let statement = statements::read(&bytes, name).expect(name);
            assert_eq!(statement.lines.len(), 5);
            for (line, transfer) in statement.lines.iter().zip(&day) {
                assert_eq!(line.amount, transfer.amount);
                assert_eq!(line.reference, transfer.bank_reference);
                assert_eq!(line.text, transfer.memo);
            }
        }
    }
}
