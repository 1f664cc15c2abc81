//! `docs/coverage.md`: what is known of each asset type. `UPDATE_COVERAGE=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use libtest_mimic::Failed;
use pacbot_evaluate::{Catalog, Overrides};
use pacbot_schemas::AssetTypes;

const HEAD: &str = "# Asset types

Made by `UPDATE_COVERAGE=1 cargo nextest run --test policies`; do not edit.

*Answers*: decoded from answers of our own in the documented shape of the API, every column compared. *Estate*: collected
from the emulated estate of the tests, ids compared with what the cloud's own client lists. Each type has one or the other.

";

/// Compares the page with what it should be.
pub(crate) async fn check() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("docs/coverage.md");
    let page = page(root).await?;
    if std::env::var_os("UPDATE_COVERAGE").is_some() {
        std::fs::write(&file, &page)?;
    }
    if std::fs::read_to_string(&file)? == page {
        return Ok(());
    }
    Err("docs/coverage.md is not what it should be; UPDATE_COVERAGE=1 writes it anew".into())
}

async fn page(root: &Path) -> Result<String, Failed> {
    let types = AssetTypes::embedded().unwrap();
    let catalog = Catalog::load(Catalog::embedded_files(), &types, &Overrides::default()).await.unwrap();
    let mut readers: BTreeMap<&str, u64> = BTreeMap::new();
    // All types are in `assets`; a policy over it reads each of them.
    let about_types = catalog.iter().filter(|checked| checked.policy.asset_type != "assets");
    for table in about_types.flat_map(|checked| checked.reads.keys()) {
        *readers.entry(table).or_default() += 1;
    }
    let mut estate: BTreeSet<String> = BTreeSet::new();
    for file in ["tests/estate/types.json", "tests/estate/wide_types.json"] {
        estate.extend(serde_json::from_str::<Vec<String>>(&std::fs::read_to_string(root.join(file))?)?);
    }
    let mut page = HEAD.to_owned();
    writeln!(page, "{} asset types, {} policies.\n", types.iter().count(), catalog.iter().count())?;
    writeln!(page, "| type | columns | requests | policies | tested by | permissions |\n|---|--:|--:|--:|---|---|")?;
    for def in types.iter() {
        let name = def.asset_type.as_str();
        let stem = name.trim_start_matches("aws_");
        let has_answers = root.join(format!("schemas/aws/answers/{stem}.toml")).exists();
        let tested = match (has_answers, estate.contains(name)) {
            (true, true) => "answers, estate",
            (true, false) => "answers",
            (false, true) => "estate",
            (false, false) => return Err(format!("`{name}` has neither answers nor a place in the estate").into()),
        };
        let permissions: BTreeSet<&str> = def.requests.values().map(|request| request.permission.as_str()).collect();
        writeln!(
            page,
            "| `{name}` | {} | {} | {} | {tested} | {} |",
            def.columns.len(),
            def.requests.len(),
            readers.get(name).copied().unwrap_or_default(),
            permissions.into_iter().collect::<Vec<_>>().join(", "),
        )?;
    }
    Ok(page)
}
