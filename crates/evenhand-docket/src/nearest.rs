//! The known word that a mistyped one was probably meant to be.

/// Longest word that is compared, and most words that it is compared with: a hint must never be dear.
const MAX_CHARS: usize = 64;
const MAX_WORDS: usize = 1000;

/// The nearest of `known` by edits (insert, delete, replace, swap neighbours), if near enough to be a slip:
/// at most a third of the word's length, and at least one edit always allowed.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().take(MAX_CHARS + 1).collect();
    if letters.len() > MAX_CHARS {
        return None;
    }
    let allowed = (letters.len() / 3).max(1);
    known
        .into_iter()
        .take(MAX_WORDS)
        .filter(|other| other.len() <= 4 * MAX_CHARS && *other != word)
        .map(|other| (edits(&letters, &other.chars().collect::<Vec<_>>()), other))
        .filter(|(edits, _)| *edits <= allowed)
        .min()
        .map(|(_, other)| other)
}

/// Edit distance with swaps of neighbours, by the usual three rows.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let replace = above[j] + usize::from(letter != other);
            let mut best = replace.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *other && *letter == b[j - 1] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let keys = ["verdict", "when", "modifiers", "say"];
        for (slip, meant) in
            [("wehn", "when"), ("modifier", "modifiers"), ("verdikt", "verdict"), ("sat", "say")]
        {
            assert_eq!(nearest(slip, keys), Some(meant), "{slip}");
        }
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), keys), None);
    }
}
