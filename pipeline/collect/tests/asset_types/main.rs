//! One test for each asset type that has answers: `schemas/aws/answers/NAME.toml`, decoded as `schemas/aws/NAME.toml`
//! says, gives the rows that stand there. Names on the command line choose types, as with any test program.

#![expect(clippy::unwrap_used, reason = "a test program without the harness that clippy knows")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use pacbot_schemas::AssetTypeDef;

mod answers;
mod compare;

use answers::AnswerFile;

/// In an answer, what must not land, not even in `raw`.
const SECRET: &str = "s3cret";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/aws");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.join("answers")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let trials = files.into_iter().map(|answers| {
        let definition = folder.join(answers.file_name().unwrap());
        Trial::test(answers.file_stem().unwrap().to_string_lossy().into_owned(), move || check(&definition, &answers))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn check(definition: &Path, answers: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(definition)?;
    let def = AssetTypeDef::parse(&definition.display().to_string(), &text)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let file: AnswerFile = toml::from_str(&std::fs::read_to_string(answers)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (rows, mut problems) = runtime.block_on(answers::collect(&Arc::new(def.clone()), file.answer));
    problems.extend(compare::rows(&def, &rows, &file.row));
    if rows.iter().any(|row| row.to_string().contains(SECRET)) {
        problems.push(format!("`{SECRET}` stands for what must not land, and it did"));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}
