//! The programs as they are published.
//!
//! The data plane is built twice (profile-guided optimization): a first build notes under the load of the benchmark which
//! of its branches are taken, and the second is laid out for them. The other programs gain nothing from that.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{bench, workspace};

const DATA_PLANE: &str = "signalbox-data-plane";

/// Builds all programs into `target/dist`.
///
/// # Errors
/// When a build fails, the tool that merges profiles is missing, or the load cannot be run.
pub(crate) fn run() -> Result<()> {
    let merge_tool = profdata()?;
    let host = host()?;
    let folder = workspace::target().join("dist-training");
    let noted = folder.join("noted");
    if noted.exists() {
        fs::remove_dir_all(&noted).with_context(|| format!("cannot empty {}", noted.display()))?;
    }
    println!("building the data plane that takes notes");
    let taking_notes = build_data_plane(&host, &folder, &format!("-Cprofile-generate={}", noted.display()))?;
    println!("putting it under load");
    bench::train(&taking_notes)?;
    let merged = merge(&merge_tool, &noted, &folder)?;
    println!("building the data plane with them");
    let learned = format!("-Cprofile-use={}", merged.display());
    let built = build_data_plane(&host, &workspace::target().join("dist-learned"), &learned)?;
    println!("building the other programs");
    let mut rest = workspace::cargo();
    rest.args(["build", "--quiet", "--locked", "--profile", "dist", "--bins"]);
    workspace::run(rest.args(["--package", "signalbox-control-plane", "--package", "signalbox-cli"]))?;
    let published = workspace::target().join("dist").join(DATA_PLANE);
    fs::copy(&built, &published).with_context(|| format!("cannot write {}", published.display()))?;
    println!("the programs are in {}", workspace::target().join("dist").display());
    Ok(())
}

/// Builds the data plane with a compiler flag. The target is named, or the flag would reach build scripts too.
fn build_data_plane(host: &str, folder: &Path, flag: &str) -> Result<PathBuf> {
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--locked", "--profile", "dist", "--bins", "--package", DATA_PLANE]);
    build.args(["--target", host, "--target-dir"]).arg(folder);
    let flags = env::var("RUSTFLAGS").map_or_else(|_| flag.to_owned(), |own| format!("{own} {flag}"));
    workspace::run(build.env("RUSTFLAGS", flags))?;
    Ok(folder.join(host).join("dist").join(DATA_PLANE))
}

/// One profile of all notes. It is named after its content: cargo builds anew what a flag has changed for, and does not
/// look into files that flags name.
fn merge(tool: &Path, noted: &Path, folder: &Path) -> Result<PathBuf> {
    ensure!(
        noted.read_dir().is_ok_and(|mut files| files.next().is_some()),
        "the data plane has left no notes in {}",
        noted.display()
    );
    let merged = folder.join("merged.profdata");
    workspace::run(Command::new(tool).arg("merge").arg("-o").arg(&merged).arg(noted))?;
    let content = fs::read(&merged).with_context(|| format!("cannot read {}", merged.display()))?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let named = folder.join(format!("{:016x}.profdata", hasher.finish()));
    fs::rename(&merged, &named).with_context(|| format!("cannot write {}", named.display()))?;
    Ok(named)
}

/// The tool that merges profiles. It has to be that of the compiler: the format changes with LLVM.
fn profdata() -> Result<PathBuf> {
    let sysroot = workspace::output(rustc().args(["--print", "sysroot"]))?;
    let tool = Path::new(sysroot.trim()).join("lib/rustlib").join(host()?).join("bin").join("llvm-profdata");
    if !tool.exists() {
        bail!("{} is missing: `rustup component add llvm-tools` installs it", tool.display());
    }
    Ok(tool)
}

fn host() -> Result<String> {
    let version = workspace::output(rustc().arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

fn rustc() -> Command {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(workspace::root());
    command
}
