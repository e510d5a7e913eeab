//! Whole numbers as JSON spells them.

/// The most digits of a whole number, signs and zeros in front aside: [`i64`] has no more.
const DIGITS: usize = 19;

/// The whole number that a JSON number stands for, however it is spelled: `12`, `12.0` and `1.2e1` are the same one, and
/// clients whose only numbers have fractions write any of them. `None` for a fraction, for what [`i64`] can't hold, and for
/// what is no JSON number.
#[must_use]
pub fn whole_number(json: &str) -> Option<i64> {
    if !is_number(json) {
        return None;
    }
    // Nearly all are spelled plainly.
    if let Ok(plain) = json.parse() {
        return Some(plain);
    }
    let (mantissa, exponent) = match json.split_once(['e', 'E']) {
        // An exponent that can't be read moves the point beyond anything, unless there is nothing to move.
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()),
        None => (json, Some(0)),
    };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |positive| ("-", positive));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let significant = digits.trim_end_matches('0');
    let number = significant.trim_start_matches('0');
    if number.is_empty() {
        return Some(0);
    }
    // How many zeros follow the last digit that counts; fewer than none is a fraction.
    let dropped = i32::try_from(digits.len() - significant.len()).ok()?;
    let zeros = exponent?.checked_add(dropped)?.checked_sub(i32::try_from(after.len()).ok()?)?;
    let zeros = usize::try_from(zeros).ok()?;
    if number.len() + zeros > DIGITS {
        return None;
    }
    format!("{sign}{number}{}", "0".repeat(zeros)).parse().ok()
}

/// Whether a text is a number of JSON: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (rest, exponent) = match rest.split_once(['e', 'E']) {
        Some((rest, exponent)) => (rest, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (rest, None),
    };
    let (before, after) = match rest.split_once('.') {
        Some((before, after)) => (before, Some(after)),
        None => (rest, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(before)
        && (before == "0" || !before.starts_with('0'))
        && after.is_none_or(digits)
        && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_number_has_many_spellings() {
        for spelling in ["12", "12.0", "12.000", "1.2e1", "1.2E+1", "120e-1", "12e0", "0.12e2", "12000e-3", "12.0e-0"] {
            assert_eq!(whole_number(spelling), Some(12), "{spelling}");
        }
        for zero in ["0", "-0", "0.0", "-0.00", "0e9", "0e99999999999", "0.0e-99999999999"] {
            assert_eq!(whole_number(zero), Some(0), "{zero}");
        }
        assert_eq!(whole_number("-12.0"), Some(-12));
        assert_eq!(whole_number("9223372036854775807.0"), Some(i64::MAX), "exact beyond what a double can hold");
        assert_eq!(whole_number("-9223372036854775808.0"), Some(i64::MIN));
        assert_eq!(whole_number("1e18"), Some(1_000_000_000_000_000_000));
    }

    #[test]
    fn everything_else_is_none() {
        for other in [
            "1.5",
            "1e-1",
            "12.0000001",
            "1e19",
            "9223372036854775808",
            "9223372036854775808.0",
            "1e2147483648",
            "1e-2147483648",
            "1e99999999999",
            "",
            "-",
            "+1",
            "01",
            "00",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x10",
            "1_0",
            " 1",
            "1 ",
            "NaN",
            "null",
            "\"1\"",
            "-01",
            "1e1e1",
            "1.0.0",
            "--1",
        ] {
            assert_eq!(whole_number(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_exact(number in any::<i64>(), zeros in 0..5usize) {
            prop_assert_eq!(whole_number(&number.to_string()), Some(number));
            prop_assert_eq!(whole_number(&format!("{number}.{}", "0".repeat(zeros + 1))), Some(number));
            prop_assert_eq!(whole_number(&format!("{number}{}e-{zeros}", "0".repeat(zeros))), Some(number));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,12}") {
            let _ = whole_number(&text);
        }
    }
}
