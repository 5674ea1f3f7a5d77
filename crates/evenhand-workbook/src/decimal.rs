//! Decimal numbers of up to nineteen digits into doubles, without looking at their text again.

const POWERS: [u64; 19] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
    10_000_000_000_000_000,
    100_000_000_000_000_000,
    1_000_000_000_000_000_000,
];

/// The double nearest to `digits / 10^decimals`; `None` if there are more than 18 decimals, or few digits after
/// many zeros.
#[inline]
pub(crate) fn nearest(digits: u64, decimals: usize) -> Option<f64> {
    const EXACT: u64 = 1 << 53;
    let power = *POWERS.get(decimals)?;
    if digits < EXACT && power < EXACT {
        // Both are doubles, so that their quotient is the nearest.
        return Some(digits as f64 / power as f64);
    }
    if digits < EXACT {
        return None;
    }
    // 2^117 / 10^18 has 58 bits at least: more than a double and its half. What is left over counts as a last bit.
    let (whole, power) = (u128::from(digits) << 64, u128::from(power));
    let quotient = whole / power;
    let rounded = (quotient | u128::from(quotient * power < whole)) as f64;
    Some(rounded / 18_446_744_073_709_551_616.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_decimal_is_the_nearest_double(digits in any::<u64>(), shift in 0..64_u32, decimals in 0..=18_usize) {
            let digits = digits >> shift;
            let text = format!("{digits}e-{decimals}");
            if let Some(number) = nearest(digits, decimals) {
                prop_assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            } else {
                prop_assert!(digits < 1 << 53 && decimals > 15);
            }
        }
    }
}
