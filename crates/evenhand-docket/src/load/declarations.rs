//! Sources, datasets, measures, definitions and events.

use super::reader::{Ids, Table, Value, unique};
use crate::words::Certainty;
use crate::{Dataset, Definition, Event, LintCode, Measure, Source};

/// Reads every table of the array `key` with `read`, and reports ids that occur twice.
fn each<T>(
    root: &Table<'_, '_>,
    key: &'static str,
    read: impl Fn(&Table<'_, '_>) -> T,
    id: impl Fn(&T) -> &String,
) -> Vec<T> {
    let tables = root.tables_opt(key);
    let read = |table: &Table<'_, '_>| {
        let item = read(table);
        table.finish();
        item
    };
    let items: Vec<T> = tables.iter().map(read).collect();
    unique(&tables, &items.iter().map(|item| id(item).clone()).collect::<Vec<_>>());
    items
}

pub(super) fn sources(root: &Table<'_, '_>) -> Vec<Source> {
    each(root, "source", source, |source| &source.id)
}

fn source(table: &Table<'_, '_>) -> Source {
    Source {
        id: table.id(),
        kind: table.text("kind"),
        title: table.text("title"),
        publisher: table.text("publisher"),
        url: table.text("url"),
        access: table.word("access"),
        published: table.date_opt("published"),
        date_certainty: table.word_opt("date_certainty").unwrap_or(Certainty::Exact),
        archived_url: table.text_opt("archived_url"),
        sha256: table.sha256("sha256"),
    }
}

pub(super) fn datasets(root: &Table<'_, '_>) -> Vec<Dataset> {
    each(root, "dataset", dataset, |dataset| &dataset.id)
}

fn dataset(table: &Table<'_, '_>) -> Dataset {
    Dataset {
        id: table.id(),
        title: table.text("title"),
        coverage: table.date_span("coverage", true).unwrap_or_default(),
        linkable: table.flag("linkable"),
        geography: table.text("geography"),
        limits: table.list("limits").iter().filter_map(Value::text).collect(),
        home: table.text("home"),
        sha256: table.sha256("sha256"),
    }
}

pub(super) fn measures(root: &Table<'_, '_>, datasets: &Ids<'_>) -> Vec<Measure> {
    let measure = |table: &Table<'_, '_>| Measure {
        id: table.id(),
        what: table.text("what"),
        datasets: table.list("datasets").iter().filter_map(|value| value.reference(datasets)).collect(),
        units: table.words("units"),
    };
    each(root, "measure", measure, |measure| &measure.id)
}

pub(super) fn definitions(root: &Table<'_, '_>) -> Vec<Definition> {
    let definition = |table: &Table<'_, '_>| {
        let id = table.id();
        if !id.is_empty()
            && id.split_once('.').is_none_or(|(axis, option)| axis.is_empty() || option.is_empty())
        {
            table.get("id").inspect(|value| value.bad("an id of the form `axis.option`"));
        }
        Definition { id, rule: table.text("rule"), default: table.flag_opt("default").unwrap_or_default() }
    };
    let definitions = each(root, "definition", definition, |definition| &definition.id);
    lint_axis_defaults(root, &definitions);
    definitions
}

/// An axis needs one default, else the primary specification is not defined.
fn lint_axis_defaults(root: &Table<'_, '_>, definitions: &[Definition]) {
    let tables = root.tables_opt("definition");
    let mut seen = std::collections::BTreeSet::new();
    for (table, definition) in tables.iter().zip(definitions).filter(|(_, d)| seen.insert(d.axis())) {
        let axis = definition.axis();
        let defaults = definitions.iter().filter(|other| other.axis() == axis && other.default).count();
        if defaults != 1 {
            let message = format!("the axis `{axis}` has {defaults} defaults");
            table.lint(
                LintCode::AxisDefault,
                "id",
                message,
                Some("set `default = true` on one option of the axis"),
            );
        }
    }
}

pub(super) fn events(root: &Table<'_, '_>, sources: &Ids<'_>) -> Vec<Event> {
    let event = |table: &Table<'_, '_>| {
        let (date, end) = match table.get("end") {
            None => (table.date("date"), None),
            Some(_) => {
                let (date, end) = table.date_pair("date", "end");
                (date, Some(end))
            }
        };
        let certainty = table.word("certainty");
        if certainty == Certainty::Verify {
            let message = "the date of this event is not verified".to_owned();
            table.lint(LintCode::UnverifiedEvent, "certainty", message, None);
        }
        Event {
            id: table.id(),
            what: table.text("what"),
            date,
            end,
            certainty,
            geo: table.geo("geo"),
            source: table.reference_opt("source", sources),
        }
    };
    each(root, "event", event, |event| &event.id)
}
