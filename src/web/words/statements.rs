//! What the pages of statement files say, in both languages.

use crate::money::Dong;

/// Statement files, and what they lack.
#[expect(missing_docs, reason = "each field is the message it names")]
pub struct StatementWords {
    pub files: &'static str,
    pub files_lead: &'static str,
    pub none: &'static str,
    pub file: &'static str,
    pub received: &'static str,
    pub days: &'static str,
    pub days_unproved: &'static str,
    pub days_not_over: &'static str,
    pub lines: &'static str,
    pub brought: &'static str,
    pub opening: &'static str,
    pub closing: &'static str,
    pub state: &'static str,
    pub older: &'static str,
    pub more_lines: &'static str,
    pub gaps: &'static str,
    pub gaps_help: &'static str,
    pub day_has_gap: &'static str,
    pub gap_sum: fn(Dong) -> String,
    pub gap_withheld: fn(i64, &str) -> String,
    pub row: &'static str,
    pub booked: &'static str,
    pub reference: &'static str,
    pub balance: &'static str,
    pub line_out: &'static str,
    pub seal: &'static str,
    pub seal_help: &'static str,
    pub sealed: fn(&str, &str) -> String,
    pub done_sealed: &'static str,
    pub state_word: fn(&str) -> &'static str,
    pub state_help: fn(&str) -> &'static str,
    pub system: &'static str,
    pub who: &'static str,
}

pub(super) const VI: StatementWords = StatementWords {
    files: "Sao kê đã nạp",
    files_lead: "Mỗi tệp sao kê được giữ nguyên. Tệp đi hết các bước khi đủ dòng và không còn khoản nào chờ xử lý.",
    none: "Chưa nạp tệp sao kê nào. Nạp ở trang Ngày.",
    file: "Tệp",
    received: "Nạp lúc",
    days: "Đủ các ngày",
    days_unproved: "Chưa chứng minh được là đủ",
    days_not_over: "Đủ đến giao dịch cuối; ngày ấy lúc tải chưa hết nên chưa tính là trọn ngày",
    lines: "Số dòng",
    brought: "Dòng mới",
    opening: "Số dư đầu",
    closing: "Số dư cuối",
    state: "Tình trạng",
    older: "Tệp cũ hơn",
    more_lines: "Các dòng tiếp theo",
    gaps: "Sao kê còn thiếu",
    gaps_help: "Số dư cho thấy còn giao dịch chưa có trên sao kê đã nạp. Hãy tải lại sao kê của những ngày này từ ngân hàng và nạp; phần đã có không bị trùng.",
    day_has_gap: "Chưa khớp được: sao kê của ngày này còn thiếu dòng. Xem mục Sao kê còn thiếu.",
    gap_sum: |sum| match sum.get() {
        0.. => format!("tiền vào trừ tiền ra của các dòng thiếu là {sum}"),
        _ => format!("các dòng thiếu có tiền ra nhiều hơn tiền vào {}", Dong::new(sum.get().saturating_neg())),
    },
    gap_withheld: |row, sum| format!("dòng {row} ({sum}) chưa được ghi nhận vì không có gì chứng minh số tiền là đúng"),
    row: "Dòng",
    booked: "Ngày ghi sổ",
    reference: "Số tham chiếu",
    balance: "Số dư",
    line_out: "Tiền ra",
    seal: "Chốt sao kê này",
    seal_help: "Sao kê đủ dòng, mọi khoản tiền về đã rõ. Bấm chốt để ghi tên người đã kiểm.",
    sealed: |who, at| format!("{who} đã chốt lúc {at}."),
    done_sealed: "Đã chốt sao kê.",
    state_word: |code| match code {
        "received" => "Đang đọc dở",
        "read" => "Đã đọc, còn thiếu",
        "chained" => "Đủ dòng",
        "matched" => "Còn khoản chờ xử lý",
        "explained" => "Đã rõ hết",
        _ => "Đã chốt",
    },
    state_help: |code| match code {
        "received" => {
            "Chương trình dừng khi đang đọc tệp này. Nạp lại chính tệp này để đọc tiếp; không có gì bị trùng."
        }
        "read" => {
            "Các dòng đã được ghi nhận, nhưng chưa chứng minh được là đủ: còn chỗ thiếu, hoặc tệp không in số dư."
        }
        "chained" => "Số dư chứng minh tệp đủ dòng. Tiền về đang được đưa vào phiếu.",
        "matched" => "Tệp đủ dòng, nhưng còn khoản chờ người xử lý.",
        "explained" => "Tệp đủ dòng và mọi khoản tiền về đã rõ.",
        _ => "Đã có người kiểm và chốt.",
    },
    system: "hệ thống",
    who: "Người nạp",
};

pub(super) const EN: StatementWords = StatementWords {
    files: "Statements uploaded",
    files_lead: "Every statement file is kept as it came. It has gone all the way when no line is missing and nothing waits.",
    none: "No statement was uploaded yet. Upload one on the page of a day.",
    file: "File",
    received: "Uploaded",
    days: "Complete days",
    days_unproved: "Not proved complete",
    days_not_over: "Complete to its last transfer; that day was not over, so it does not count as whole",
    lines: "Lines",
    brought: "New lines",
    opening: "Opening balance",
    closing: "Closing balance",
    state: "State",
    older: "Older files",
    more_lines: "More lines",
    gaps: "Missing from the statements",
    gaps_help: "The balances show transactions that no uploaded statement has. Download these days again from the bank and upload them; nothing is doubled.",
    day_has_gap: "It cannot agree yet: the statement of this day lacks lines. See Missing from the statements.",
    gap_sum: |sum| match sum.get() {
        0.. => format!("what came less what left on the missing lines is {sum}"),
        _ => format!("on the missing lines {} more left than came", Dong::new(sum.get().saturating_neg())),
    },
    gap_withheld: |row, sum| format!("row {row} ({sum}) is not taken, since nothing proves its amount"),
    row: "Row",
    booked: "Booked",
    reference: "Reference",
    balance: "Balance",
    line_out: "Money out",
    seal: "Seal this statement",
    seal_help: "No line is missing and all money is explained. Sealing writes down who has checked it.",
    sealed: |who, at| format!("Sealed by {who} at {at}."),
    done_sealed: "The statement is sealed.",
    state_word: |code| match code {
        "received" => "Half read",
        "read" => "Read, not complete",
        "chained" => "Complete",
        "matched" => "Some money waits",
        "explained" => "All explained",
        _ => "Sealed",
    },
    state_help: |code| match code {
        "received" => {
            "The program stopped while it read this file. Upload the same file again to go on; nothing is doubled."
        }
        "read" => {
            "Its lines are stored, but nothing proves them complete: something is missing, or no balance is printed."
        }
        "chained" => "The balances prove it complete. Its money is being given to invoices.",
        "matched" => "It is complete, but some money waits for a person.",
        "explained" => "It is complete, and all of its money is explained.",
        _ => "Somebody checked and sealed it.",
    },
    system: "the system",
    who: "Uploaded by",
};
