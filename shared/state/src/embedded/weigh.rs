//! What requests cost: the units that the service would bill, as the engine answers them when it is asked.

use serde_json::{Value, json};

/// Units of a request: of 4 KB read, of 1 KB written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) read: f64,
    pub(crate) written: f64,
}

/// The request, asking for its units.
pub(super) fn asking(body: &[u8]) -> Option<Vec<u8>> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    request.as_object_mut()?.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
    Some(request.to_string().into_bytes())
}

/// The units that an answer tells: of one table, or of a list of them.
pub(super) fn told(operation: &str, answer: &[u8]) -> Units {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let consumed = &answer["ConsumedCapacity"];
    let tables = consumed.as_array().map_or(std::slice::from_ref(consumed), Vec::as_slice);
    let units: f64 = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
    match operation {
        "GetItem" | "Query" | "Scan" | "BatchGetItem" => Units { read: units, written: 0.0 },
        // Writes, and what costs nothing.
        _ => Units { read: 0.0, written: units },
    }
}
