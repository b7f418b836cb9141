//! What stands around a payment reference in a transfer's text: what payers write, and what banks and aggregators wrap
//! around it. The shapes are those of published statement lines; every name and number in them is drawn.
//!
//! **Invariant:** nothing here is a reference of ours, although much of it tries to look like one.

use super::chance::Chance;

/// A line as a bank tells it: `{}` is what the payer wrote, `{N}` a name, `{D}` a day, `{T}` a time, `#` a digit, `^` a
/// letter or digit, everything else itself.
pub const SHAPES: [&str; 54] = [
    "{}",
    "######.{D}.{T}.{} FT##############",
    "######.{D}.{T}.{}",
    "0200970422{D}####{D}^^^^######.#####. {T}.{}",
    "0200970422########{D}^^^^######.### ##.######.{}",
    "MBVCB.##########.{}.CT tu ########## {N} toi 0011001932418 TRUONG TIEU HOC SAO KHUE",
    "MBVCB.##########.######.{}.CT tu 0221000###### {N} toi 1261122666 TRUONG THCS tai BIDV",
    "IBVCB.##########.{}.CT tu ########## {N} toi 0011001932418 TRUONG TH",
    "MBBIZ###########.{}.CT tu {N}",
    "SHGD:########.DD:{D}.BO:{N}.Remark:{}",
    "PARTNER.DIRECT_DEBITS_VCB.MSE.########### .{D}.###########-09########_ {}",
    "######.{D}.######.{}-{D}-{T} ######",
    "MBVCB.##########.####BFTVGL###UBX.{}",
    "TKThe :#####xxxxx tai VCB. MBVCB.##########.######.{} .",
    "TKThe :####xxxxxxxxx tai ICBVVNVX. {} - B2B0200970415########2024^^^^^######",
    "TKThe :####xxxxxxxx tai Sacombank. IBFT {} -CTLNHIDI############-11-CRE-002",
    "TKThe :####xxxxxxxx tai TCB. {} FT############## -CTLNHIDI############-1/1-CRE-002",
    "TKThe :####xxxxx tai VPB. ZP############ ############### {} -CTLNHIDI############-11-CRE-002",
    "TKThe :####xxxxxxxx tai NCB. ISL#################-{} -CTLNHIDI############-11-CRE-002",
    "REM Tfr Ac:########## O@L_080005_######_0_0_#########_####  ####### 09######## {} qua MoMo; thoi gian GD:{D} {T}",
    "########## {N} {}",
    "0221000065xxx TKThe :0221000065xxx tai VCB. MBVCB.##########.######.{}.CT tu 0221000065xxx {N} toi 1261122666 \
     TRUONG TIEU HOC tai BIDV - CTLNHIDI############-1/1-CRE-002",
    "####xxx TKThe :####xxx tai ACB. {}-{D}-{T} ###### -CTLNHIDI############-1/1-CRE-002",
    "##########xxx TKThe :##########xxx tai MSCBVNVX. {} -B2B0200970422####################^^^######",
    "CT nhanh 247 den: {} {N} ############***",
    "Chuyen tien den tu NAPAS Noi dung: {} MBBANK IBFT #############***",
    "Chuyen tien den tu NAPAS Noi dung: IBFT {} SACOMBANK #############***",
    "CT nhanh 247 den: Vietinbank;############;{} {N} ##########***",
    "GD {}; thoi gian GD:{D} {T} {N} #########***",
    "CT DEN:###T#####^^^^^^^ {}",
    "CT DEN:############ SEVQR {}",
    "CT DEN: ############ {} chuyen FT##############; tai Napas",
    "CD: {} ########## ",
    "MB(######)({})",
    "Pkty {N} {} FT##############",
    "ISL#################-{}",
    "IBFT {}",
    "MBVCB.##########.######.{}.CT tu 0441000745xxx {N} toi 1500201113838 Truong Tieu hoc tai AGRIBANK",
    "{}   Ma giao dich  Trace###### Trace ######",
    "{}   Ma giao dich  Trace## #### Tra ce ######",
    "############ 09######## {}   Ma giao dich  Trace###### Trace #####",
    "###########-{} chuyen tien qua MoMo-CHUYEN TIEN-OQCH########-MOMO###########MOMO",
    "############-{}-CHUYEN TIEN-OQCH####^^^^-MOMO############MOMO",
    "{}- Ma GD ACSP/ ^^######",
    "MBVCB.##########.######.{}.CT tu ########## {N} toi ######## TRUONG TH (ACB) A Chau GD ######-{D} {T}",
    "{} GD ######-{D} {T}",
    "IB {}",
    "{N} CKN ###### {}",
    "{} (by TPBank ChatPay)",
    "CS^^^^^^^^^ {}",
    "BankAPINotify {} GD ######-{D} {T}",
    "TF###### {} FT^^^^^^ ^^^^^^",
    "{} Ref TKP^^^^^^^^",
    "NHAN TU ############# TRACE ###### ND {}",
];

const FAMILIES: [&str; 24] = [
    "NGUYEN", "TRAN", "LE", "PHAM", "HOANG", "HUYNH", "PHAN", "VU", "VO", "DANG", "BUI", "DO", "HO", "NGO", "DUONG",
    "LY", "TRUONG", "DINH", "LUONG", "TRINH", "MAI", "CAO", "RFEL", "KSOR",
];
const MIDDLES: [&str; 14] =
    ["VAN", "THI", "DUC", "MINH", "NGOC", "QUOC", "THANH", "HONG", "XUAN", "KIM", "BAO", "GIA", "H", "TH"];
const GIVEN: [&str; 30] = [
    "AN", "BINH", "CHI", "DUNG", "GIANG", "HA", "HUNG", "KHANH", "LAN", "LINH", "LONG", "MY", "NAM", "NGA", "NHI",
    "PHONG", "PHUC", "QUAN", "QUYNH", "SON", "TAM", "THAO", "TRANG", "TU", "UYEN", "VINH", "YEN", "KRXF", "BRF", "MLO",
];
const WORDS: [&str; 56] = [
    "hoc phi",
    "nop hoc phi",
    "hoc phi thang 11",
    "HP T11",
    "tien an ban tru",
    "ban tru thang 12",
    "lop 3A",
    "lop 10A2",
    "chuyen tien",
    "CK",
    "ck",
    "nop tien cho con",
    "chau",
    "be",
    "con em",
    "dong hoc phi ky 1",
    "phieu thu",
    "ma so",
    "ma phieu",
    "tien nuoc uong",
    "bao hiem y te",
    "BHYT",
    "dong phuc",
    "so lien lac",
    "xin cam on",
    "phu huynh",
    "me be",
    "bo chau",
    "nam hoc 2026-2027",
    "HK1",
    "truong tieu hoc",
    "gui nha truong",
    "thanh toan",
    "tt",
    "tk",
    "500.000d",
    "1,750,000 VND",
    "1tr750",
    "qua MoMo",
    "RF",
    "rf",
    "SURF",
    "AIRFORCE 1",
    "PERFECT",
    "giay RFX",
    "thẻ RFID",
    "đóng học phí",
    "Trường TH",
    "bán trú tháng 12",
    "lớp 3Á",
    "WHARF 42",
    "RFC 2119",
    "FR42",
    "R F",
    "GXRF",
    "HDBRF",
];

/// A name as banks print it.
pub fn name(chance: &mut Chance) -> String {
    let middles: Vec<&str> = (0..chance.below(3)).map(|_| *chance.pick(&MIDDLES)).collect();
    [&[*chance.pick(&FAMILIES)], middles.as_slice(), &[*chance.pick(&GIVEN)]].concat().join(" ")
}

/// Digits.
pub fn digits(chance: &mut Chance, many: usize) -> String {
    (0..many).map(|_| digit(chance)).collect()
}

fn digit(chance: &mut Chance) -> char {
    char::from(b'0' + u8::try_from(chance.below(10)).unwrap_or_default())
}

/// Letters out of some.
pub fn letters(chance: &mut Chance, from: &[u8], many: usize) -> String {
    (0..many).map(|_| char::from(*chance.pick(from))).collect()
}

const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// The letters of our references.
pub const OURS: &[u8] = b"BCFGHJKLMNPQRSTVXZ";

fn day(chance: &mut Chance) -> String {
    let (day, month) = (1 + chance.below(28), 1 + chance.below(12));
    match chance.below(4) {
        0 => format!("{day:02}{month:02}26"),
        1 => format!("2026{month:02}{day:02}"),
        2 => format!("{day:02}/{month:02}/2026"),
        _ => format!("{day:02}{month:02}2026"),
    }
}

fn time(chance: &mut Chance) -> String {
    let (hour, minute, second) = (chance.below(24), chance.below(60), chance.below(60));
    if chance.below(2) == 0 {
        format!("{hour:02}:{minute:02}:{second:02}")
    } else {
        format!("{hour:02}{minute:02}{second:02}")
    }
}

/// A code of another system, or a number that means something to somebody.
fn code(chance: &mut Chance) -> String {
    match chance.below(18) {
        0 => format!("09{}", digits(chance, 8)),
        1 => format!("FT{}", digits(chance, 14)),
        2 => format!("DH{}", digits(chance, 9)),
        3 => format!("SE{}", letters(chance, SYMBOLS, 8)),
        4 => format!("ZP{}", digits(chance, 12)),
        5 => format!("SEVQR{}", digits(chance, 2)),
        6 => format!("HS{}", digits(chance, 6)),
        7 => format!("TKP{}", letters(chance, SYMBOLS, 8)),
        8 => digits(chance, 13),
        9 => format!("MOMO{}MOMO", digits(chance, 11)),
        10 => letters(chance, CAPITALS, 13),
        11 => day(chance),
        12 => format!("BIDV{}", letters(chance, SYMBOLS, 10)),
        _ => lookalike(chance),
    }
}

/// What looks like a reference of ours, and is none that a school issued.
pub fn lookalike(chance: &mut Chance) -> String {
    match chance.below(8) {
        // ISO 11649 of somebody else, with digits in its body or of another length.
        0 => format!("RF{}", digits(chance, 15)),
        1 => format!("RF18 5390 0754 {}", digits(chance, 4)),
        2 => format!("RF{}{}", digits(chance, 2), letters(chance, SYMBOLS, 9)),
        3 => format!("RF{}{}", digits(chance, 2), letters(chance, OURS, 8)),
        4 => format!("RF{}{}", letters(chance, CAPITALS, 2), letters(chance, OURS, 9)),
        5 => format!("rf{} {}", digits(chance, 2), letters(chance, OURS, 9).to_lowercase()),
        6 => format!("{}RF{}", letters(chance, CAPITALS, 3), digits(chance, 6)),
        // Our very shape: one in 97 has right check digits, and would be known only if somebody had issued it.
        _ => format!("RF{}{}", digits(chance, 2), letters(chance, OURS, 9)),
    }
}

/// What a payer writes before or after a reference; often nothing.
pub fn words(chance: &mut Chance) -> String {
    let mut said = Vec::new();
    for _ in 0..chance.below(4) {
        said.push(match chance.below(8) {
            0 | 1 => name(chance),
            2 => code(chance),
            _ => (*chance.pick(&WORDS)).to_owned(),
        });
    }
    said.join(*chance.pick(&[" ", " ", "-", ".", "  ", "_"]))
}

/// What may stand between a reference and its neighbours.
const BETWEEN: [&str; 15] = [" ", " ", " ", "", "", "-", ".", "_", "/", ":", "  ", " - ", "\n", ";", "#"];

/// What stands between a reference and its neighbours; often nothing.
pub fn between(chance: &mut Chance) -> &'static str {
    BETWEEN[chance.below(BETWEEN.len())]
}

/// A shape with everything drawn but what the payer wrote: what stands before that, and what after.
pub fn wrapping(chance: &mut Chance) -> (String, String) {
    let shape = *chance.pick(&SHAPES);
    let (before, after) = shape.split_once("{}").unwrap_or((shape, ""));
    (drawn(chance, before), drawn(chance, after))
}

fn drawn(chance: &mut Chance, shape: &str) -> String {
    let mut line = String::new();
    let mut rest = shape;
    while let Some(letter) = rest.chars().next() {
        let (piece, length) = match rest.get(..3) {
            Some("{N}") => (name(chance), 3),
            Some("{D}") => (day(chance), 3),
            Some("{T}") => (time(chance), 3),
            _ if letter == '#' => (digit(chance).to_string(), 1),
            _ if letter == '^' => (letters(chance, SYMBOLS, 1), 1),
            _ => (letter.to_string(), letter.len_utf8()),
        };
        line.push_str(&piece);
        rest = &rest[length..];
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_one_place_for_the_payers_words() {
        for shape in SHAPES {
            assert_eq!(shape.matches("{}").count(), 1, "{shape}");
        }
        let (before, after) = wrapping(&mut Chance::new(5));
        assert!(!format!("{before}{after}").contains(['{', '^', '#']), "{before}…{after}");
    }
}
