//! Who says it.

use clap::Args;

/// The person in whose name something is written.
#[derive(Debug, Clone, Args)]
pub(crate) struct PersonArgs {
    /// Who says so [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME", global = true)]
    name: Option<String>,
}

impl PersonArgs {
    /// The name, as the caller or the machine gives it.
    pub(crate) fn name(&self) -> anyhow::Result<String> {
        let of_machine = || ["USER", "LOGNAME"].iter().find_map(|variable| std::env::var(variable).ok());
        let name = self.name.clone().or_else(of_machine).filter(|name| !name.trim().is_empty());
        name.ok_or_else(|| anyhow::anyhow!("nobody is known to say so; give a name with --as"))
    }
}
