//! A table as a session sees it: at the version that is named, or at the newest when somebody first asked.

use std::fmt;

use tokio::sync::OnceCell;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::table::Table;

/// A table whose log is read once, when somebody asks.
pub(crate) struct Pinned {
    lake: Lake,
    name: String,
    version: Option<u64>,
    table: OnceCell<Option<Table>>,
}

impl Pinned {
    /// The table `name` at `version`, the newest if none is named.
    pub(crate) fn new(lake: &Lake, name: &str, version: Option<u64>) -> Self {
        Self { lake: lake.clone(), name: name.to_owned(), version, table: OnceCell::new() }
    }

    /// The table; `None` if it was never written.
    pub(crate) async fn table(&self) -> Result<Option<&Table>, LakeError> {
        let table = self.table.get_or_try_init(|| async {
            match self.version {
                Some(version) => self.lake.table_at(&self.name, version).await,
                None => self.lake.table(&self.name).await,
            }
        });
        Ok(table.await?.as_ref())
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}
