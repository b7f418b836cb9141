//! The notice as a paper: an A5 page that tells a family what to pay and how, never called an invoice.
//!
//! **Invariant:** account, amount and transfer text are printed from the code that was read back and compared, so
//! that a person who types and a phone that scans pay the same account the same amount.

use crate::fault::{Fault, Result};
use crate::money::{Dong, Reading, in_words};
use crate::paper::{
    Align, Field, Flow, Ink, Line, Matrix, Page, Paper, Place, Sheet, Style, amount, fitted, height_of_lines, mm, wrap,
};
use crate::time::{Day, Moment};
use crate::vietqr::VerifiedQr;

/// Everything a notice says.
#[derive(Debug, Clone)]
pub struct NoticePaper {
    /// The school that asks.
    pub school: String,
    /// Where it is.
    pub address: String,
    /// The title of the billing run, such as `Các khoản thu tháng 11/2026`.
    pub run_title: String,
    /// When the notice was issued.
    pub issued_at: Moment,
    /// By when to pay.
    pub due_day: Day,
    /// The pupil, masked or in full, exactly as it shall be read.
    pub pupil: String,
    /// The pupil's class.
    pub class_group: String,
    /// What is asked, line by line.
    pub lines: Vec<Line>,
    /// What has been paid on it already.
    pub paid: Dong,
    /// How the school reads numbers.
    pub reading: Reading,
    /// The code; its account, amount and transfer text are printed beside it.
    pub qr: VerifiedQr,
    /// Who holds the receiving account, as the bank app will show it.
    pub holder: String,
    /// The bank's name.
    pub bank: String,
    /// The parent's page, where a school wants it printed; it opens the invoice to whoever finds the paper.
    pub page_url: Option<String>,
}

/// One notice as a PDF/A-1b file; the same notice always gives the same bytes.
///
/// # Errors
/// A fault when the code asks another amount than the lines leave to be paid.
pub fn draw(notice: &NoticePaper) -> Result<Vec<u8>> {
    draw_many(std::slice::from_ref(notice))
}

/// The notices of a class or a school in one file, each beginning on its own page.
///
/// # Errors
/// As [`draw`]; and a fault when there is nothing to print.
pub fn draw_many(notices: &[NoticePaper]) -> Result<Vec<u8>> {
    let first = notices.first().ok_or_else(|| Fault::new("print notices: there are none"))?;
    let title = format!("Thông báo nộp tiền: {}", first.run_title);
    Paper { title, author: first.school.clone(), at: first.issued_at }.print_all(notices.iter().map(pages_of))
}

fn pages_of(notice: &NoticePaper) -> Result<Vec<Page>> {
    let total = Dong::sum(notice.lines.iter().map(|line| line.amount))
        .ok_or_else(|| Fault::new("print a notice: its lines have no sum"))?;
    let rest = total.minus(notice.paid).ok_or_else(|| Fault::new("print a notice: it has no rest"))?;
    if notice.qr.payload().amount.is_some_and(|asked| asked != rest) {
        return Err(Fault::new("print a notice: its code asks another amount than its lines").into());
    }
    let running = format!("Thông báo nộp tiền · {} · {} (tiếp theo)", notice.pupil, notice.run_title);
    let mut flow = Flow::new(Sheet::A5, running);
    head(&mut flow, notice);
    flow.lines("Khoản thu", &notice.lines);
    sums(&mut flow, notice, total, rest);
    pay(&mut flow, notice, rest)?;
    let foot = format!("{} · Đây là thông báo nộp tiền, không phải biên lai hay chứng từ thuế.", notice.school);
    Ok(flow.finish(&foot))
}

fn head(flow: &mut Flow, notice: &NoticePaper) {
    let (day, due) = (notice.issued_at.day().vietnamese(), notice.due_day.vietnamese());
    flow.letterhead(&notice.school, &[&notice.address], &[("Ngày lập:", &day), ("Mã:", notice.qr.memo())]);
    flow.title("THÔNG BÁO NỘP TIỀN", "Phiếu báo thu · Payment notice", &notice.run_title);
    flow.fields(&[
        (0.54, Field::of("Học sinh", "Pupil", &notice.pupil)),
        (0.18, Field::of("Lớp", "Class", &notice.class_group)),
        (0.28, Field::of("Hạn nộp", "Pay by", &due)),
    ]);
    flow.gap(2.0);
}

fn sums(flow: &mut Flow, notice: &NoticePaper, total: Dong, rest: Dong) {
    flow.room(60.0);
    if notice.paid != Dong::ZERO {
        flow.sum("Tổng cộng", "Total", &total.grouped(), false);
        flow.sum("Đã nộp", "Paid already", &notice.paid.grouped(), false);
    }
    flow.sum("Số tiền cần nộp", "To pay", &amount(rest), true);
    flow.gap(4.0);
    let words = format!("Bằng chữ: {}.", in_words(rest, notice.reading));
    flow.paragraph(Style::bold(8.5), &words, Align::Left);
}

/// The code with everything a person needs who types instead of scanning, and what guards both of them.
fn pay(flow: &mut Flow, notice: &NoticePaper, rest: Dong) -> Result<()> {
    let (side, inset) = (mm(38.0), 7.0);
    let account = &notice.qr.payload().account;
    let tail: String = account.chars().skip(account.chars().count().saturating_sub(4)).collect();
    let guard = Style::regular(7.5);
    let compare = format!(
        "Trước khi xác nhận, hãy đối chiếu tên người nhận “{}” và 4 số cuối tài khoản {tail} trên ứng dụng ngân hàng. \
         Giữ nguyên nội dung chuyển khoản.",
        notice.holder
    );
    let (guard, compare) = fitted(&compare, guard, flow.width() - 2.0 * inset, 4);
    let never = wrap(NEVER, Style::bold(7.5), flow.width() - 2.0 * inset);
    let texts = height_of_lines(compare.len() + never.len(), guard);
    let height = side + 13.0 + 2.0 * inset + texts;
    flow.gap(5.0);
    flow.room(height);
    let (left, top, whole) = (flow.left(), flow.y, flow.width());
    flow.page().frame((left, top), whole, height, 1.2, Ink::Navy);
    let matrix = Matrix::sturdy(notice.qr.text())?;
    flow.code((left + inset, top + inset), side, matrix, &["Quét bằng ứng dụng ngân hàng"]);
    let beside = Place { x: left + side + inset * 2.0, y: top + inset, width: whole - side - inset * 3.0 };
    typed(flow, notice, rest, beside);
    let mut y = top + inset + side + 13.0;
    for (style, line) in
        compare.iter().map(|line| (guard, line)).chain(never.iter().map(|line| (Style::bold(7.5).ink(Ink::Red), line)))
    {
        y = flow.page().paragraph((left + inset, y), whole - 2.0 * inset, style, line, Align::Left, 1);
    }
    flow.y = top + height + 4.0;
    if let Some(address) = &notice.page_url {
        flow.paragraph(Style::regular(7.0).ink(Ink::Grey), &format!("Xem chi tiết: {address}"), Align::Left);
    }
    Ok(())
}

/// What every family must know before anybody calls them.
const NEVER: &str = "Trường không bao giờ hỏi số tài khoản hay mã OTP của phụ huynh.";

/// The same as the code says, for a person who types.
fn typed(flow: &mut Flow, notice: &NoticePaper, rest: Dong, place: Place) {
    let label = Style::regular(6.8).ink(Ink::Grey);
    let asked = amount(rest);
    let Place { x, mut y, width } = place;
    for (name, value, size, most) in [
        ("Người nhận · Account holder", notice.holder.as_str(), 8.5, 2),
        ("Ngân hàng · Bank", notice.bank.as_str(), 8.5, 1),
        ("Số tài khoản · Account number", notice.qr.payload().account.as_str(), 12.0, 1),
        ("Số tiền · Amount", asked.as_str(), 12.0, 1),
        ("Nội dung chuyển khoản · Transfer text", notice.qr.memo(), 12.5, 2),
    ] {
        let page = flow.page();
        y = page.paragraph((x, y), width, label, name, Align::Left, 1);
        y = page.paragraph((x, y - 0.5), width, Style::bold(size), value, Align::Left, most) + 1.5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PaymentReference;
    use crate::vietqr::Request;

    fn example(count: usize) -> NoticePaper {
        let names = [
            "Tiền ăn bán trú",
            "Dịch vụ tổ chức, quản lý và vệ sinh bán trú",
            "Dịch vụ chăm sóc ngoài giờ, trông giữ trẻ sau giờ học chính thức",
            "Bảo hiểm y tế học sinh",
            "Học phẩm, học cụ, học liệu",
        ];
        let lines = (0..count)
            .map(|index| Line {
                name: names[index % names.len()].to_owned(),
                amount: Dong::new(385_000),
                legal_basis: "Nghị quyết số 18/2025/NQ-HĐND ngày 27/11/2025, Phụ lục, mục 3".to_owned(),
            })
            .collect();
        let total = Dong::new(385_000).times(i64::try_from(count).expect("few")).expect("small");
        let reference = PaymentReference::parse("RF33BCFGHJKLM").expect("a reference");
        let request = Request {
            bin: "970436",
            account: "1023456789",
            amount: Some(total),
            reference: &reference,
            memo_prefix: None,
            memo_max: 50,
            mcc: None,
            merchant_id: None,
        };
        NoticePaper {
            school: "TRƯỜNG TIỂU HỌC NGUYỄN BỈNH KHIÊM".to_owned(),
            address: "Số 12 đường Nguyễn Đình Chiểu, phường Sài Gòn, Thành phố Hồ Chí Minh".to_owned(),
            run_title: "Các khoản thu tháng 11 năm 2026".to_owned(),
            issued_at: Moment::parse("2026-11-20T07:00:00+07:00").expect("an instant"),
            due_day: Day::parse("2026-12-05").expect("a day"),
            pupil: "Nguyễn V. A.".to_owned(),
            class_group: "3A".to_owned(),
            lines,
            paid: Dong::ZERO,
            reading: Reading::Hanoi,
            qr: VerifiedQr::make(&request).expect("a code"),
            holder: "TRUONG TIEU HOC NGUYEN BINH KHIEM".to_owned(),
            bank: "Vietcombank".to_owned(),
            page_url: None,
        }
    }

    #[test]
    fn a_notice_of_six_lines_is_one_page_and_thirty_continue_on_more() {
        assert_eq!(pages_of(&example(6)).expect("pages").len(), 1);
        let many = pages_of(&example(30)).expect("pages");
        assert!((2..=4).contains(&many.len()), "{}", many.len());
    }

    #[test]
    fn the_same_notices_give_the_same_bytes_and_each_begins_a_page() {
        let notices = [example(2), example(3), example(30)];
        assert_eq!(draw_many(&notices).expect("a paper"), draw_many(&notices).expect("a paper"));
        draw_many(&[]).expect_err("nothing to print");
    }

    #[test]
    fn a_code_that_asks_another_amount_is_not_printed() {
        draw(&NoticePaper { paid: Dong::new(1), ..example(2) }).expect_err("the code asks too much");
    }

    #[test]
    fn the_page_of_the_parent_is_printed_only_when_it_is_given() {
        let silent = pages_of(&example(2)).expect("pages");
        assert!(!silent.iter().any(|page| page.says("Xem chi tiết")));
        let told = NoticePaper { page_url: Some("https://hocphi.example.vn/p/x".into()), ..example(2) };
        assert!(pages_of(&told).expect("pages").iter().any(|page| page.says("https://hocphi.example.vn/p/x")));
    }

    #[test]
    fn the_warning_and_the_last_digits_stand_on_the_notice() {
        let pages = pages_of(&example(2)).expect("pages");
        assert!(pages.iter().any(|page| page.says(NEVER)));
        assert!(pages.iter().any(|page| page.says("6789 ")));
        assert!(!pages.iter().any(|page| page.says("óa đơn")));
    }

    #[test]
    fn nothing_leaves_the_page_however_long_the_names_are() {
        let long = NoticePaper {
            school: "TRƯỜNG PHỔ THÔNG DÂN TỘC NỘI TRÚ ".repeat(20),
            address: "KhôngCóKhoảngTrắng".repeat(60),
            run_title: "Các khoản thu ".repeat(60),
            pupil: "Công Tằng Tôn Nữ ".repeat(40),
            class_group: "Lớp3A".repeat(50),
            holder: "TRUONG PHO THONG ".repeat(40),
            bank: "Ngân hàng ".repeat(50),
            page_url: Some("https://hocphi.example.vn/".repeat(30)),
            ..example(30)
        };
        for page in pages_of(&long).expect("pages") {
            assert_eq!(page.strays(), Vec::<String>::new());
        }
        draw(&long).expect("a paper");
    }
}
