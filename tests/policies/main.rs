//! One test for each policy: its `.slt` file, run on the tables that the type files define.

#![expect(clippy::unwrap_used, reason = "a test program without the harness that clippy knows")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use pacbot_evaluate::{Catalog, Overrides, test_policy};
use pacbot_schemas::AssetTypes;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let types = Arc::new(AssetTypes::embedded().unwrap());
    let catalog = runtime.block_on(Catalog::embedded(&types, &Overrides::new())).unwrap();
    let scripts: BTreeMap<&str, &str> = Catalog::embedded_tests().collect();
    let trials = catalog.iter().map(|checked| {
        let (checked, types) = (checked.clone(), types.clone());
        let file = checked.policy.file.replace(".sql", ".slt");
        let script = scripts.get(file.as_str()).map(|text| (*text).to_owned());
        Trial::test(checked.policy.id.to_string(), move || {
            let script = script.ok_or_else(|| format!("{file} is missing: every policy has its test beside it"))?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(test_policy(checked, types, &file, &script)).map_err(Into::into)
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
