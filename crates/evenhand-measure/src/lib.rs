//! What we count, over what, since when
