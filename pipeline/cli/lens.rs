//! `--group` and `--domain`, wherever numbers are shown.

use anyhow::bail;
use clap::Args;
use pacbot_dashboards::{Lens, Look};

use crate::config::Config;

/// What is looked at.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LensArgs {
    /// Only assets of this group; `account:ID` and `unit:ID` are those of an account or an organizational unit
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<String>,

    /// Only policies of this domain
    #[arg(long, value_name = "ID")]
    pub(crate) domain: Option<String>,
}

impl LensArgs {
    /// Limits `look`, if anything was said.
    pub(crate) async fn limit(&self, look: &Look, config: &Config) -> anyhow::Result<()> {
        let domain = match &self.domain {
            Some(id) => {
                let mut domains = config.domains()?;
                let Some(place) = domains.iter().position(|domain| domain.id == *id) else {
                    let known: Vec<&str> = domains.iter().map(|domain| domain.id.as_str()).collect();
                    bail!(
                        "`{id}` is no domain; `[domains] folder` has {}",
                        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                    );
                };
                Some(domains.swap_remove(place))
            }
            None => None,
        };
        let lens = Lens { groups: self.group.iter().cloned().collect(), domain };
        if lens != Lens::default() {
            look.limit(&lens).await?;
        }
        Ok(())
    }
}
