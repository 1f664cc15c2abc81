//! Embeds the data files, so that the executable needs no folder beside it.

use std::fmt::Write as _;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = std::env::var("CARGO_MANIFEST_DIR").map_err(std::io::Error::other)?;
    let out = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    let mut code = String::new();
    for (constant, folder) in [("AWS", "aws"), ("LAKE", "lake")] {
        println!("cargo::rerun-if-changed={folder}");
        let mut files: Vec<_> = std::fs::read_dir(Path::new(&root).join(folder))?.collect::<Result<_, _>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        writeln!(code, "pub(crate) const {constant}: &[(&str, &str)] = &[").map_err(std::io::Error::other)?;
        for file in
            files.iter().map(std::fs::DirEntry::path).filter(|file| file.extension().is_some_and(|end| end == "toml"))
        {
            let name = format!("{folder}/{}", file.file_name().unwrap_or_default().to_string_lossy());
            // Found where the package is when it is compiled: a build folder may serve several clones.
            writeln!(
                code,
                "    ({:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),",
                format!("schemas/{name}"),
                format!("/{name}")
            )
            .map_err(std::io::Error::other)?;
        }
        writeln!(code, "];").map_err(std::io::Error::other)?;
    }
    std::fs::write(Path::new(&out).join("embedded.rs"), code)
}
