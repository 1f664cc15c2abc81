//! One test for each policy: its `.slt` file, run on the tables that the type files define. And one for each framework:
//! it names policies that exist. And one for `docs/coverage.md`, which is made of both.

#![expect(clippy::unwrap_used, reason = "a test program without the harness that clippy knows")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use pacbot_dashboards::Framework;
use pacbot_evaluate::{Catalog, Overrides, Policy, test_policy};
use pacbot_schemas::{AssetTypes, PolicyId};

mod coverage;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scripts: BTreeMap<&str, &str> = Catalog::embedded_tests().collect();
    // Each test plans its own policy only: a test runner may start a process for every one of them.
    let trials = Catalog::embedded_files().map(|(file, text)| {
        let policy = Policy::parse(file, text).unwrap();
        let script_file = file.replace(".sql", ".slt");
        let script = scripts.get(script_file.as_str()).copied();
        Trial::test(policy.id.to_string(), move || {
            let script =
                script.ok_or_else(|| format!("{script_file} is missing: every policy has its test beside it"))?;
            if policy.how.ways().count() < 3 {
                return Err(format!("{file} does not say how it is mended by CLI, Terraform and console").into());
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let types = Arc::new(AssetTypes::embedded().unwrap());
                let catalog = Catalog::load([(file, text)], &types, &Overrides::default()).await.unwrap();
                let checked = catalog.get(policy.id.as_str()).unwrap().clone();
                test_policy(checked, types, &script_file, script).await.map_err(Into::into)
            })
        })
    });
    let frameworks = Framework::embedded_files().map(|(file, text)| {
        Trial::test(file.clone(), move || {
            let framework = Framework::parse(&file, text)?;
            let known = ids();
            let unknown = framework.item.iter().flat_map(|item| &item.policies).find(|id| !known.contains(id));
            match unknown {
                Some(id) => Err(format!("`{id}` is no policy").into()),
                None => Ok(()),
            }
        })
    });
    let rules = Trial::test("every_rule_of_pacbot_is_answered", || {
        let framework = Framework::embedded()?.into_iter().find(|framework| framework.id == "pacbot").unwrap();
        let answered: BTreeSet<&str> = framework.item.iter().map(|item| item.id.get_ref().as_str()).collect();
        let rules: BTreeSet<&str> = include_str!("../../policies-sql/frameworks/pacbot-rules.txt").lines().collect();
        match rules.symmetric_difference(&answered).next() {
            Some(rule) => Err(format!("`{rule}` is not in both pacbot.toml and pacbot-rules.txt").into()),
            None => Ok(()),
        }
    });
    let coverage = Trial::test("docs_coverage", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(coverage::check())
    });
    libtest_mimic::run(&arguments, trials.chain(frameworks).chain([rules, coverage]).collect()).exit_code()
}

fn ids() -> BTreeSet<PolicyId> {
    Catalog::embedded_files().map(|(file, text)| Policy::parse(file, text).unwrap().id).collect()
}
