//! What leaves through `/api/v1`: structs of the server's own, apart from core and store, so that those may change
//! and version 1 does not. All times are RFC 3339 in UTC.

mod assets;
mod judgment;
mod posture;
mod words;

pub use assets::*;
pub use judgment::*;
pub use posture::*;
pub use words::*;

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    pub items: Vec<T>,
    /// How many match in all.
    #[schema(example = 214)]
    pub total: i64,
    /// Cursor of the next page; absent on the last. The `Link` header carries the whole address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
