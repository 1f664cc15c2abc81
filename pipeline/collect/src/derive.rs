//! Makes the columns that are derived from others of the same assets.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, Int32Array, Int64Array, StringArray, new_null_array,
};
use arrow::compute::kernels::cmp::gt;
use arrow::compute::kernels::length::length;
use arrow::compute::starts_with;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use pacbot_schemas::{Derived, Scope, Template};

use crate::values::{Named, Values};

/// The column that `derived` makes of `columns`, which have `rows` rows. What is made of null is null.
///
/// # Errors
///
/// [`ArrowError`] if a column does not have its declared type, which the decoders rule out.
pub(crate) fn column(
    derived: &Derived,
    columns: &Named<'_>,
    scope: &Scope,
    rows: usize,
) -> Result<ArrayRef, ArrowError> {
    let filled = |template: &Template| -> StringArray {
        let value = |row: usize, name: &str| Values { row: Some((columns, row)), ..Values::of(scope) }.get(name);
        (0..rows).map(|row| template.fill(|name| value(row, name))).collect()
    };
    match derived {
        Derived::Text(template) => Ok(Arc::new(filled(template))),
        Derived::HasAny(name) => test(columns.get(name.as_str()), rows, |column| match column.data_type() {
            DataType::Int64 => gt(column, &Int64Array::new_scalar(0)),
            _ => {
                let lengths = length(column)?;
                let lengths: &dyn Datum = &lengths;
                gt(lengths, &Int32Array::new_scalar(0))
            }
        }),
        Derived::Begins { column, with } => {
            test(columns.get(column.as_str()), rows, |column| starts_with(column.as_string::<i32>(), &filled(with)))
        }
    }
}

/// What `test` says of a column; null where its request was not made.
fn test(
    column: Option<&ArrayRef>,
    rows: usize,
    test: impl Fn(&ArrayRef) -> Result<BooleanArray, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    match column {
        Some(column) => Ok(Arc::new(test(column)?)),
        None => Ok(new_null_array(&DataType::Boolean, rows)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListBuilder, StringBuilder};

    use super::*;
    use crate::testing::scope;

    fn columns() -> Named<'static> {
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("a"), None]);
        list.append(true);
        list.append(false);
        let arn = StringArray::from(vec![Some("arn:aws:iam::aws:policy/A"), Some("arn:aws:iam::1:policy/A"), None]);
        Named::from([
            ("list", Arc::new(list.finish()) as ArrayRef),
            ("count", Arc::new(Int64Array::from(vec![Some(2), Some(0), None]))),
            ("arn", Arc::new(arn)),
        ])
    }

    fn made(derived: &Derived) -> Vec<String> {
        let made = column(derived, &columns(), &scope("eu-west-1"), 3).unwrap();
        (0..3).map(|row| crate::values::text(&made, row).map_or("-".to_owned(), |text| text.into_owned())).collect()
    }

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    #[test]
    fn texts_and_tests_are_made_and_null_stays_null() {
        let arn = template("arn:{partition}:::{account_id}");
        assert_eq!(made(&Derived::Text(arn)), ["arn:aws:::111122223333"; 3]);
        assert_eq!(made(&Derived::Text(template("{region}/{count}"))), ["eu-west-1/2", "eu-west-1/0", "-"]);
        for column in ["list", "count"] {
            assert_eq!(made(&Derived::HasAny(column.to_owned())), ["true", "false", "-"], "{column}");
        }
        let begins = |with| Derived::Begins { column: "arn".to_owned(), with: template(with) };
        assert_eq!(made(&begins("arn:{partition}:iam::aws:")), ["true", "false", "-"]);
        assert_eq!(made(&begins("{arn}")), ["true", "true", "-"]);
        assert_eq!(made(&begins("%")), ["false", "false", "-"], "no pattern");
    }

    #[test]
    fn of_a_request_that_was_not_made_nothing_is_known() {
        let begins = Derived::Begins { column: "other".to_owned(), with: template("a") };
        for derived in [Derived::HasAny("other".to_owned()), begins, Derived::Text(template("{other}"))] {
            assert_eq!(made(&derived), ["-"; 3]);
        }
    }
}
