//! Which known names somebody may have meant.

use datafusion::common::utils::datafusion_strsim::levenshtein;

/// Known names that differ little from `name`, nearest first, at most five; if none does, and there are few,
/// all of them.
pub(crate) fn nearest(name: &str, known: &[&str]) -> Vec<String> {
    let name = name.to_lowercase();
    let mut close: Vec<(usize, &str)> = known
        .iter()
        .map(|other| (levenshtein(&name, &other.to_lowercase()), *other))
        .filter(|(distance, other)| *distance <= 1.max((name.len().min(other.len()) + 1) / 3))
        .collect();
    close.sort_unstable();
    close.dedup();
    let least = close.first().map_or(0, |(distance, _)| *distance);
    let mut names: Vec<String> = close
        .iter()
        .filter(|(distance, _)| *distance <= least + 1)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    if names.is_empty() && known.len() <= 12 {
        names = known.iter().map(|name| (*name).to_owned()).collect();
    }
    names.truncate(12);
    names
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_name_and_a_strange_word_finds_all() {
        let known = ["arrests", "removals", "detainers"];
        assert_eq!(nearest("arests", &known), ["arrests"]);
        assert_eq!(nearest("DETAINER", &known), ["detainers"]);
        assert_eq!(nearest("xyz", &known), known);
        assert_eq!(nearest("x", &[]), Vec::<String>::new());
    }
}
