use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_docket::{Docket, Lint};
use std::path::Path;

/// Claim files inside the binary, by id; the first is the one that `check` judges unless told otherwise.
const BUILT_IN: [(&str, &str); 2] = [
    ("sanctuary-retaliation-2017", include_str!("../../../dockets/sanctuary-retaliation-2017.toml")),
    ("seattle-area-2019", include_str!("../../../dockets/seattle-area-2019.toml")),
];

/// Loads a claim file, a built-in docket by its id, or the built-in docket.
pub fn load(path: Option<&Path>) -> Result<(Docket, Vec<Lint>), Failure> {
    let Some(path) = path else {
        let [(id, text), ..] = BUILT_IN;
        return Ok(Docket::parse(text, id)?);
    };
    let named = BUILT_IN.iter().find(|(id, _)| path == Path::new(id) && !path.exists());
    match named {
        Some((id, text)) => Ok(Docket::parse(text, id)?),
        None => Ok(Docket::load(path)?),
    }
}

/// The error for a claim that was asked for and that no docket has.
pub fn unknown_claim(id: &str, dockets: &[Docket]) -> Failure {
    let ids = dockets.iter().flat_map(|docket| &docket.claims).map(|claim| claim.id.as_str());
    let known = ids.collect::<Vec<_>>().join(", ");
    Failure::new(Exit::Usage, format!("expected a claim of the docket, found `{id}`"))
        .hint(format!("the claims are {known}"))
}
