//! `cell('table.column', 'JSON')`: a value of a nested column, for policy tests.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::json::ReaderBuilder;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use pacbot_schemas::{AssetTypes, ColumnType, normalise_policy_value};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Cell {
    types: Arc<AssetTypes>,
    signature: Signature,
}

impl Cell {
    pub(crate) fn new(types: Arc<AssetTypes>) -> Self {
        Self { types, signature: Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable) }
    }

    fn column(&self, name: &str) -> Result<ColumnType, DataFusionError> {
        let unknown = || DataFusionError::Plan(format!("cell: `{name}` is no TABLE.COLUMN"));
        let (table, column) = name.split_once('.').ok_or_else(unknown)?;
        let def = self.types.get(table).ok_or_else(unknown)?;
        match def.column(column) {
            Some(column) => Ok(column.column_type.clone()),
            None if column == "tags" => Ok(ColumnType::Map),
            None => Err(unknown()),
        }
    }
}

// Functions are compared by what they are called; a session has one of these.
impl PartialEq for Cell {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Cell {}
impl std::hash::Hash for Cell {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        "cell".hash(state);
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

impl ScalarUDFImpl for Cell {
    fn name(&self) -> &'static str {
        "cell"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Err(DataFusionError::Plan("cell: the column must be given as text".to_owned()))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef, DataFusionError> {
        let name = arguments.scalar_arguments.first().copied().flatten().and_then(text);
        let name = name.ok_or_else(|| DataFusionError::Plan("cell: the column must be given as text".to_owned()))?;
        Ok(Arc::new(Field::new("cell", self.column(name)?.arrow(), true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let argument = |index: usize| match &arguments.args[index] {
            ColumnarValue::Scalar(value) => Ok(text(value).map(str::to_owned)),
            ColumnarValue::Array(_) => Err(DataFusionError::Execution("cell: takes constants".to_owned())),
        };
        let (Some(name), Some(json)) = (argument(0)?, argument(1)?) else {
            return Err(DataFusionError::Execution("cell: takes texts".to_owned()));
        };
        let value = decode(&self.column(&name)?, &json)
            .map_err(|error| DataFusionError::Execution(format!("cell('{name}'): {error}")))?;
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?))
    }
}

fn decode(column_type: &ColumnType, json: &str) -> Result<ArrayRef, Box<dyn std::error::Error>> {
    let value: Value = serde_json::from_str(json)?;
    let value = match column_type {
        ColumnType::Policy => normalise_policy_value(&value)?,
        ColumnType::List(item) if **item == ColumnType::Policy => {
            let documents = value.as_array().ok_or("a list of policy documents is a list")?;
            Value::Array(documents.iter().map(normalise_policy_value).collect::<Result<_, _>>()?)
        }
        ColumnType::Json => Value::String(value.to_string()),
        _ => value,
    };
    let schema = Arc::new(Schema::new(vec![Field::new("cell", column_type.arrow(), true)]));
    let mut decoder = ReaderBuilder::new(schema).with_strict_mode(true).build_decoder()?;
    decoder.serialize(&[serde_json::json!({ "cell": value })])?;
    Ok(decoder.flush()?.ok_or("no value")?.column(0).clone())
}
