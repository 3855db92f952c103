//! Finds what compiles the kernel programs: a Rust compiler that has `core` for BPF, and `bpf-linker`.
//!
//! Two kinds of compiler serve. One that carries the library sources (`rustup component add rust-src`) builds `core`
//! itself; Debian's `rustc-web` brings `core` for BPF ready-made and is taken where the first is lacking. The build
//! script of `rtspscope` and `cargo xtask` both include this file, so that `setup` never calls complete what the
//! build then refuses. Nothing here installs, downloads or writes.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

/// Oldest `bpf-linker` that the kernel programs are known to link with.
pub(crate) const LINKER_MIN: Version = Version(0, 13, 0);

/// Oldest compiler that the workspace accepts (`rust-version` in Cargo.toml).
pub(crate) const RUSTC_MIN: Version = Version(1, 95, 0);

/// Major, minor and patch number as programs print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32, pub(crate) u32);

impl Version {
    /// Reads the first word that looks like `1.95.0`, with or without a suffix (`1.97.0-nightly`, `0.13.0+git`).
    pub(crate) fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let mut numbers = word.splitn(3, '.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        let rest = numbers.next()?;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        Some(Self(major, minor, rest.get(..digits)?.parse().ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Where `core` for BPF comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreLibrary {
    /// Compiled from the library sources in the compiler's sysroot.
    Sources,
    /// Ready-made in the compiler's sysroot.
    Precompiled,
}

impl CoreLibrary {
    /// Looks at a sysroot for what `target` needs; sources win, because they serve every target.
    pub(crate) fn of_sysroot(sysroot: &Path, target: &str) -> Option<Self> {
        let rustlib = sysroot.join("lib/rustlib");
        if rustlib.join("src/rust/library/core/Cargo.toml").is_file() {
            return Some(Self::Sources);
        }
        rustlib
            .join(target)
            .join("lib")
            .is_dir()
            .then_some(Self::Precompiled)
    }
}

/// A compiler that can build for the BPF target, with the cargo that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// The cargo to start.
    pub(crate) cargo: PathBuf,
    /// The rustc that this cargo has to use.
    pub(crate) rustc: PathBuf,
    /// How it comes by `core`.
    pub(crate) core: CoreLibrary,
}

impl Compiler {
    /// Takes the compiler in use (`CARGO` and `RUSTC` as cargo sets them) if it can, else the system's own.
    pub(crate) fn find(target: &str) -> Option<Self> {
        let in_use = (tool("CARGO", "cargo"), tool("RUSTC", "rustc"));
        let system = (
            PathBuf::from("/usr/bin/cargo"),
            PathBuf::from("/usr/bin/rustc"),
        );
        [in_use, system].into_iter().find_map(|(cargo, rustc)| {
            let version = Version::find(&output_of(Command::new(&rustc).arg("--version"))?)?;
            let sysroot = output_of(Command::new(&rustc).args(["--print", "sysroot"]))?;
            let core = CoreLibrary::of_sysroot(Path::new(sysroot.trim()), target)?;
            (version >= RUSTC_MIN).then_some(Self { cargo, rustc, core })
        })
    }
}

/// Finds a `bpf-linker` that is new enough: the workspace's own under `target/tools`, else the one on `PATH`.
pub(crate) fn find_linker(workspace: &Path) -> Option<PathBuf> {
    let own = workspace.join("target/tools/bin/bpf-linker");
    [own, PathBuf::from("bpf-linker")]
        .into_iter()
        .find(|linker| {
            output_of(Command::new(linker).arg("--version"))
                .and_then(|text| Version::find(&text))
                .is_some_and(|version| version >= LINKER_MIN)
        })
}

/// Everything that a build of the kernel programs needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The compiler.
    pub(crate) compiler: Compiler,
    /// The linker, as a path or a name on `PATH`.
    pub(crate) linker: PathBuf,
}

impl Toolchain {
    /// Finds compiler and linker, or names what is lacking.
    pub(crate) fn find(workspace: &Path, target: &str) -> Result<Self, &'static str> {
        let compiler = Compiler::find(target);
        let linker = find_linker(workspace);
        match (compiler, linker) {
            (Some(compiler), Some(linker)) => Ok(Self { compiler, linker }),
            (None, Some(_)) => Err("a Rust compiler with `core` for BPF"),
            (Some(_), None) => Err("bpf-linker 0.13 or newer"),
            (None, None) => Err("bpf-linker, and a Rust compiler with `core` for BPF"),
        }
    }
}

/// The kernel's target for a machine of this byte order.
pub(crate) fn bpf_target(big_endian: bool) -> &'static str {
    if big_endian {
        "bpfeb-unknown-none"
    } else {
        "bpfel-unknown-none"
    }
}

/// The name of the machine in aya's `bpf_target_arch`, from the one in Rust's `target_arch`.
pub(crate) fn bpf_machine(target_arch: &str) -> &str {
    match target_arch {
        "powerpc64le" => "powerpc64",
        other if other.starts_with("riscv64") => "riscv64",
        other => other,
    }
}

fn tool(variable: &str, name: &str) -> PathBuf {
    env::var_os(variable)
        .unwrap_or_else(|| OsString::from(name))
        .into()
}

/// What a program prints on standard output, if it starts and succeeds.
fn output_of(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, process};

    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(
            Version::find("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some(Version(1, 95, 0))
        );
        assert_eq!(
            Version::find("rustc 1.97.0-nightly (e50aa6fba)"),
            Some(Version(1, 97, 0))
        );
        assert_eq!(Version::find("bpf-linker 0.13.0"), Some(Version(0, 13, 0)));
        assert_eq!(Version::find("22.1.8git"), Some(Version(22, 1, 8)));
        assert_eq!(Version::find("no number here"), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(Version(0, 9, 15) < LINKER_MIN);
        assert!(Version(0, 13, 1) > LINKER_MIN);
        assert!(Version(1, 100, 0) > RUSTC_MIN);
    }

    #[test]
    fn library_sources_win_over_a_ready_made_core() {
        let sysroot = env::temp_dir().join(format!("xtask-sysroot-{}", process::id()));
        let rustlib = sysroot.join("lib/rustlib");
        let target = bpf_target(false);
        fs::create_dir_all(rustlib.join("bpfeb-unknown-none/lib"))
            .expect("a directory for the test");
        assert_eq!(CoreLibrary::of_sysroot(&sysroot, target), None);

        fs::create_dir_all(rustlib.join(target).join("lib")).expect("a directory for the test");
        assert_eq!(
            CoreLibrary::of_sysroot(&sysroot, target),
            Some(CoreLibrary::Precompiled)
        );

        let sources = rustlib.join("src/rust/library/core");
        fs::create_dir_all(&sources).expect("a directory for the test");
        fs::write(sources.join("Cargo.toml"), "").expect("a file for the test");
        assert_eq!(
            CoreLibrary::of_sysroot(&sysroot, target),
            Some(CoreLibrary::Sources)
        );
        fs::remove_dir_all(&sysroot).expect("our own directory");
    }

    #[test]
    fn machines_have_the_names_that_aya_gives_them() {
        assert_eq!(bpf_machine("x86_64"), "x86_64");
        assert_eq!(bpf_machine("riscv64gc"), "riscv64");
    }
}
