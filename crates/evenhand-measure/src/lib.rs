//! Turns rows of a record into counts of what places saw: figures by area and week, by county and month.
//! Input: batches of rows while they are ingested, or the figures of a record (the built-in one included).
//! Output: counts with their coverage, transcribed figures with their sources; nothing about a person.
//! Read first: [`Figures`], then [`outcomes`], one file for each thing that is counted.

mod figures;
pub mod outcomes;

mod catalogue;
mod counts;
mod county;
mod served;
mod transcribed;

mod builtin;
mod columns;
mod error;

pub use catalogue::{MEASURES, Measure, PanelRequest};
pub use counts::{Areas, Counts, Every, Outcome};
pub use county::{AreaRest, CountyCounts, CountyUnit, Geography};
pub use error::{Error, ErrorKind};
/// The area of an area in the harmonised set (methods/1, section 2.2); the same function as that of `places`.
pub use evenhand_places::harmonised;
pub use figures::{BUILT_IN, Figures, RecordCount, ReleaseInfo, Source};
pub use outcomes::{Counter, FigureTable, Finished};
pub use served::Served;
pub use transcribed::{Answer, Event, Published, Reading};
