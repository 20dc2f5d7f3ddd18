//! Reading decimal numbers without an error of their own.

/// The number that `text` says, times ten to the `exponent`, rounded once. `95` with −2 is exactly
/// what 95 / 100 is; 95 × 0.01 would be 0.9500000000000001.
pub(crate) fn shifted(text: &str, exponent: i32) -> Option<f64> {
    let text = text.trim();
    let (digits, own) = match text.split_once(['e', 'E']) {
        Some((digits, own)) => (digits, own.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let whole = format!("{digits}e{}", own.checked_add(exponent)?);
    let number: f64 = whole.parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each share of a hundred, a thousand and ten thousand, as it is written and as it is measured.
    #[test]
    fn a_share_is_what_a_division_gives() {
        for parts in 0..=100_u32 {
            let measured = f64::from(parts) / 100.0;
            assert_eq!(shifted(&parts.to_string(), -2), Some(measured), "{parts}%");
        }
        for parts in 0..=10_000_u32 {
            let text = format!("{}.{:02}", parts / 100, parts % 100);
            let measured = f64::from(parts) / 10_000.0;
            assert_eq!(shifted(&text, -2), Some(measured), "{text}%");
        }
    }

    #[test]
    fn exponents_add_up_and_nonsense_is_none() {
        let rows = [
            ("1.5", 3, Some(1_500.0)),
            ("15e-1", 3, Some(1_500.0)),
            ("250", -3, Some(0.25)),
            ("", 0, None),
            ("e3", 0, None),
            ("1e", 0, None),
            ("nan", 0, None),
            ("1e400", 0, None),
        ];
        for (text, exponent, number) in rows {
            assert_eq!(shifted(text, exponent), number, "{text}");
        }
    }
}
