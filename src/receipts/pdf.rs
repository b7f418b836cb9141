//! The receipt as a paper: an A5 page in the layout of form C45-BB, with a code that leads to its public check.

use crate::fault::{Fault, Result};
use crate::money::{Dong, Reading, in_words};
use crate::paper::{Align, Field, Flow, Ink, Line, Matrix, Page, Paper, Sheet, Style, amount, mm};
use crate::time::Moment;

/// Everything a receipt says. Plain values, so that drawing it again in ten years needs nothing else.
#[derive(Debug, Clone)]
pub struct ReceiptPaper {
    /// The school that took the money.
    pub school: String,
    /// Where it is.
    pub address: String,
    /// Its budget code (mã ĐVQHNS) or tax code.
    pub unit_code: Option<String>,
    /// What the document is called, such as `Biên lai thu tiền`.
    pub document: String,
    /// Its form, such as `C45-BB`.
    pub form: String,
    /// Its series.
    pub series: String,
    /// Its number in the series, as printed: eight digits.
    pub number: String,
    /// When it was issued; the day in Vietnam is printed.
    pub issued_at: Moment,
    /// Who paid, where it is known and may be printed.
    pub payer: Option<String>,
    /// The pupil.
    pub pupil: String,
    /// The pupil's class.
    pub class_group: String,
    /// The reference of the invoice.
    pub reference: String,
    /// What this money paid, line by line; with `surplus` it makes `received`.
    pub lines: Vec<Line>,
    /// The money that came.
    pub received: Dong,
    /// What of it is kept as the family's credit.
    pub surplus: Dong,
    /// What the invoice asks in all.
    pub due: Dong,
    /// What has been paid on it so far, this money included and surplus left out.
    pub paid: Dong,
    /// How the school reads numbers.
    pub reading: Reading,
    /// How it was paid, such as `Chuyển khoản`.
    pub method: String,
    /// When the bank reported it.
    pub bank_at: Option<Moment>,
    /// The public page that says whether this receipt is valid.
    pub check_url: String,
    /// Why it is no longer valid, when it is not.
    pub void: Option<String>,
}

/// The receipt as a PDF/A-1b file; the same receipt always gives the same bytes.
///
/// # Errors
/// A fault when the lines and the surplus do not make what was received.
pub fn draw(receipt: &ReceiptPaper) -> Result<Vec<u8>> {
    draw_many(std::slice::from_ref(receipt))
}

/// The receipts of a school in one file, in their order, each beginning on its own page. The file is as old as its last
/// receipt.
///
/// # Errors
/// As [`draw`]; and a fault when there is nothing to print.
pub fn draw_many(receipts: &[ReceiptPaper]) -> Result<Vec<u8>> {
    let (Some(first), Some(last)) = (receipts.first(), receipts.last()) else {
        return Err(Fault::new("print receipts: there are none").into());
    };
    let numbers = if receipts.len() == 1 { String::new() } else { format!("–{}", last.number) };
    let title = format!("{} {} {}{numbers}", first.document, first.series, first.number);
    Paper { title, author: first.school.clone(), at: last.issued_at }.print_all(receipts.iter().map(pages))
}

fn pages(receipt: &ReceiptPaper) -> Result<Vec<Page>> {
    let parts = receipt.lines.iter().map(|line| line.amount).chain([receipt.surplus]);
    if Dong::sum(parts) != Some(receipt.received) {
        return Err(Fault::new("draw a receipt: its lines do not make what was received").into());
    }
    let running = format!("{} · Ký hiệu {} · Số {} (tiếp theo)", receipt.document, receipt.series, receipt.number);
    let mut flow = Flow::new(Sheet::A5, running);
    head(&mut flow, receipt);
    flow.lines("Nội dung thu", &receipt.lines);
    sums(&mut flow, receipt);
    close(&mut flow, receipt)?;
    let mut pages = flow.finish(&format!("{} · {} · {}", receipt.school, receipt.series, receipt.number));
    if receipt.void.is_some() {
        for page in &mut pages {
            page.stamp("VÔ HIỆU", Ink::Red);
        }
    }
    Ok(pages)
}

fn head(flow: &mut Flow, receipt: &ReceiptPaper) {
    let code = receipt.unit_code.as_ref().map(|code| format!("Mã ĐVQHNS/MST: {code}")).unwrap_or_default();
    let marks = [("Mẫu số:", receipt.form.as_str()), ("Ký hiệu:", &receipt.series), ("Số:", &receipt.number)];
    flow.letterhead(&receipt.school, &[&receipt.address, &code], &marks);
    if let Some(reason) = &receipt.void {
        flow.gap(5.0);
        flow.warning(&format!("VÔ HIỆU (VOID): {reason}"));
    }
    let day = receipt.issued_at.civil();
    let under = format!("Ngày {:02} tháng {:02} năm {}", day.day(), day.month(), day.year());
    flow.title(&receipt.document.to_uppercase(), "Receipt of payment", &under);
    match &receipt.payer {
        Some(payer) => flow.fields(&[
            (0.6, Field::of("Người nộp tiền", "Payer", payer)),
            (0.4, Field::of("Mã tham chiếu", "Reference", &receipt.reference)),
        ]),
        None => flow.fields(&[(1.0, Field::of("Mã tham chiếu", "Reference", &receipt.reference))]),
    }
    flow.fields(&[
        (0.6, Field::of("Học sinh", "Pupil", &receipt.pupil)),
        (0.4, Field::of("Lớp", "Class", &receipt.class_group)),
    ]);
    flow.gap(2.0);
}

fn sums(flow: &mut Flow, receipt: &ReceiptPaper) {
    // The sum and its words belong on one page.
    flow.room(60.0);
    if receipt.surplus.is_positive() {
        let kept = receipt.surplus.grouped();
        flow.sum("Tiền thừa, ghi có cho gia đình", "Kept as the family's credit", &kept, false);
    }
    flow.sum("Số tiền đã thu", "Received", &amount(receipt.received), true);
    flow.gap(4.0);
    let words = format!("Bằng chữ: {}.", in_words(receipt.received, receipt.reading));
    flow.paragraph(Style::bold(8.5), &words, Align::Left);
    flow.gap(1.0);
    let paid = match receipt.bank_at {
        Some(at) => format!("Hình thức: {}. Ngân hàng báo có lúc {}.", receipt.method, at.vietnamese()),
        None => format!("Hình thức: {}.", receipt.method),
    };
    flow.paragraph(Style::regular(8.0), &paid, Align::Left);
    flow.gap(4.0);
    position(flow, receipt);
}

/// Where the invoice stands after this money, as three figures side by side.
fn position(flow: &mut Flow, receipt: &ReceiptPaper) {
    let owed = receipt.due.minus(receipt.paid).filter(|owed| owed.is_positive()).unwrap_or(Dong::ZERO);
    let height = 29.0;
    flow.room(height);
    let (left, top, whole) = (flow.left(), flow.y, flow.width());
    let third = whole / 3.0;
    let figures = [
        ("Tổng phải nộp", "Total due", receipt.due),
        ("Đã nộp đến nay", "Paid so far", receipt.paid),
        ("Còn phải nộp", "Still owed", owed),
    ];
    let page = flow.page();
    page.frame((left, top), whole, height, 0.6, Ink::Hair);
    let mut x = left;
    for (label, english, figure) in figures {
        if x > left {
            page.fill((x - 0.3, top), 0.6, height, Ink::Hair);
        }
        let room = third - 10.0;
        let name = format!("{label} · {english}");
        page.paragraph((x + 5.0, top + 3.0), room, Style::regular(6.8).ink(Ink::Grey), &name, Align::Left, 1);
        page.paragraph((x + 5.0, top + 13.0), room, Style::bold(9.5), &amount(figure), Align::Left, 1);
        x += third;
    }
    flow.y = top + height;
}

/// The code at the left, the two signatures of form C45-BB at the right.
fn close(flow: &mut Flow, receipt: &ReceiptPaper) -> Result<()> {
    let side = mm(25.0);
    flow.gap(6.0);
    flow.room(side + 18.0);
    let (left, top, whole) = (flow.left(), flow.y, flow.width());
    let matrix = Matrix::medium(&receipt.check_url)?;
    let below = flow.code((left, top), side, matrix, &["Quét để kiểm tra", "Scan to verify"]);
    let start = left + side + mm(4.0);
    let room = (whole - side - mm(4.0)) / 2.0;
    for (index, (role, english)) in [("Người nộp tiền", "Payer"), ("Người thu tiền", "Collector")].iter().enumerate()
    {
        let x = if index == 0 { start } else { start + room };
        let page = flow.page();
        let mut y = page.paragraph((x, top), room, Style::bold(8.5), role, Align::Centre, 1);
        y = page.paragraph((x, y), room, Style::regular(6.5).ink(Ink::Grey), english, Align::Centre, 1);
        page.paragraph((x, y), room, Style::regular(6.5).ink(Ink::Grey), "(Ký, ghi rõ họ tên)", Align::Centre, 1);
    }
    let note = Style::regular(6.5).ink(Ink::Grey);
    let said = format!("Kiểm tra tại: {}", receipt.check_url);
    let lowest = flow.page().paragraph((start, top + side - 9.0), room * 2.0, note, &said, Align::Left, 2);
    flow.y = below.max(lowest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn example(count: usize) -> ReceiptPaper {
        let names = [
            "Tiền ăn bán trú",
            "Dịch vụ tổ chức, quản lý và vệ sinh bán trú",
            "Dịch vụ chăm sóc ngoài giờ, trông giữ trẻ sau giờ học chính thức",
            "Bảo hiểm y tế học sinh",
            "Học phẩm, học cụ, học liệu",
        ];
        let lines: Vec<Line> = (0..count)
            .map(|index| Line {
                name: names[index % names.len()].to_owned(),
                amount: Dong::new(385_000),
                legal_basis: "Nghị quyết số 18/2025/NQ-HĐND ngày 27/11/2025, Phụ lục, mục 3".to_owned(),
            })
            .collect();
        let paid = Dong::new(385_000).times(i64::try_from(count).expect("few")).expect("small");
        ReceiptPaper {
            school: "TRƯỜNG TIỂU HỌC NGUYỄN BỈNH KHIÊM".to_owned(),
            address: "Số 12 đường Nguyễn Đình Chiểu, phường Sài Gòn, Thành phố Hồ Chí Minh".to_owned(),
            unit_code: Some("1088123".to_owned()),
            document: "Biên lai thu tiền".to_owned(),
            form: "C45-BB".to_owned(),
            series: "BL26".to_owned(),
            number: "00000042".to_owned(),
            issued_at: Moment::parse("2026-11-22T08:14:03+07:00").expect("an instant"),
            payer: Some("Nguyễn Thị Phương Uyên".to_owned()),
            pupil: "Nguyễn Hoàng Bảo Ngọc Ẩn".to_owned(),
            class_group: "3A".to_owned(),
            reference: "RF33BCFGHJKLM".to_owned(),
            lines,
            received: paid.plus(Dong::new(15_000)).expect("small"),
            surplus: Dong::new(15_000),
            due: paid.plus(Dong::new(200_000)).expect("small"),
            paid,
            reading: Reading::Hanoi,
            method: "Chuyển khoản (VietQR)".to_owned(),
            bank_at: Moment::parse("2026-11-22T08:14:02+07:00"),
            check_url: "https://hocphi.example.vn/r/3vQm8sXk2TzLw9YbN4dKpA".to_owned(),
            void: None,
        }
    }

    #[test]
    fn the_same_receipt_gives_the_same_bytes() {
        let receipt = example(4);
        assert_eq!(draw(&receipt).expect("a paper"), draw(&receipt).expect("a paper"));
    }

    #[test]
    fn five_lines_stand_on_one_page_and_thirty_continue_on_more() {
        assert_eq!(pages(&example(5)).expect("pages").len(), 1);
        let many = pages(&example(30)).expect("pages");
        assert!((2..=4).contains(&many.len()), "{}", many.len());
        draw(&example(30)).expect("a paper");
    }

    #[test]
    fn nothing_leaves_the_page_however_long_the_names_are() {
        let mut receipt = example(3);
        receipt.school = "TRƯỜNG PHỔ THÔNG DÂN TỘC NỘI TRÚ TRUNG HỌC CƠ SỞ VÀ TRUNG HỌC PHỔ THÔNG ".repeat(9);
        receipt.address = "KhôngCóKhoảngTrắng".repeat(60);
        receipt.pupil = "Công Tằng Tôn Nữ ".repeat(30);
        receipt.payer = Some("Ễ".repeat(900));
        receipt.reference = "RF33BCFGHJKLM".repeat(20);
        receipt.document = "Biên lai thu tiền ".repeat(20);
        receipt.lines[0].name = "Dịch vụ ".repeat(700);
        receipt.lines[1].legal_basis = "Điều".repeat(900);
        receipt.lines[2].amount = Dong::new(9_000_000_000_000_000_000);
        receipt.received = Dong::new(9_000_000_000_000_785_000);
        receipt.void = Some("Nộp nhầm trường, ".repeat(90));
        for page in pages(&receipt).expect("pages") {
            assert_eq!(page.strays(), Vec::<String>::new());
        }
        draw(&receipt).expect("a paper");
    }

    #[test]
    fn a_void_receipt_says_so_on_every_page() {
        let valid = draw(&example(30)).expect("a paper");
        let void = ReceiptPaper { void: Some("Nộp nhầm trường".to_owned()), ..example(30) };
        assert_ne!(valid, draw(&void).expect("a paper"));
        for page in pages(&void).expect("pages") {
            assert!(page.says("VÔ HIỆU"));
        }
    }

    #[test]
    fn lines_that_do_not_make_what_was_received_are_no_receipt() {
        let wrong = ReceiptPaper { received: Dong::new(1), ..example(2) };
        draw(&wrong).expect_err("the sums differ");
    }

    #[test]
    fn a_name_with_letters_no_font_has_is_still_a_receipt() {
        let strange = ReceiptPaper { pupil: "Ngọc 🎓 \u{0}\u{200b}王 A\u{301}".to_owned(), ..example(1) };
        draw(&strange).expect("a paper");
    }
}
