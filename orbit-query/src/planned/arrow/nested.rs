//! Arrow's lists of lists, which are PostgreSQL's arrays of several dimensions.

use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value};

/// Lengths of a list and of all lists in it; `None` if they are not all alike.
pub fn shape(array: &Array) -> Option<Vec<usize>> {
    let nested = array
        .items
        .iter()
        .any(|item| matches!(item, Value::Array(_)));
    let mut lengths = vec![array.items.len()];
    if !nested {
        lengths.retain(|length| *length > 0);
        return Some(lengths);
    }
    let mut inner: Option<Vec<usize>> = None;
    for item in &array.items {
        let Value::Array(item) = item else {
            return None;
        };
        let found = shape(item)?;
        match &inner {
            Some(known) if *known != found => return None,
            _ => inner = Some(found),
        }
    }
    let inner = inner?;
    if inner.is_empty() {
        return Some(inner);
    }
    lengths.extend(inner);
    Some(lengths)
}

/// A list of lists as the one array it stands for. What is none stays as it is.
pub fn flat(array: Array) -> Array {
    if !matches!(array.items.first(), Some(Value::Array(_))) {
        return array;
    }
    let Some(lengths) = shape(&array) else {
        return array;
    };
    let dims = lengths
        .into_iter()
        .map(|length| (i32::try_from(length).unwrap_or(i32::MAX), 1))
        .collect();
    let mut element = array.element;
    let mut items = array.items;
    while matches!(items.first(), Some(Value::Array(_))) {
        let mut inner = Vec::new();
        for item in items {
            if let Value::Array(item) = item {
                element = item.element;
                inner.extend(item.items);
            }
        }
        items = inner;
    }
    while let SqlType::Array(inner) = element {
        element = *inner;
    }
    Array {
        element,
        dims,
        items,
    }
}

/// An array's type whatever the number of its dimensions.
pub fn flat_type(ty: &SqlType) -> &SqlType {
    match ty {
        SqlType::Array(inner) if matches!(**inner, SqlType::Array(_)) => flat_type(inner),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: Vec<Value>) -> Array {
        Array::new(SqlType::Int4, items)
    }

    #[test]
    fn lists_of_lists_are_dimensions() {
        let pair = |a, b| Value::Array(list(vec![Value::Int4(a), Value::Int4(b)]));
        let found = flat(list(vec![pair(1, 2), pair(3, 4), pair(5, 6)]));
        assert_eq!(found.dims, [(3, 1), (2, 1)]);
        assert_eq!(found.items.len(), 6);
        let deep = |a| Value::Array(list(vec![pair(a, a), pair(a, a)]));
        assert_eq!(flat(list(vec![deep(1), deep(2)])).dims.len(), 3);
        let uneven = list(vec![pair(1, 2), Value::Array(list(vec![Value::Int4(1)]))]);
        assert_eq!(shape(&uneven), None);
        assert_eq!(flat(uneven.clone()), uneven);
        let empty = || Value::Array(list(Vec::new()));
        assert!(flat(list(vec![empty(), empty()])).is_empty());
        assert_eq!(
            shape(&list(vec![Value::Int4(1), Value::Null])),
            Some(vec![2])
        );
    }
}
