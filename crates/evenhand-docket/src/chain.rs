//! How good the chain of sources is (methods/1, section 1). It never moves a statistical verdict.

use crate::words::{Fidelity, Relation};
use crate::{Claim, Hop};

/// The hop at which the claim lost most: by fidelity, then off the record before on it, then by tellers in
/// between; the earlier one of equals. `None` for an empty chain.
#[must_use]
pub fn weakest_hop(claim: &Claim) -> Option<&Hop> {
    let weakness = |hop: &Hop| (hop.fidelity, hop.on_record == Some(false), hop.hearsay);
    // `max_by_key` keeps the last of equals, so look from the end.
    claim.chain.iter().rev().max_by_key(|hop| weakness(hop))
}

/// Whether the chain is weak: some hop is altered, or it starts from an unnamed source with no document.
///
/// A start is a hop with the fewest tellers before it. Its source counts as unnamed when the file says so
/// (`claimant.named = false`, or the words "unnamed" or "anonymous" in `from`) or when it spoke off the
/// record (`on_record = false`).
#[must_use]
pub fn chain_is_weak(claim: &Claim) -> bool {
    let least = claim.chain.iter().map(|hop| hop.hearsay).min();
    claim.chain.iter().any(|hop| {
        let starts_unnamed = Some(hop.hearsay) == least
            && hop.relation != Relation::Document
            && (!claim.claimant.named || is_unnamed(hop));
        hop.fidelity == Fidelity::Altered || starts_unnamed
    })
}

fn is_unnamed(hop: &Hop) -> bool {
    let from = hop.from.to_lowercase();
    hop.on_record == Some(false) || from.contains("unnamed") || from.contains("anonymous")
}
