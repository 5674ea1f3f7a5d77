//! Rebuilds `data/places/*.csv` from a folder of released tables: `rebuild_places <folder>`.

use std::path::Path;

#[path = "../tests/places/support.rs"]
mod support;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let shared = arguments.next().unwrap_or_else(|| "../shared".to_owned());
    let folder = support::places_folder();
    for (name, text) in support::rebuild(Path::new(&shared))? {
        std::fs::write(folder.join(name), &text)?;
        eprintln!("{name}: {} bytes, {} rows", text.len(), text.lines().count() - 1);
    }
    Ok(())
}
