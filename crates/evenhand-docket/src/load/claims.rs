//! Claims with their tests and rules, checked against what the file declares.

use super::reader::{Ids, Table, Value, show, unique};
use crate::hedge::{Hedge, widened};
use crate::rule::Truth;
use crate::words::{Certainty, ClaimKind, Status, TestKind};
use crate::{
    Claim, Claimant, Dataset, Date, Definition, Event, Expr, Fact, Hop, Implication, LintCode, Measure,
    Motive, Pitfall, ProblemCode, Quantity, Reading, Rule, Scope, Sesoi, Test,
};

/// What claims may refer to.
pub(super) struct Declared<'a> {
    pub(super) sources: Ids<'a>,
    pub(super) datasets: &'a [Dataset],
    pub(super) measures: &'a [Measure],
    pub(super) definitions: &'a [Definition],
    pub(super) events: &'a [Event],
    pub(super) alpha: f64,
    pub(super) sesoi: Sesoi,
}

impl<'a> Declared<'a> {
    fn dataset(&self, id: &str) -> Option<&'a Dataset> {
        self.datasets.iter().find(|dataset| dataset.id == id)
    }

    fn measure(&self, id: &str) -> Option<&'a Measure> {
        self.measures.iter().find(|measure| measure.id == id)
    }

    fn dataset_ids(&self) -> Ids<'a> {
        Ids::new("dataset", self.datasets.iter().map(|dataset| dataset.id.as_str()))
    }

    fn measure_ids(&self) -> Ids<'a> {
        Ids::new("measure", self.measures.iter().map(|measure| measure.id.as_str()))
    }

    fn definition_ids(&self) -> Ids<'a> {
        Ids::new("definition", self.definitions.iter().map(|definition| definition.id.as_str()))
    }
}

/// Every claim, in file order.
pub(super) fn claims(root: &Table<'_, '_>, declared: &Declared<'_>) -> Vec<Claim> {
    let tables = root.tables("claim");
    if tables.is_empty()
        && let Some(value) = root.get("claim").filter(|value| value.value.is_array())
    {
        value.bad("at least one claim");
    }
    let claims: Vec<Claim> = tables.iter().map(|table| claim(table, declared)).collect();
    unique(&tables, &claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>());
    claims
}

/// The confirmatory family, sorted; its ids must be claims.
pub(super) fn family(head: &Table<'_, '_>, claims: &[Claim]) -> Vec<String> {
    let ids = Ids::new("claim", claims.iter().map(|claim| claim.id.as_str()));
    let values = head.list_opt("family_primary");
    for value in &values {
        let Some(claim) = value.value.as_str().and_then(|id| claims.iter().find(|claim| claim.id == id))
        else {
            continue;
        };
        if claim.tests.iter().all(|test| test.kind.is_descriptive()) {
            let message =
                format!("`{}` is in the confirmatory family, and all its tests are descriptive", claim.id);
            value.report.lint(LintCode::FamilyDescriptive, value.at, &value.path, message, None);
        }
    }
    let mut family: Vec<String> = values.iter().filter_map(|value| value.reference(&ids)).collect();
    family.sort_unstable();
    family.dedup();
    family
}

fn claim(table: &Table<'_, '_>, declared: &Declared<'_>) -> Claim {
    let kind = table.word("kind");
    let tests = tests(table, declared);
    let rules = rules(table, &tests);
    let definitions = table.list_opt("definitions");
    let mut claim = Claim {
        id: table.id(),
        title: table.text("title"),
        text: table.text("text"),
        locus: table.text("locus"),
        kind,
        claimant: claimant(&table.table("claimant")),
        said_on: table.date("said_on"),
        said_on_certainty: table.word_opt("said_on_certainty").unwrap_or(Certainty::Exact),
        chain: table.tables("chain").iter().map(|hop| self::hop(hop, declared)).collect(),
        scope: scope(&table.table("scope")),
        quantity: table.table_opt("quantity").and_then(|quantity| self::quantity(&quantity, declared)),
        definitions: definitions.iter().filter_map(|id| id.reference(&declared.definition_ids())).collect(),
        facts: table.tables_opt("facts").iter().map(|fact| self::fact(fact, declared)).collect(),
        pitfalls: table.list("pitfalls").iter().filter_map(pitfall).collect(),
        motive: table.table_opt("motive").map(|motive| self::motive(&motive)),
        implications: implications(table, &tests),
        reading: readings(table),
        tests,
        rules,
        alpha: declared.alpha,
        sesoi: declared.sesoi,
        pinned: Vec::new(),
        line: table.line(),
    };
    claim.pinned = pinned(&claim, declared);
    check_intent(table, &claim);
    lint_claim(table, &claim, declared);
    table.finish();
    claim
}

fn claimant(table: &Table<'_, '_>) -> Claimant {
    let claimant = Claimant {
        name: table.text("name"),
        role: table.text("role"),
        named: table.flag("named"),
        firsthand: table.text_opt("firsthand"),
        side: table.text_opt("side"),
    };
    table.finish();
    claimant
}

fn hop(table: &Table<'_, '_>, declared: &Declared<'_>) -> Hop {
    let hop = Hop {
        from: table.text("from"),
        to: table.text("to"),
        relation: table.word("relation"),
        source: table.reference("source", &declared.sources),
        hearsay: table.count("hearsay"),
        on_record: table.flag_opt("on_record"),
        fidelity: table.word("fidelity"),
        note: table.text_opt("note"),
    };
    table.finish();
    hop
}

fn scope(table: &Table<'_, '_>) -> Scope {
    let (start, end) = table.date_pair("start", "end");
    let scope = Scope { geo: table.geo("geo"), level: table.word("level"), start, end };
    table.finish();
    scope
}

fn quantity(table: &Table<'_, '_>, declared: &Declared<'_>) -> Option<Quantity> {
    let measure = table.reference("measure", &declared.measure_ids());
    let value = table.number("value");
    let unit = table.text("unit");
    let literal = table.interval("literal", true);
    let stated = table.interval("material", false);
    table.finish();
    let literal = literal?;
    if !value.is_nan() && !literal.contains(value) {
        let message = format!("the stated number {value} lies outside its literal interval");
        table.lint(LintCode::ValueOutsideLiteral, "value", message, None);
    }
    let material = stated.unwrap_or_else(|| {
        let message = "no material interval is given; the literal one widened by 5% is used".to_owned();
        table.lint(
            LintCode::MaterialByDefault,
            "literal",
            message,
            Some("write `material` so that it can be argued with"),
        );
        widened(literal, value)
    });
    if !material.covers(&literal) {
        let found = format!("[{}, {}] outside [{}, {}]", literal.lo, literal.hi, material.lo, material.hi);
        table.problem(
            ProblemCode::LiteralOutsideMaterial,
            "literal",
            found,
            "an interval inside `material`".to_owned(),
        );
    }
    Some(Quantity { measure, value, unit, literal, material })
}

fn fact(table: &Table<'_, '_>, declared: &Declared<'_>) -> Fact {
    let fact = Fact { text: table.text("text"), source: table.reference("source", &declared.sources) };
    table.finish();
    fact
}

fn motive(table: &Table<'_, '_>) -> Motive {
    let motive = Motive { identifiable: table.flag("identifiable"), rival: table.text("rival") };
    table.finish();
    motive
}

fn pitfall(value: &Value<'_, '_>) -> Option<Pitfall> {
    let code = value.text()?;
    let pitfall = Pitfall::of(&code);
    if pitfall.is_none() {
        let near = crate::nearest::nearest(&code, Pitfall::codes());
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let found = format!("`{}`", show(&code));
        let expected = "a pitfall code of the closed list";
        value.report.problem(ProblemCode::BadValue, value.at, &value.path, found, expected, hint);
    }
    pitfall
}

fn readings(table: &Table<'_, '_>) -> Vec<Reading> {
    let texts = table.table_opt("reading").map(|reading| reading.free_texts()).unwrap_or_default();
    texts.into_iter().map(|(name, text)| Reading { name, text }).collect()
}

fn implications(table: &Table<'_, '_>, tests: &[Test]) -> Vec<Implication> {
    let test_ids = Ids::new("test of this claim", tests.iter().map(|test| test.id.as_str()));
    let tables = table.tables_opt("implication");
    let implication = |table: &Table<'_, '_>| {
        let implication = Implication {
            id: table.id(),
            text: table.text("text"),
            test: table.reference("test", &test_ids),
            if_claim: table.text("if_claim"),
            if_rival: table.text("if_rival"),
            discriminates: table.word("discriminates"),
            role: table.word("role"),
        };
        table.finish();
        implication
    };
    let implications: Vec<Implication> = tables.iter().map(implication).collect();
    unique(&tables, &implications.iter().map(|implication| implication.id.clone()).collect::<Vec<_>>());
    implications
}

fn tests(table: &Table<'_, '_>, declared: &Declared<'_>) -> Vec<Test> {
    let tables = table.tables("test");
    let tests: Vec<Test> = tables.iter().map(|table| test(table, declared)).collect();
    unique(&tables, &tests.iter().map(|test| test.id.clone()).collect::<Vec<_>>());
    tests
}

fn test(table: &Table<'_, '_>, declared: &Declared<'_>) -> Test {
    let datasets = declared.dataset_ids();
    let measures = declared.measure_ids();
    let test = Test {
        id: test_id(table),
        kind: table.word("kind"),
        measure: table.reference("measure", &measures),
        dataset: table.reference_opt("dataset", &datasets),
        partner: table.reference_opt("partner", &measures),
        partner_dataset: table.reference_opt("partner_dataset", &datasets),
        unit: table.word_opt("unit"),
        period: table.word_opt("period"),
        treatment: table.text_opt("treatment"),
        estimand: table.text_opt("estimand"),
        estimator: table.word_opt("estimator"),
        window: table.date_span("window", false),
        inference: table.text_opt("inference"),
        definition: table.reference_opt("definition", &declared.definition_ids()),
        multiverse: table.text_opt("multiverse"),
        bounds: table.text_opt("bounds"),
        document: table.reference_opt("document", &declared.sources),
        asks: table.text_opt("asks"),
        interval: table.text_opt("interval"),
        note: table.text_opt("note"),
        line: table.line(),
    };
    table.finish();
    check_measure(table, "measure", &test.measure, "dataset", test.dataset.as_deref(), &test, declared);
    check_partner(table, &test, declared);
    check_tokens(table, declared);
    lint_test(table, &test, declared);
    test
}

/// A test's id is a name of the rule language.
fn test_id(table: &Table<'_, '_>) -> String {
    let id = table.id();
    let name = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !id.is_empty() && (!name || ["and", "or", "not", "true", "false"].contains(&id.as_str())) {
        let expected = "a name that rules can use: letters, digits and `_`, not a word of the rule language";
        table.problem(ProblemCode::BadValue, "id", format!("`{}`", show(&id)), expected.to_owned());
    }
    id
}

/// The measure must exist in the dataset and at the unit. Figures taken from the docket's own documents are
/// allowed for any measure and flagged: they are what the press or an agency printed.
fn check_measure(
    table: &Table<'_, '_>,
    measure_key: &'static str,
    measure: &str,
    dataset_key: &'static str,
    dataset: Option<&str>,
    test: &Test,
    declared: &Declared<'_>,
) {
    let Some(measure) = declared.measure(measure) else { return };
    let named = format!("`{}`", measure.id);
    // A measure with a mistyped dataset has its own problem, not one in every test.
    let whole = measure.datasets.iter().all(|id| declared.dataset(id).is_some());
    if let Some(dataset) = dataset.and_then(|id| declared.dataset(id))
        && whole
        && !measure.datasets.contains(&dataset.id)
    {
        if dataset.is_documents() {
            let message = format!("{named} is taken from documents of the docket, not from records");
            table.lint(LintCode::PressFigures, dataset_key, message, Some("its data grade is low"));
        } else {
            let expected = format!("a dataset that holds {named}: {}", measure.datasets.join(", "));
            table.problem(ProblemCode::MeasureMismatch, dataset_key, format!("`{}`", dataset.id), expected);
        }
    }
    if let Some(unit) = test.unit.filter(|unit| !measure.units.contains(unit)) {
        let units: Vec<String> = measure.units.iter().map(ToString::to_string).collect();
        let expected = format!("a unit at which {named} exists: {}", units.join(", "));
        let key = if measure_key == "measure" { "unit" } else { measure_key };
        table.problem(ProblemCode::MeasureMismatch, key, format!("`{unit}`"), expected);
    }
}

/// A partner measure lives in the partner's dataset, or in the test's own when there is none. Without a
/// partner measure, the partner dataset is a second home of the test's own measure.
fn check_partner(table: &Table<'_, '_>, test: &Test, declared: &Declared<'_>) {
    let own = test.partner_dataset.as_deref();
    match (&test.partner, own) {
        (Some(partner), Some(_)) => {
            check_measure(table, "partner", partner, "partner_dataset", own, test, declared)
        }
        (Some(partner), None) => {
            check_measure(table, "partner", partner, "dataset", test.dataset.as_deref(), test, declared);
        }
        (None, Some(_)) => {
            // The unit was checked with the measure's first home.
            let any_unit = Test { unit: None, ..test.clone() };
            check_measure(table, "measure", &test.measure, "partner_dataset", own, &any_unit, declared);
        }
        (None, None) => {}
    }
}

/// Words of a test's free texts that look like ids of events (`E-...`) or of definitions on a known axis
/// must be such ids.
fn check_tokens(table: &Table<'_, '_>, declared: &Declared<'_>) {
    for key in ["treatment", "estimand"] {
        let Some(value) = table.get(key) else { continue };
        let text = value.value.as_str().unwrap_or_default();
        for token in id_tokens(text) {
            let unknown = match token {
                _ if is_event_token(token) => declared.events.iter().all(|event| event.id != token),
                _ => {
                    let axis = |definition: &Definition| {
                        token.split_once('.').is_some_and(|(a, _)| a == definition.axis())
                    };
                    declared.definitions.iter().any(axis)
                        && declared.definitions.iter().all(|d| d.id != token)
                }
            };
            if unknown {
                let sort = if is_event_token(token) { "an event" } else { "a definition" };
                let found = format!("`{}`", show(token));
                table.problem(ProblemCode::UnknownReference, key, found, format!("the id of {sort}"));
            }
        }
    }
}

fn is_event_token(token: &str) -> bool {
    token.starts_with("E-") && token.len() > 2
}

/// Words made of the characters of ids, without a full stop at the end.
fn id_tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "._:-".contains(c)))
        .map(|token| token.trim_end_matches(['.', ':', '-']))
        .filter(|token| !token.is_empty())
}

fn rules(table: &Table<'_, '_>, tests: &[Test]) -> Vec<Rule> {
    let tables = table.tables("rule");
    if tables.is_empty()
        && let Some(value) = table.get("rule").filter(|value| value.value.is_array())
    {
        value.bad("at least one rule");
    }
    let mut names: Vec<&str> = tests.iter().map(|test| test.id.as_str()).collect();
    names.dedup();
    let rule = |table: &Table<'_, '_>| {
        let rule = Rule {
            verdict: table.word("verdict"),
            when: condition(table, &names),
            modifiers: table.list_opt("modifiers").iter().filter_map(Value::word).collect(),
            say: table.text("say"),
            line: table.line(),
        };
        table.finish();
        rule
    };
    let rules: Vec<Rule> = tables.iter().map(rule).collect();
    lint_rules(&tables, &rules);
    rules
}

/// The condition, with problems placed inside the text.
fn condition(table: &Table<'_, '_>, tests: &[&str]) -> Expr {
    let placeholder = Expr::Flag(false);
    table.text("when");
    let Some(value) = table.get("when") else { return placeholder };
    let Some(text) = value.value.as_str() else { return placeholder };
    match Expr::parse_for(text, tests) {
        Ok(expr) => expr,
        Err(error) => {
            let at = value.byte_of(error.at);
            value.report.problem(
                ProblemCode::BadRule,
                at,
                &value.path,
                error.found,
                error.expected,
                error.hint,
            );
            placeholder
        }
    }
}

/// Rules below one that is always true, and rules that can never be true.
fn lint_rules(tables: &[Table<'_, '_>], rules: &[Rule]) {
    let truth = |rule: &Rule| rule.when.eval(&crate::rule::NoResults);
    let always = rules.iter().position(|rule| truth(rule) == Truth::True);
    for (index, (table, rule)) in tables.iter().zip(rules).enumerate() {
        let repeats = rules[..index].iter().position(|earlier| earlier.when == rule.when);
        if let Some(always) = always.filter(|always| *always < index) {
            let message = format!("rule {} is always true, so this rule is never reached", always + 1);
            table.lint(LintCode::UnreachableRule, "when", message, None);
        } else if let Some(earlier) = repeats {
            let message =
                format!("the condition is that of rule {}, so this rule never decides", earlier + 1);
            table.lint(LintCode::UnreachableRule, "when", message, None);
        } else if truth(rule) == Truth::False {
            table.lint(LintCode::NeverTrue, "when", "the condition can never be true".to_owned(), None);
        }
    }
}

/// A motive is never a number: an intent claim says so and has no rule that decides it.
fn check_intent(table: &Table<'_, '_>, claim: &Claim) {
    if claim.kind != ClaimKind::Intent {
        return;
    }
    let unreadable = claim.motive.is_none() && table.get("motive").is_some();
    if !unreadable && claim.motive.as_ref().is_none_or(|motive| motive.identifiable) {
        let found = claim.motive.as_ref().map_or("no motive table", |_| "`identifiable = true`");
        let expected = "`motive.identifiable = false` on a claim about intent".to_owned();
        table.problem(ProblemCode::IntentDecided, "motive", found.to_owned(), expected);
    }
    for (rule, of) in table.tables_opt("rule").iter().zip(&claim.rules) {
        if of.verdict != Status::NotTestable {
            let expected = "`not_testable` in every rule of a claim about intent".to_owned();
            rule.problem(ProblemCode::IntentDecided, "verdict", format!("`{}`", of.verdict), expected);
        }
    }
}

/// The wording of definitions and the days of events that the claim leans on, by id.
fn pinned(claim: &Claim, declared: &Declared<'_>) -> Vec<(String, String)> {
    let free = claim.tests.iter().flat_map(|test| [&test.treatment, &test.estimand]).flatten();
    let mut ids: Vec<&str> = free.flat_map(|text| id_tokens(text)).collect();
    ids.extend(claim.definitions.iter().map(String::as_str));
    ids.extend(claim.tests.iter().filter_map(|test| test.definition.as_deref()));
    ids.sort_unstable();
    ids.dedup();
    let wording = |id: &str| {
        let definition = declared.definitions.iter().find(|definition| definition.id == id);
        let event = declared.events.iter().find(|event| event.id == id);
        let days = |event: &Event| format!("{} to {}", event.date, event.end.unwrap_or(event.date));
        definition.map(|definition| definition.rule.clone()).or_else(|| event.map(days))
    };
    ids.into_iter().filter_map(|id| Some((id.to_owned(), wording(id)?))).collect()
}

fn lint_claim(table: &Table<'_, '_>, claim: &Claim, declared: &Declared<'_>) {
    if claim.quantity.is_none() && Hedge::in_text(&claim.text).is_some() {
        let message = "the text hedges a number, and the claim has no quantity".to_owned();
        let hint = "write `quantity` with `literal` and `material`";
        table.lint(LintCode::HedgeWithoutQuantity, "text", message, Some(hint));
    }
    if claim.kind == ClaimKind::Intent && claim.implications.is_empty() {
        let message = "a claim about intent without implications: nothing of it will be tested".to_owned();
        table.lint(LintCode::IntentWithoutImplications, "id", message, None);
    }
    lint_coverage(table, claim, declared);
    lint_unused_tests(table, claim);
}

/// Days of the scope outside what the tests' datasets cover, once for each pair of datasets.
fn lint_coverage(table: &Table<'_, '_>, claim: &Claim, declared: &Declared<'_>) {
    let mut seen = Vec::new();
    for test in &claim.tests {
        let homes = (&test.dataset, &test.partner_dataset);
        if seen.contains(&homes) {
            continue;
        }
        seen.push(homes);
        let Some((start, end)) = coverage(test, declared) else { continue };
        let Scope { start: from, end: to, .. } = claim.scope;
        if from < start || to > end {
            let names: Vec<&str> = [homes.0, homes.1].into_iter().flatten().map(String::as_str).collect();
            let what = if to < start || from > end { "none of its days" } else { "not all of its days" };
            let covers = format!("{from} to {to}: `{}` covers {what} ({start} to {end})", names.join(" + "));
            table.lint(LintCode::ScopeOutsideCoverage, "scope", covers, None);
        }
    }
}

/// First and last day that the test's datasets cover between them.
fn coverage(test: &Test, declared: &Declared<'_>) -> Option<(Date, Date)> {
    let homes = [&test.dataset, &test.partner_dataset].into_iter().flatten();
    homes
        .filter_map(|id| declared.dataset(id))
        .map(|dataset| dataset.coverage)
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn lint_unused_tests(table: &Table<'_, '_>, claim: &Claim) {
    let in_rules = claim.rules.iter().flat_map(|rule| rule.when.tests());
    let used: Vec<&str> = in_rules.chain(claim.implications.iter().map(|i| i.test.as_str())).collect();
    for (test, of) in table.tables_opt("test").iter().zip(&claim.tests) {
        if !used.contains(&of.id.as_str()) {
            let message = format!("no rule or implication uses `{}`; it will be shown as context", of.id);
            test.lint(LintCode::UnusedTest, "id", message, None);
        }
    }
}

fn lint_test(table: &Table<'_, '_>, test: &Test, declared: &Declared<'_>) {
    if test.kind == TestKind::DocumentCheck && (test.document.is_none() || test.asks.is_none()) {
        let message = "a document check without `document` or `asks` finds nothing".to_owned();
        table.lint(LintCode::IncompleteDocumentCheck, "kind", message, None);
    }
    if test.kind != TestKind::DocumentCheck && test.dataset.is_none() {
        let message = "no dataset is named, so the test delivers nothing".to_owned();
        table.lint(LintCode::TestWithoutDataset, "measure", message, Some("write `dataset`"));
    }
    if let (Some((from, to)), Some((start, end))) = (test.window, coverage(test, declared))
        && (from < start || to > end)
    {
        let message = format!("{from} to {to} goes beyond what is covered, {start} to {end}");
        table.lint(LintCode::WindowOutsideCoverage, "window", message, None);
    }
}
