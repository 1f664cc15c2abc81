//! Secrets by reference: a configuration says where one is, never what it is.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

/// Where a secret is: `env:NAME` or `file:PATH`.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// A variable of the environment.
    Env(String),
    /// A file; a line break at its end is not part of the secret.
    File(PathBuf),
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or empty.
    #[error("the variable `{0}` is not set")]
    Env(String),
    /// The file cannot be read.
    #[error("the file `{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// A secret's value, which is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The value, for the one place that sends or signs with it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl SecretRef {
    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] when it is not there.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => {
                let value = std::env::var(name).ok().filter(|value| !value.is_empty());
                value.map(Secret).ok_or_else(|| SecretError::Env(name.clone()))
            }
            Self::File(path) => {
                let failed = |source| SecretError::File { path: path.clone(), source };
                let text = std::fs::read_to_string(path).map_err(failed)?;
                Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("env", name) if !name.is_empty() => Some(Self::Env(name.to_owned())),
            ("file", path) if !path.is_empty() => Some(Self::File(path.into())),
            _ => None,
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The text may be the secret itself, so that it is not repeated.
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(
                "a secret is named by where it is: \"env:NAME\" or \"file:PATH\", not written here",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_reference_and_is_not_shown() {
        let read = |text: &str| serde_json::from_value::<SecretRef>(text.into());
        assert_eq!(read("env:TOKEN").unwrap(), SecretRef::Env("TOKEN".to_owned()));
        let error = read("hunter2").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let secret = SecretRef::File(path).resolve().unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert!(matches!(read("env:PACBOT_NO_SUCH_VARIABLE").unwrap().resolve(), Err(SecretError::Env(_))));
    }
}
