//! Embeds the fixes that come with the program, so that the executable needs no folder beside it.

use std::fmt::Write as _;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = std::env::var("CARGO_MANIFEST_DIR").map_err(std::io::Error::other)?;
    let out = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    println!("cargo::rerun-if-changed=aws");
    let mut files: Vec<_> = std::fs::read_dir(Path::new(&root).join("aws"))?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut code = "pub(crate) const FIXES: &[(&str, &str)] = &[\n".to_owned();
    for file in
        files.iter().map(std::fs::DirEntry::path).filter(|file| file.extension().is_some_and(|end| end == "toml"))
    {
        let name = format!("aws/{}", file.file_name().unwrap_or_default().to_string_lossy());
        // Found where the package is when it is compiled: a build folder may serve several clones.
        writeln!(
            code,
            "    ({:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),",
            format!("jobs/fix/{name}"),
            format!("/{name}")
        )
        .map_err(std::io::Error::other)?;
    }
    code.push_str("];\n");
    std::fs::write(Path::new(&out).join("embedded.rs"), code)
}
