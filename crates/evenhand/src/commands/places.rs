use crate::cli::{Place as Asked, Places as Args};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::table::{Table, thousands};
use evenhand_places::{Places, harmonised};
use evenhand_vocab::{Aor, CountyFips};
use serde_json::{Value, json};

/// `evenhand places`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let places = Places::builtin();
    match &args.what {
        None => metros(places, args.json),
        Some(Asked::County { fips }) => county(places, fips, args.json),
        Some(Asked::Landmark { aor, text }) => landmark(places, aor, text, args.json),
    }
}

fn metros(places: &Places, as_json: bool) -> Result<Exit, Failure> {
    if as_json {
        let metros = places.metros().iter().map(|metro| {
            let counties = metro.counties.iter().map(ToString::to_string).collect::<Vec<_>>();
            json!({"name": metro.name, "cbsa": metro.cbsa, "is_whole": metro.is_whole, "counties": counties})
        });
        out::json(&json!({"schema": "places/1", "metros": metros.collect::<Vec<_>>()}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["metro or city", "metro code", "counties"]);
    for metro in places.metros() {
        let names = metro.counties.iter().take(3).map(|fips| county_name(places, *fips)).collect::<Vec<_>>();
        let more = metro.counties.len() - names.len();
        let more = if more > 0 { format!("; {more} more") } else { String::new() };
        let part = if metro.is_whole { "" } else { "part of " };
        let cbsa = metro.cbsa.as_deref().unwrap_or("-");
        table.row([metro.name.clone(), cbsa.to_owned(), format!("{part}{}{more}", names.join("; "))]);
    }
    out::data(&table.print())?;
    Ok(Exit::Done)
}

fn county(places: &Places, text: &str, as_json: bool) -> Result<Exit, Failure> {
    let fips = text.parse::<CountyFips>().map_err(|error| Failure::new(Exit::Usage, error))?;
    let county = places.county(fips).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("expected a county of the place tables, found `{fips}`"))
    })?;
    let document = json!({
        "schema": "places/1",
        "county": {
            "fips": county.fips.to_string(),
            "name": county.name,
            "state": county.state,
            "aor": county.aor.code(),
            "aor_since_harlingen": county.aor_now.code(),
            "harmonised_aor": harmonised(county.aor).code(),
            "population_2016": county.population_in(2016),
        },
    });
    tell(&document, "county", as_json)
}

fn landmark(places: &Places, aor: &str, text: &str, as_json: bool) -> Result<Exit, Failure> {
    let aor = aor.parse::<Aor>().map_err(|error| Failure::new(Exit::Usage, error))?;
    let place = places.landmark(Some(aor), text);
    let document = json!({
        "schema": "places/1",
        "place": {
            "county_fips": place.county.map(|fips| fips.to_string()),
            "county": place.county.map(|fips| county_name(places, fips)),
            "state": place.state,
            "quality": place.quality.word(),
            "rule": place.rule.word(),
        },
    });
    tell(&document, "place", as_json)
}

fn county_name(places: &Places, fips: CountyFips) -> String {
    places
        .county(fips)
        .map_or_else(|| fips.to_string(), |county| format!("{}, {}", county.name, county.state))
}

/// One thing that was looked up: JSON, or a line a field.
fn tell(document: &Value, what: &str, as_json: bool) -> Result<Exit, Failure> {
    if as_json {
        out::json(document)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["field", "value"]);
    for (name, value) in document[what].as_object().into_iter().flatten() {
        let shown = match value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), thousands),
            other => other.to_string(),
        };
        table.row([name.clone(), shown]);
    }
    out::data(&table.print())?;
    Ok(Exit::Done)
}
