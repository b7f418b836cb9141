//! CRC-16/CCITT-FALSE, the check that ends every payload (ISO/IEC 13239 in the VietQR format).

const POLYNOMIAL: u16 = 0x1021;

/// Over bytes, not letters: a payload's lengths count letters, its check counts bytes.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ POLYNOMIAL }
        })
    })
}

/// As it is printed: upper case, and always four digits, because readers refuse three.
pub fn printed(text: &str) -> String {
    format!("{:04X}", crc16(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values_come_out() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_eq!(crc16(b"00"), 0x2EC9);
        assert_eq!(crc16(b"01"), 0x3EE8);
        assert_eq!(crc16(b""), 0xFFFF);
    }

    #[test]
    fn a_small_check_keeps_its_leading_zero() {
        let body = "00020101021138580010A000000727012800069704070114190304136010180208QRIBFTTA53037045802VN6304";
        assert_eq!(printed(body), "0283");
    }
}
