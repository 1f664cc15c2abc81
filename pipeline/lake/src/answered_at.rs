//! The function that tells when the scope of a row was last answered whole.
//!
//! It carries the times of all scopes, so that a plan that calls it can be run by another process.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use pacbot_schemas::timestamp;

/// By account and scope, in microseconds since the epoch.
pub(crate) type Answers = HashMap<(String, String), i64>;

/// The same by asset type.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Times(pub(crate) HashMap<String, Arc<Answers>>);

impl Times {
    /// Those of one type.
    pub(crate) fn of_type(&self, asset_type: &str) -> Self {
        let answers = self.0.get(asset_type).map(|answers| (asset_type.to_owned(), answers.clone()));
        Self(answers.into_iter().collect())
    }
}

/// Of an asset type, an account, a scope, and the time in the file: the time of the scope's last whole answer, or that in
/// the file where none is known.
#[derive(Debug)]
pub(crate) struct AnsweredAt {
    name: String,
    pub(crate) times: Arc<Times>,
    signature: Signature,
}

impl AnsweredAt {
    /// The function under a name.
    pub(crate) fn function(name: &str, times: Arc<Times>) -> ScalarUDF {
        let text = DataType::Utf8;
        let signature = Signature::exact(vec![text.clone(), text.clone(), text, timestamp()], Volatility::Immutable);
        ScalarUDF::from(Self { name: name.to_owned(), times, signature })
    }
}

impl PartialEq for AnsweredAt {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && (Arc::ptr_eq(&self.times, &other.times) || self.times == other.times)
    }
}

impl Eq for AnsweredAt {}

impl Hash for AnsweredAt {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for AnsweredAt {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(timestamp())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [types, accounts, scopes] = [0, 1, 2].map(|place| arrays[place].as_string::<i32>());
        let landed = arrays[3].as_primitive::<TimestampMicrosecondType>();
        let mut last: Option<(&str, &str, &str, Option<i64>)> = None;
        let looked_up: TimestampMicrosecondArray = (0..landed.len())
            .map(|row| {
                let (asset_type, account, scope) = (types.value(row), accounts.value(row), scopes.value(row));
                // Rows are sorted by scope: one look-up serves a run of rows.
                let answered = match last {
                    Some((t, a, s, at)) if t == asset_type && a == account && s == scope => at,
                    _ => {
                        let answers = self.times.0.get(asset_type);
                        answers.and_then(|answers| answers.get(&(account.to_owned(), scope.to_owned()))).copied()
                    }
                };
                last = Some((asset_type, account, scope, answered));
                answered.or_else(|| landed.is_valid(row).then(|| landed.value(row)))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(looked_up.with_timezone("UTC")) as ArrayRef))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn an_unknown_scope_keeps_the_time_in_the_file() {
        let answers = HashMap::from([(("1".to_owned(), "r".to_owned()), 7)]);
        let times = Times(HashMap::from([("aws_vpc".to_owned(), Arc::new(answers))]));
        let function = AnsweredAt::function("collected_at", Arc::new(times));
        let text = |values: [&str; 2]| ColumnarValue::Array(Arc::new(StringArray::from(values.to_vec())));
        let landed = TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC");
        let arguments = ScalarFunctionArgs {
            args: vec![
                text(["aws_vpc"; 2]),
                text(["1", "2"]),
                text(["r", "r"]),
                ColumnarValue::Array(Arc::new(landed)),
            ],
            arg_fields: Vec::new(),
            number_rows: 2,
            return_field: Arc::new(Field::new("x", timestamp(), true)),
            config_options: Arc::default(),
        };
        let ColumnarValue::Array(result) = function.invoke_with_args(arguments).unwrap() else { panic!("an array") };
        let result = result.as_primitive::<TimestampMicrosecondType>();
        assert_eq!((result.value(0), result.value(1)), (7, 2));
    }
}
