//! A schema whose views are planned when somebody reads them: most looks read few of them, and planning is what a small
//! lake's query costs.
//!
//! Tables come from the schema that was there before; a view that was planned is kept beside them until the lens changes.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::catalog::SchemaProvider;
use datafusion::datasource::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use pacbot_lake::session_over;
use tokio::sync::Mutex;

use crate::domain::Domain;
use crate::views::{Grouping, VIEWS, category_weights, plan, text, values, viewed_domains};

/// What the views are planned over beside tables: by name, with what makes them.
const OTHERS: [&str; 3] = ["lens", "viewed_domains", "category_weights"];

/// What the views show.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) grouping: Grouping,
    /// `None` is all policies, as the domain `*`.
    pub(crate) domains: Vec<Option<Domain>>,
}

/// The tables and views of a look.
pub(crate) struct LazyViews {
    tables: Arc<dyn SchemaProvider>,
    /// A session that has `tables` alone, so that no session holds itself.
    planner: SessionContext,
    shown: RwLock<Shown>,
    /// Held by whoever plans: a view's rows may be kept, and then two would make them.
    planning: Mutex<()>,
}

impl fmt::Debug for LazyViews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyViews").field("shown", &self.shown).finish_non_exhaustive()
    }
}

impl LazyViews {
    /// Takes the place of the session's schema.
    pub(crate) fn install(ctx: &SessionContext, shown: Shown) -> Result<Arc<Self>, DataFusionError> {
        let state = ctx.state();
        let names = &state.config_options().catalog;
        let missing = || DataFusionError::Internal("the session has no default schema".to_owned());
        let catalog = state.catalog_list().catalog(&names.default_catalog).ok_or_else(missing)?;
        let tables = catalog.schema(&names.default_schema).ok_or_else(missing)?;
        let planner = session_over(ctx, tables.clone())?;
        let views = Arc::new(Self { tables, planner, shown: RwLock::new(shown), planning: Mutex::default() });
        catalog.register_schema(&names.default_schema, views.clone())?;
        Ok(views)
    }

    /// Shows something else from here on.
    pub(crate) fn show(&self, shown: Shown) -> Result<(), DataFusionError> {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
        for name in VIEWS.iter().map(|(name, _)| *name).chain(OTHERS) {
            self.tables.deregister_table(name)?;
        }
        Ok(())
    }

    /// Plans `name` and whatever it reads, those first that others read.
    async fn plan(&self, name: &str) -> Result<(), DataFusionError> {
        let _planning = self.planning.lock().await;
        let ctx = &self.planner;
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner).clone();
        let wanted = read_by(name, &shown.grouping);
        for other in OTHERS.into_iter().filter(|other| wanted.contains(other) && !self.tables.table_exist(other)) {
            self.keep(
                other,
                match other {
                    "viewed_domains" => viewed_domains(ctx, &shown.domains).await?,
                    "category_weights" => category_weights(&shown.domains)?,
                    _ => {
                        let group = if let Grouping::One(group) = &shown.grouping { group } else { "*" };
                        values(vec![("group_id", text(&mut std::iter::once(group)))])?
                    }
                },
            )?;
        }
        for (view, sql) in VIEWS.iter().filter(|(view, _)| wanted.contains(view)) {
            if !self.tables.table_exist(view) {
                self.keep(view, plan(ctx, view, sql, &shown).await?)?;
            }
        }
        Ok(())
    }

    fn keep(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), DataFusionError> {
        // Another query may have planned it meanwhile.
        if !self.tables.table_exist(name) {
            self.tables.register_table(name.to_owned(), table)?;
        }
        Ok(())
    }
}

/// Whether it is made here when it is read.
fn is_ours(name: &str) -> bool {
    OTHERS.contains(&name) || VIEWS.iter().any(|(view, _)| *view == name)
}

/// A name and all views and small tables that are read for it. By the words of the views' texts, so a comment that names
/// a view costs its planning, and its rows if they are kept.
fn read_by<'a>(name: &'a str, grouping: &Grouping) -> BTreeSet<&'a str> {
    let mut wanted = BTreeSet::from([name]);
    // Each view reads only those before it.
    for (view, sql) in VIEWS.iter().rev() {
        if wanted.contains(view) {
            let words = sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            wanted.extend(words.filter(|word| is_ours(word)));
            // What a lens puts in the place of these is not in their texts.
            wanted.extend(match *view {
                "counts" if *grouping != Grouping::Whole => Some("grouped_counts"),
                "viewed_issue_counts" => Some("grouped_issue_counts"),
                "viewed_accounts" if *grouping == Grouping::Whole => Some("answers"),
                "owned_assets" if *grouping == Grouping::Whole => Some("evaluations"),
                "viewed_cells" if *grouping == Grouping::Whole => Some("issue_cells"),
                _ => None,
            });
        }
    }
    wanted
}

#[async_trait]
impl SchemaProvider for LazyViews {
    fn table_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = self.tables.table_names().into_iter().collect();
        names.extend(VIEWS.iter().map(|(name, _)| (*name).to_owned()));
        names.into_iter().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if is_ours(name) && !self.tables.table_exist(name) {
            self.plan(name).await?;
        }
        self.tables.table(name).await
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.tables.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.tables.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name) || is_ours(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_for_a_view_is_found_in_its_text() {
        let read = read_by("policy_status", &Grouping::Every);
        assert!(
            ["newest_policy_runs", "evaluations", "counts", "grouped_counts", "grouped_cells", "viewed_issue_counts"]
                .iter()
                .all(|view| read.contains(view)),
            "{read:?}"
        );
        assert!(!read.contains("honest_score") && !read.contains("messages"), "{read:?}");
        let read = read_by("policy_status", &Grouping::Whole);
        assert!(!read.contains("grouped_cells"), "counting all groups anew is for whoever looks at groups: {read:?}");
    }
}
