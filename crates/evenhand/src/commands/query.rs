use crate::cli::Query;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{self, Talk};
use crate::record;
use crate::table::thousands;
use evenhand_query::{Answer, Options, Profile, Session, output};

/// `evenhand query`.
pub fn run(args: &Query, talk: Talk) -> Result<Exit, Failure> {
    let record = record::open(args.record.as_deref())?;
    let profile = if args.local { Profile::Local } else { Profile::Publish };
    let answer = Session::open(&record, profile, &Options::default())?.sql(&args.sql)?;
    if let Some(path) = &args.parquet {
        output::parquet(&answer, path)?;
        let rows = thousands(answer.rows() as u64);
        talk.say(&format!("{rows} rows: {}", path.display()));
        return Ok(Exit::Done);
    }
    out::data(&text(args, &answer)?)?;
    Ok(Exit::Done)
}

fn text(args: &Query, answer: &Answer) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    if args.csv {
        output::csv(answer, &mut bytes)?;
    } else if args.json {
        output::json(answer, &mut bytes)?;
    } else {
        output::text(answer, args.width.map(usize::from).or_else(out::columns), &mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
