//! Verdicts in a terminal: a table of all, and a page for one. Any width; colour only where the caller says so.

use crate::number::ascii;
use crate::words;
use evenhand_docket::Docket;
use evenhand_verdict::{Check, State, TestResult, Verdict};

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns; fewer than 40 count as 40.
    pub width: usize,
    /// Whether bold, dim and one colour may be used. The caller knows the terminal and `NO_COLOR`.
    pub color: bool,
}

impl Style {
    /// Without any colour.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self { width, color: false }
    }

    fn columns(self) -> usize {
        self.width.max(40)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn accent(self, text: &str) -> String {
        self.paint("1;36", text)
    }
}

/// The table of verdicts, with what was judged above and a tally below.
#[must_use]
pub fn table(check: &Check, style: &Style) -> String {
    let mut out = Page::new(*style);
    out.wrapped(&check.title, 0, |style, line| style.bold(line));
    let record = format!(
        "{} on the {} record ({}), seed {}",
        check.engine,
        check.record.name,
        words::short_hash(&check.record.sha256),
        check.seed
    );
    out.wrapped(&record, 0, |style, line| style.dim(line));
    out.blank();

    if style.columns() < 60 {
        check.verdicts.iter().for_each(|verdict| entry(verdict, &mut out));
    } else {
        let columns = Columns::new(check, style.columns());
        columns.heading(&mut out);
        check.verdicts.iter().for_each(|verdict| columns.row(verdict, &mut out));
    }
    out.blank();
    let tally = format!("{} claims: {}", check.verdicts.len(), words::tally(check));
    out.wrapped(&tally, 0, |_, line| line.to_owned());
    if let Some(first) = check.verdicts.first() {
        out.styled(&format!("One claim: {}", clean(&first.command)), Style::dim_line);
        out.wrapped("A page of all: add --report report.html", 0, Style::dim_line);
    }
    out.text
}

/// Everything about one verdict.
#[must_use]
pub fn claim(verdict: &Verdict, check: &Check, docket: &Docket, style: &Style) -> String {
    let mut out = Page::new(*style);
    let claim = &verdict.claim;
    out.hanging(&claim.id, &claim.title, Style::bold_line);
    out.blank();
    out.wrapped(&format!("\"{}\"", claim.text), 2, |_, line| line.to_owned());
    let said = format!("{}, {}, {}", words::claimant(&claim.claimant), words::said_on(claim), claim.locus);
    out.wrapped(&said, 2, |style, line| style.dim(line));
    out.blank();

    let confidence = match verdict.confidence {
        Some(level) => format!(", confidence {}", words::level(level)),
        None => String::new(),
    };
    let status = words::status(verdict.status);
    out.line(&format!("{}{confidence}", style.accent(status)));
    out.wrapped(&format!("{} {}", verdict.opening, verdict.say), 2, |_, line| line.to_owned());
    out.labelled("Decided by", &verdict.decisive);
    if !verdict.modifiers.is_empty() {
        let modifiers: Vec<&str> = verdict.modifiers.iter().map(|one| words::modifier(*one)).collect();
        out.labelled("Note", &modifiers.join("; "));
    }
    tests(verdict, &mut out);
    implications(verdict, &mut out);
    if let Some(quantity) = &claim.quantity {
        out.section("Stated number");
        out.wrapped(&words::quantity(quantity), 2, |_, line| line.to_owned());
    }
    out.section("What was tested");
    out.wrapped(&verdict.tested, 2, |_, line| line.to_owned());
    out.list("How it differs from what was said", &verdict.departures);
    definitions(verdict, docket, &mut out);
    chain(verdict, docket, &mut out);
    grades(verdict, &mut out);
    data(verdict, &mut out);
    let caveats: Vec<String> = verdict.caveats.iter().map(|caveat| caveat.text.clone()).collect();
    out.list("What this cannot show", &caveats);
    if let Some(rival) = &verdict.rival {
        out.section("Strongest other explanation");
        out.wrapped(rival, 2, |_, line| line.to_owned());
    }
    out.list("What would change this verdict", &verdict.would_change);
    rule(verdict, &mut out);
    out.section("Disclosure");
    out.wrapped(&verdict.disclosure, 2, |_, line| line.to_owned());
    out.section("Run it again");
    out.line(&format!("  {}", style.accent(&clean(&verdict.command))));
    out.section("Cite");
    out.wrapped(&words::citation(verdict, check), 2, |_, line| line.to_owned());
    out.text
}

fn tests(verdict: &Verdict, out: &mut Page) {
    out.section("Tests");
    let widest = verdict.tests.iter().map(|test| width(&test.id)).max().unwrap_or(0).min(16);
    for test in &verdict.tests {
        let lead = format!("  {}", pad(&clean(&test.id), widest));
        match &test.state {
            State::NotRun(why) => out.hanging(&lead, &format!("not run: {why}"), Style::dim),
            State::Run => out.hanging(&lead, &ascii(&test.line), |_, line| line.to_owned()),
        }
        test_notes(test, widest + 4, out);
    }
}

fn test_notes(test: &TestResult, indent: usize, out: &mut Page) {
    let about = format!("{} ({})", test.estimand, words::kind(test.kind));
    out.wrapped(&about, indent, |style, line| style.dim(line));
    if test.state != State::Run {
        return;
    }
    for line in &test.method {
        out.wrapped(line, indent, |style, line| style.dim(line));
    }
    for (label, value) in words::numbers(test) {
        out.wrapped(&format!("{label}: {}", ascii(&value)), indent, |_, line| line.to_owned());
    }
    if let Some(words) = words::specifications(test) {
        out.wrapped(&ascii(&words), indent, |_, line| line.to_owned());
    }
}

fn implications(verdict: &Verdict, out: &mut Page) {
    if verdict.implications.is_empty() {
        return;
    }
    out.section("What would follow if it were so");
    for one in &verdict.implications {
        let holds = match one.holds {
            Some(true) => "seen",
            Some(false) => "not seen",
            None => "open",
        };
        out.hanging(&format!("  {}", one.id), &one.text, |_, line| line.to_owned());
        let predict = format!("if so: {}; if the rival: {}", one.if_claim, one.if_rival);
        out.wrapped(&predict, 6, |style, line| style.dim(line));
        out.wrapped(&words::weight_of(&one.discriminates, &one.role), 6, |style, line| style.dim(line));
        out.wrapped(&format!("{holds}: {}", ascii(&one.result)), 6, |_, line| line.to_owned());
    }
}

fn definitions(verdict: &Verdict, docket: &Docket, out: &mut Page) {
    let definitions: Vec<String> = verdict
        .claim
        .definitions
        .iter()
        .map(|id| docket.definition(id).map_or_else(|| id.clone(), |found| format!("{id}: {}", found.rule)))
        .collect();
    out.list("Definitions", &definitions);
}

fn chain(verdict: &Verdict, docket: &Docket, out: &mut Page) {
    if verdict.claim.chain.is_empty() {
        return;
    }
    out.section("How the claim came here");
    for (at, hop) in verdict.claim.chain.iter().enumerate() {
        let note = hop.note.as_deref().map_or_else(String::new, |note| format!(" ({note})"));
        let line = format!("{} -> {}: {}{note}", hop.from, hop.to, words::hop(hop));
        out.hanging(&format!("  {}.", at + 1), &line, |_, line| line.to_owned());
        if let Some(source) = docket.source(&hop.source) {
            let title = source.title.replace('"', "'");
            out.wrapped(&format!("{}, \"{title}\"", source.publisher), 6, Style::dim_line);
            // One line however long, so that it can be followed.
            out.styled(&format!("      {}", clean(&source.url)), Style::dim_line);
        }
    }
    if let Some(weakest) = &verdict.weakest_hop {
        out.labelled("Weakest hop", weakest);
    }
}

fn grades(verdict: &Verdict, out: &mut Page) {
    if verdict.grades.is_empty() {
        return;
    }
    out.section("Confidence, by its four grades");
    for grade in &verdict.grades {
        let level = grade.level.map_or("does not apply", words::level);
        out.hanging(&format!("  {}", pad(grade.name, 10)), &format!("{level}: {}", grade.why), |_, l| {
            l.to_owned()
        });
    }
}

fn data(verdict: &Verdict, out: &mut Page) {
    if verdict.data.is_empty() {
        return;
    }
    out.section("Data");
    for data in &verdict.data {
        let served = data.served_by.as_deref().unwrap_or("nothing in this record");
        let mut line = format!("served by {served}; {}", data.coverage);
        if let Some(rows) = data.rows_used {
            line.push_str(&format!("; {} rows used", crate::number::fixed(rows as f64, 0)));
        }
        if let Some(rows) = data.rows_unplaced {
            line.push_str(&format!(", {} of them without a county", crate::number::fixed(rows as f64, 0)));
        }
        if let Some(hash) = &data.sha256 {
            line.push_str(&format!("; sha256 {}", words::short_hash(hash)));
        }
        out.hanging(&format!("  {}", data.dataset), &line, |_, line| line.to_owned());
    }
}

fn rule(verdict: &Verdict, out: &mut Page) {
    out.section("Rule");
    let fired = match verdict.rule {
        Some(at) => format!("Rule {} of {} decided.", at + 1, verdict.claim.rules.len()),
        None => format!("None of the {} rules came out true.", verdict.claim.rules.len()),
    };
    out.wrapped(&fired, 2, |_, line| line.to_owned());
    for line in &verdict.trace {
        out.wrapped(&ascii(line), 2, |style, line| style.dim(line));
    }
    let hash = format!("Hash {}, {}", words::short_hash(&verdict.rule_hash), words::lock(&verdict.lock));
    out.wrapped(&hash, 2, |style, line| style.dim(line));
    if let Some(q) = verdict.q {
        out.wrapped(
            &format!("False discovery rate over the docket's family: q = {}", words::p_number(q)),
            2,
            |_, l| l.to_owned(),
        );
    }
}

/// A verdict where there is no room for columns.
fn entry(verdict: &Verdict, out: &mut Page) {
    let style = out.style;
    let confidence = verdict.confidence.map_or(String::new(), |level| format!(", {}", words::level(level)));
    let status = style.accent(words::status(verdict.status));
    out.line(&format!("{}  {status}{confidence}", style.bold(&clean(&verdict.claim.id))));
    out.wrapped(&verdict.claim.title, 2, |_, line| line.to_owned());
    for line in brief(&ascii(&verdict.decisive), style.columns() - 2) {
        out.line(&format!("  {}", style.dim(&line)));
    }
}

/// Columns of the table of verdicts, for a width.
struct Columns {
    id: usize,
    claim: usize,
    status: usize,
    confidence: usize,
    /// Width of the deciding figure's own column; without one it stands under the claim.
    decisive: Option<usize>,
}

impl Columns {
    fn new(check: &Check, total: usize) -> Self {
        let ids = check.verdicts.iter().map(|verdict| width(&verdict.claim.id));
        let id = ids.max().unwrap_or(0).clamp(2, 12);
        let statuses = check.verdicts.iter().map(|verdict| words::status(verdict.status).len());
        let status = statuses.max().unwrap_or(0).max("verdict".len());
        let confidence = "confidence".len();
        let rest = total.saturating_sub(id + status + confidence + 6);
        if total >= 100 {
            let claim = rest * 9 / 20;
            return Self { id, claim, status, confidence, decisive: Some(rest - claim - 2) };
        }
        Self { id, claim: rest.max(16), status, confidence, decisive: None }
    }

    fn heading(&self, out: &mut Page) {
        let mut line = format!(
            "{}  {}  {}  {}",
            pad("", self.id),
            pad("claim", self.claim),
            pad("verdict", self.status),
            pad("confidence", self.confidence)
        );
        if self.decisive.is_some() {
            line.push_str("  decided by");
        }
        out.styled(line.trim_end(), Style::dim_line);
    }

    fn row(&self, verdict: &Verdict, out: &mut Page) {
        let style = out.style;
        let claims = wrap(&verdict.claim.title, self.claim);
        let decisive = ascii(&verdict.decisive);
        let beside = self.decisive.map_or_else(Vec::new, |width| brief(&decisive, width));
        for at in 0..claims.len().max(beside.len()).max(1) {
            let empty = String::new();
            let first = at == 0;
            let id = if first { clean(&verdict.claim.id) } else { String::new() };
            let status = if first { words::status(verdict.status) } else { "" };
            let confidence = if first { verdict.confidence.map_or("-", words::level) } else { "" };
            let claim = claims.get(at).unwrap_or(&empty);
            let line = format!(
                "{}  {}  {}  {}  {}",
                style.bold(&pad(&id, self.id)),
                pad(claim, self.claim),
                style.accent(&pad(status, self.status)),
                pad(confidence, self.confidence),
                beside.get(at).unwrap_or(&empty),
            );
            out.line(line.trim_end());
        }
        if self.decisive.is_none() {
            for line in brief(&decisive, style.columns() - self.id - 2) {
                out.line(&format!("{}  {}", " ".repeat(self.id), style.dim(&line)));
            }
        }
    }
}

impl Style {
    fn bold_line(self, line: &str) -> String {
        self.bold(line)
    }

    fn dim_line(self, line: &str) -> String {
        self.dim(line)
    }
}

/// Lines, as they come.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn new(style: Style) -> Self {
        Self { text: String::new(), style }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn styled(&mut self, line: &str, paint: impl Fn(Style, &str) -> String) {
        let painted = paint(self.style, line);
        self.line(&painted);
    }

    /// Wrapped behind an indent.
    fn wrapped(&mut self, text: &str, indent: usize, paint: impl Fn(Style, &str) -> String) {
        let room = self.style.columns().saturating_sub(indent);
        for line in wrap(text, room) {
            let painted = paint(self.style, &line);
            self.line(&format!("{}{painted}", " ".repeat(indent)));
        }
    }

    /// A lead on the first line, the rest under the words after it.
    fn hanging(&mut self, lead: &str, text: &str, paint: impl Fn(Style, &str) -> String) {
        let lead = clean(lead);
        let indent = width(&lead) + 2;
        let room = self.style.columns().saturating_sub(indent);
        let lines = wrap(text, room);
        for (at, line) in lines.iter().enumerate() {
            let painted = paint(self.style, line);
            let before = if at == 0 { format!("{lead}  ") } else { " ".repeat(indent) };
            self.line(&format!("{before}{painted}"));
        }
        if lines.is_empty() {
            self.line(&lead);
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        if !text.is_empty() {
            self.wrapped(&format!("{label}: {}", ascii(text)), 2, |_, line| line.to_owned());
        }
    }

    fn section(&mut self, heading: &str) {
        self.blank();
        self.styled(heading, |style, line| style.bold(line));
    }

    fn list(&mut self, heading: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.section(heading);
        for item in items {
            self.hanging("  -", item, |_, line| line.to_owned());
        }
    }
}

/// Broken into lines of at most `most` columns, at spaces where there are any. Control characters and marks
/// that turn the direction of writing are left out: a claim's text must not command a terminal.
fn wrap(text: &str, most: usize) -> Vec<String> {
    let most = most.max(8);
    let mut lines: Vec<String> = Vec::new();
    for word in clean(text).split(' ').filter(|word| !word.is_empty()) {
        if let Some(line) = lines.last_mut()
            && width(line) + 1 + width(word) <= most
        {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        let mut piece = String::new();
        for letter in word.chars() {
            if width(&piece) + columns(letter) > most {
                lines.push(std::mem::take(&mut piece));
            }
            piece.push(letter);
        }
        lines.push(piece);
    }
    lines
}

/// The first lines, with a mark where something is left for the claim's own page.
fn brief(text: &str, most: usize) -> Vec<String> {
    const LINES: usize = 3;
    let mut lines = wrap(text, most);
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            while width(last) + 4 > most && last.pop().is_some() {}
            *last = format!("{} ...", last.trim_end());
        }
    }
    lines
}

/// Without anything that a terminal would obey; white space as single spaces.
fn clean(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|letter| !turns(*letter))
        .map(|letter| match letter {
            '\t' | '\n' | '\r' => ' ',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Columns that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Columns that a character takes: none for marks that combine, two for the wide ones of East Asia and for
/// pictures.
#[must_use]
pub fn columns(letter: char) -> usize {
    match letter {
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}'
        | '\u{feff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{33ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a000}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_table_at_80_columns() {
        insta::assert_snapshot!(table(&fixture::check(), &Style::plain(80)));
    }

    #[test]
    fn the_table_at_120_columns() {
        insta::assert_snapshot!(table(&fixture::check(), &Style::plain(120)));
    }

    #[test]
    fn a_claim_at_80_columns() {
        let check = fixture::check();
        insta::assert_snapshot!(claim(
            fixture::verdict(&check, "A13"),
            &check,
            &fixture::docket(),
            &Style::plain(80)
        ));
    }

    #[test]
    fn a_claim_about_a_motive_at_120_columns() {
        let check = fixture::check();
        insta::assert_snapshot!(claim(
            fixture::verdict(&check, "A03"),
            &check,
            &fixture::docket(),
            &Style::plain(120)
        ));
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let check = fixture::check();
        for columns in [40, 60, 80, 100, 120, 200] {
            let style = Style::plain(columns);
            let mut text = table(&check, &style);
            for verdict in &check.verdicts {
                text.push_str(&claim(verdict, &check, &fixture::docket(), &style));
            }
            // Commands and addresses are one line, so that they can be copied.
            for line in
                text.lines().filter(|line| !line.contains("evenhand check --claim") && !line.contains("://"))
            {
                assert!(width(line) <= columns, "{} > {columns}: {line}", width(line));
            }
        }
    }

    #[test]
    fn colour_only_where_asked_and_the_words_are_the_same() {
        let check = fixture::check();
        let plain = table(&check, &Style::plain(80));
        let colored = table(&check, &Style { width: 80, color: true });
        assert!(!plain.contains('\u{1b}'));
        let codes = ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[1;36m", "\u{1b}[0m"];
        let stripped = codes.iter().fold(colored, |text, code| text.replace(code, ""));
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&stripped), trimmed(&plain));
    }

    #[test]
    fn text_cannot_command_the_terminal() {
        assert_eq!(wrap("a\u{1b}[31mb \u{202e}c", 80), ["a\u{fffd}[31mb c"]);
        assert_eq!(wrap("one\ntwo\tthree", 80), ["one two three"]);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(wrap("日本日本日本日本日本", 8), ["日本日本", "日本日本", "日本"]);
    }
}
