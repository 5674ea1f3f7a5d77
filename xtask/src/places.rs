//! The built place tables, from the released lists and the hand tables; `evenhand-places` knows how.

use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// `cargo xtask places`.
pub fn run(from: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--example", "rebuild_places", "--"])
        .arg(from.join(".."))
        .status()?;
    if !status.success() {
        bail!("the tables were not rebuilt: {status}");
    }
    Ok(())
}
