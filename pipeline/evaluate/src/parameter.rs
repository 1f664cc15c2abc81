//! Typed, named parameters of policies: a default in the front matter, overrides per deployment.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use serde::Deserialize;

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ParameterType {
    /// A whole number.
    #[serde(rename = "int")]
    Int,
    /// A number.
    #[serde(rename = "float")]
    Float,
    /// True or false.
    #[serde(rename = "bool")]
    Bool,
    /// Text.
    #[serde(rename = "string")]
    String,
    /// Texts.
    #[serde(rename = "list<string>")]
    Strings,
    /// Whole numbers.
    #[serde(rename = "list<int>")]
    Ints,
}

impl ParameterType {
    /// The value as SQL gets it.
    ///
    /// # Errors
    ///
    /// What the value is instead of one of this type.
    pub fn value(self, value: &toml::Value) -> Result<ScalarValue, String> {
        let wrong = || format!("`{value}` is not of type {}", self.as_str());
        Ok(match self {
            Self::Int => ScalarValue::Int64(Some(value.as_integer().ok_or_else(wrong)?)),
            #[expect(clippy::cast_precision_loss, reason = "a person writes 3 for 3.0")]
            Self::Float => ScalarValue::Float64(Some(
                value.as_float().or_else(|| value.as_integer().map(|number| number as f64)).ok_or_else(wrong)?,
            )),
            Self::Bool => ScalarValue::Boolean(Some(value.as_bool().ok_or_else(wrong)?)),
            Self::String => ScalarValue::Utf8(Some(value.as_str().ok_or_else(wrong)?.to_owned())),
            Self::Strings => Self::list(Self::String, value, &DataType::Utf8).ok_or_else(wrong)?,
            Self::Ints => Self::list(Self::Int, value, &DataType::Int64).ok_or_else(wrong)?,
        })
    }

    fn list(item: Self, value: &toml::Value, data_type: &DataType) -> Option<ScalarValue> {
        let items: Option<Vec<ScalarValue>> = value.as_array()?.iter().map(|value| item.value(value).ok()).collect();
        Some(ScalarValue::List(ScalarValue::new_list_nullable(&items?, data_type)))
    }

    /// As written in front matter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Strings => "list<string>",
            Self::Ints => "list<int>",
        }
    }
}
