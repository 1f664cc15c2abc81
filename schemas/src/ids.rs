//! Ids as types: a function that takes an [`AccountId`] cannot be given a region.
//!
//! An id is a validated, cheaply cloned string. Nothing here knows where ids come from.

use std::fmt;
use std::sync::Arc;

/// Why a text is not the id that it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses the id.
            ///
            /// # Errors
            ///
            /// [`InvalidId`] if the text does not have the id's form.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { text: text.to_owned(), expected: $expected })
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

fn is_name(text: &str, allowed: fn(char) -> bool) -> bool {
    !text.is_empty() && text.len() <= 128 && text.chars().all(allowed)
}

id!(
    /// An account of a cloud: 12 digits in AWS, a subscription's id in Azure.
    AccountId,
    "an account id",
    |text| is_name(text, |c| c.is_ascii_alphanumeric() || c == '-')
);
id!(
    /// A region of a cloud, or `global`.
    Region,
    "a region",
    |text| is_name(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
id!(
    /// An asset type, which is also the name of its table, for example `aws_s3_bucket`.
    AssetType,
    "an asset type (lower-case letters, digits and `_`)",
    |text| is_name(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
);
id!(
    /// A policy's stable id, for example `aws-s3-bucket-versioning-enabled`.
    PolicyId,
    "a policy id (lower-case letters, digits and `-`)",
    |text| is_name(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
id!(
    /// What a job is called in the configuration.
    JobName,
    "a job's name (lower-case letters, digits and `-`)",
    |text| is_name(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
id!(
    /// A fix's stable id, for example `aws-s3-block-public-access`.
    FixId,
    "a fix id (lower-case letters, digits and `-`)",
    |text| is_name(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);
id!(
    /// One walk down the path, or one stage of it; sorts by the time at which it began.
    RunId,
    "a run id (letters, digits, `-`, `_` and `.`)",
    |text| is_name(text, |c| c.is_ascii_alphanumeric() || "-_.".contains(c))
);

impl Region {
    /// The scope of what belongs to an account as a whole (IAM, the list of buckets).
    #[must_use]
    pub fn global() -> Self {
        Self("global".into())
    }

    /// Whether this is [`Region::global`].
    #[must_use]
    pub fn is_global(&self) -> bool {
        &*self.0 == "global"
    }
}

/// A part of AWS with endpoints, credentials and ARNs of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize, serde::Serialize)]
pub enum Partition {
    /// The commercial regions.
    #[default]
    #[serde(rename = "aws")]
    Aws,
    /// China.
    #[serde(rename = "aws-cn")]
    AwsCn,
    /// GovCloud (US).
    #[serde(rename = "aws-us-gov")]
    AwsUsGov,
}

impl Partition {
    /// The name as it stands in an ARN.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
        }
    }
}

/// One account, as configuration or the organization names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What people call it; the id where nobody said.
    pub name: Arc<str>,
    /// Where it lives.
    pub partition: Partition,
}

/// What one collection of one asset type reads: an account and a region, or an account as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The account.
    pub account: Arc<Account>,
    /// The region, or [`Region::global`].
    pub region: Region,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account.id, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_is_not_one() {
        assert!(AccountId::new("123456789012").is_ok());
        assert!(AccountId::new("").is_err());
        assert_eq!(
            PolicyId::new("S3 Public").unwrap_err().to_string(),
            "`S3 Public` is not a policy id (lower-case letters, digits and `-`)"
        );
        assert!(RunId::new("../../etc").is_err(), "a slash would leave the run's folder");
    }
}
