//! Digits 0-9, A-Z, a-z.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of a 256-bit number: 62^43 > 2^256.
pub(super) const SECRET_LENGTH: usize = 43;

fn digit(value: u32) -> char {
    char::from(DIGITS[(value % 62) as usize])
}

/// Appends `count` random lower-case letters and digits: 5.2 bits each.
pub(super) fn push_random_id(out: &mut String, count: usize) -> Result<(), aws_lc_rs::error::Unspecified> {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    // The largest multiple of 36 below 256: bytes from there on would favour the first letters.
    const FAIR: u8 = 252;
    let mut left = count;
    while left > 0 {
        let mut bytes = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut bytes)?;
        for byte in bytes.iter().filter(|&&byte| byte < FAIR).take(left) {
            out.push(char::from(LETTERS[usize::from(byte % 36)]));
            left -= 1;
        }
    }
    Ok(())
}

/// Appends a big-endian 256-bit number as 43 digits, most significant first.
pub(super) fn push_secret(out: &mut String, secret: &[u8; 32]) {
    let mut number = *secret;
    let mut digits = [' '; SECRET_LENGTH];
    for place in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            // Less than 256, since the remainder is less than 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *place = digit(remainder);
    }
    out.extend(digits);
}

/// Appends a number as `count` digits, most significant first.
pub(super) fn push_number(out: &mut String, number: u32, count: usize) {
    let mut digits = Vec::with_capacity(count);
    let mut left = number;
    for _ in 0..count {
        digits.push(digit(left % 62));
        left /= 62;
    }
    out.extend(digits.into_iter().rev());
}

/// Reads a number of at most 10 digits.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.len() > 10 {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = DIGITS.iter().position(|&digit| digit == byte)?;
        Some(number * 62 + digit as u64)
    })
}
