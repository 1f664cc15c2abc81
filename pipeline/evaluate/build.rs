//! Embeds the policies, so that the executable needs no folder beside it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let root = std::env::var("CARGO_MANIFEST_DIR").map_err(std::io::Error::other)?;
    let out = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    let folder = Path::new(&root).join("../../policies-sql");
    let mut files = Vec::new();
    find(&folder, &mut files)?;
    files.sort();
    let mut code = String::new();
    for (constant, end) in [("POLICIES", "sql"), ("TESTS", "slt")] {
        embed(
            &mut code,
            constant,
            &folder,
            files.iter().filter(|file| file.extension().is_some_and(|found| found == end)),
        )?;
    }
    std::fs::write(Path::new(&out).join("embedded.rs"), code)
}

fn embed<'a>(
    code: &mut String,
    constant: &str,
    folder: &Path,
    files: impl Iterator<Item = &'a PathBuf>,
) -> std::io::Result<()> {
    writeln!(code, "pub(crate) const {constant}: &[(&str, &str)] = &[").map_err(std::io::Error::other)?;
    for file in files {
        let name = file.strip_prefix(folder).map_err(std::io::Error::other)?;
        let name = format!("policies-sql/{}", name.display());
        // Found where the package is when it is compiled: a build folder may serve several clones.
        writeln!(
            code,
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),",
            format!("/../../{name}")
        )
        .map_err(std::io::Error::other)?;
    }
    code.push_str("];\n");
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "sql" || end == "slt") {
            files.push(path);
        }
    }
    Ok(())
}
