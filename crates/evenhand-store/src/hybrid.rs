//! The run-length and bit-packing hybrid of the Parquet format, in which dictionary codes and definition levels
//! are stored (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>).

/// Values that repeat at least so often are stored as a run; others are packed in groups of this size.
const GROUP: usize = 8;

/// Appends `values`, each below 2^`width`, to `out`.
pub(crate) fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    // Where the groups begin that are not written yet, and how many there are; a run begins at a group.
    let (mut packed, mut at) = (0, 0);
    while let Some(group) = values.get(at..).and_then(<[u32]>::first_chunk::<GROUP>) {
        if group.iter().any(|value| *value != group[0]) {
            at += GROUP;
            continue;
        }
        pack(values.get(packed..at).unwrap_or_default(), width, out);
        let rest = values.get(at..).unwrap_or_default();
        let run = rest.iter().position(|value| *value != group[0]).unwrap_or(rest.len());
        repeat(group[0], run, width, out);
        at += run;
        packed = at;
    }
    pack(values.get(packed..).unwrap_or_default(), width, out);
}

/// Appends `n` times the same value.
pub(crate) fn repeat(value: u32, n: usize, width: u32, out: &mut Vec<u8>) {
    header(n << 1, out);
    out.extend(value.to_le_bytes().into_iter().take(width.div_ceil(8) as usize));
}

/// Appends values as bits, the last group filled up with zeros.
fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    header((values.len().div_ceil(GROUP) << 1) | 1, out);
    for group in values.chunks(GROUP) {
        // Eight values of at most 32 bits are whole bytes.
        let (mut bits, mut held) = (0_u64, 0);
        for at in 0..GROUP {
            bits |= u64::from(group.get(at).copied().unwrap_or_default()) << held;
            held += width;
            if held >= 32 {
                out.extend_from_slice(&(bits as u32).to_le_bytes());
                bits >>= 32;
                held -= 32;
            }
        }
        out.extend(bits.to_le_bytes().into_iter().take(held.div_ceil(8) as usize));
    }
}

/// Appends a number in groups of seven bits, the low ones first.
fn header(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The format read back, as its description says.
    fn decode(mut bytes: &[u8], width: u32, n: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < n {
            let (mut number, mut shift) = (0_usize, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                number |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if number & 1 == 1 {
                let n_bits = (number >> 1) * GROUP * width as usize;
                let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
                for start in (0..n_bits).step_by(width.max(1) as usize) {
                    values.push((0..width).map(|k| bit(start + k as usize) << k).sum());
                }
                bytes = &bytes[n_bits / 8..];
            } else {
                let n_bytes = width.div_ceil(8) as usize;
                let value =
                    bytes[..n_bytes].iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
                values.extend(std::iter::repeat_n(value, number >> 1));
                bytes = &bytes[n_bytes..];
            }
        }
        assert!(bytes.is_empty(), "{} bytes left over", bytes.len());
        values.truncate(n);
        values
    }

    #[test]
    fn what_is_encoded_reads_back() {
        for width in [1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 24, 31, 32] {
            let top = u32::MAX >> (32 - width);
            for n in [0, 1, 7, 8, 9, 16, 100, 1000] {
                // Runs of length 1 to 39, so that every remainder meets a run.
                let mut values = Vec::new();
                let mut length = 1_u32;
                while values.len() < n {
                    values.extend(std::iter::repeat_n(
                        length.wrapping_mul(2_654_435_761) & top,
                        length as usize,
                    ));
                    length = length % 39 + 1;
                }
                values.truncate(n);
                let mut bytes = Vec::new();
                encode(&values, width, &mut bytes);
                assert_eq!(decode(&bytes, width, n), values, "width {width}, {n} values");
            }
        }
    }

    #[test]
    fn a_constant_is_one_run() {
        let mut bytes = Vec::new();
        encode(&[1; 1_000_000], 1, &mut bytes);
        assert_eq!(bytes.len(), 4);
    }
}
