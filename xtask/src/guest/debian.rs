//! Debian's kernels of several releases side by side, without installing any of them.
//!
//! Each release has package lists of its own beside the workspace, so that this machine's are not touched; packages are
//! downloaded and unpacked there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::home;
use crate::{
    process::{announce, output_of, run},
    workspace::Workspace,
};

/// Where Debian's packages come from if this machine's own sources do not say.
const MIRROR: &str = "http://deb.debian.org/debian";

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The package that depends on the present kernel of a release.
const KERNEL: &str = "linux-image-amd64";

/// The file that says that a kernel is complete, and which.
const MARK: &str = "release";

/// An unpacked kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// What `uname -r` says in it.
    pub(crate) release: String,
    /// The image.
    pub(crate) image: PathBuf,
    /// What `modprobe -d` is given to find its modules.
    pub(crate) modules: PathBuf,
}

/// A release of Debian with package lists of its own.
#[derive(Debug)]
pub(crate) struct Suite {
    name: &'static str,
    directory: PathBuf,
}

impl Suite {
    /// The release of this name (`bookworm`).
    pub(crate) fn new(workspace: &Workspace, name: &'static str) -> Self {
        let directory = home(workspace).join(name);
        Self { name, directory }
    }

    /// Where everything of this release is kept.
    pub(crate) fn home(&self) -> &Path {
        &self.directory
    }

    /// Its present kernel; fetched once, and again only when asked to look for a newer one.
    pub(crate) fn kernel(&self, newest: bool) -> Result<Kernel> {
        let root = self.directory.join("root");
        if !newest && let Ok(release) = fs::read_to_string(root.join(MARK)) {
            return Kernel::find(&root, &release);
        }
        self.update()?;
        let image = self.depends(KERNEL)?;
        let image = image
            .iter()
            .find(|package| package.starts_with("linux-image-"))
            .with_context(|| format!("{KERNEL} of {} names no kernel", self.name))?;
        let release = image.trim_start_matches("linux-image-").to_owned();
        announce(&format!("fetching Linux {release} of Debian {}", self.name));
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        // Newer releases keep the image, its modules and their lists in packages of their own.
        let parts = self.depends(image)?;
        let parts = parts.iter().filter(|package| package.ends_with(&*release));
        self.unpack(std::iter::once(image).chain(parts), &root)?;
        let kernel = Kernel::find(&root, &release)?;
        run(Command::new("depmod")
            .arg("-b")
            .arg(&kernel.modules)
            .arg(&release))?;
        fs::write(root.join(MARK), release)?;
        Ok(kernel)
    }

    /// Downloads packages and unpacks them under `root`.
    pub(crate) fn unpack<'a>(
        &self,
        packages: impl IntoIterator<Item = &'a String>,
        root: &Path,
    ) -> Result<()> {
        let downloads = self.directory.join("downloads");
        if downloads.exists() {
            fs::remove_dir_all(&downloads)?;
        }
        fs::create_dir_all(&downloads)?;
        fs::create_dir_all(root)?;
        let mut apt_get = self.apt("apt-get");
        run(apt_get
            .current_dir(&downloads)
            .args(["--quiet", "download"])
            .args(packages))?;
        for package in fs::read_dir(&downloads)? {
            run(Command::new("dpkg")
                .arg("-x")
                .arg(package?.path())
                .arg(root))?;
        }
        Ok(fs::remove_dir_all(&downloads)?)
    }

    /// Fetches the package lists.
    pub(crate) fn update(&self) -> Result<()> {
        for directory in ["lists/partial", "archives/partial", "parts"] {
            fs::create_dir_all(self.directory.join(directory))?;
        }
        let source = format!(
            "deb [signed-by={KEYRING}] {} {} main\n",
            mirror(),
            self.name
        );
        fs::write(self.directory.join("sources.list"), source)?;
        fs::write(self.directory.join("status"), "")?;
        run(self.apt("apt-get").args(["--quiet", "update"]))
    }

    /// The packages that a package depends on.
    pub(crate) fn depends(&self, package: &str) -> Result<Vec<String>> {
        let listing = output_of(self.apt("apt-cache").args(["depends", package]));
        let listing = listing.with_context(|| format!("Debian {} has no {package}", self.name))?;
        Ok(dependencies(&listing))
    }

    /// One of apt's programs, with nothing of this machine's own lists.
    fn apt(&self, program: &str) -> Command {
        let at = |place: &str| self.directory.join(place).display().to_string();
        let settings = [
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            format!("Dir::Etc::sourceparts={}", at("parts")),
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", self.directory.display()),
            format!("Dir::Cache::archives={}", at("archives")),
            "APT::Architecture=amd64".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "APT::Color=0".to_owned(),
        ];
        let mut command = Command::new(program);
        for setting in settings {
            command.args(["-o", &setting]);
        }
        command
    }
}

impl Kernel {
    /// Looks where Debian's packages of several years put their files.
    fn find(root: &Path, release: &str) -> Result<Self> {
        let modules = [root.to_owned(), root.join("usr")]
            .into_iter()
            .find(|base| base.join("lib/modules").join(release).is_dir());
        let modules = modules.with_context(|| format!("Linux {release} came without modules"))?;
        let images = [
            root.join(format!("boot/vmlinuz-{release}")),
            modules.join("lib/modules").join(release).join("vmlinuz"),
        ];
        let image = images.into_iter().find(|image| image.is_file());
        Ok(Self {
            release: release.to_owned(),
            image: image.with_context(|| format!("Linux {release} came without its image"))?,
            modules,
        })
    }

    /// The files of modules with all that they need, in the order in which they can be loaded, each once.
    pub(crate) fn modules_for(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for name in names {
            let mut modprobe = Command::new("modprobe");
            modprobe.arg("-d").arg(&self.modules).args([
                "-S",
                &self.release,
                "--show-depends",
                name,
            ]);
            let listing = output_of(&mut modprobe);
            let listing =
                listing.with_context(|| format!("Linux {} has no {name}", self.release))?;
            for file in loadable(&listing) {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        if files.is_empty() {
            bail!("Linux {} has none of {}", self.release, names.join(", "));
        }
        Ok(files)
    }
}

/// What `apt-cache depends` lists as needed; of alternatives each.
fn dependencies(listing: &str) -> Vec<String> {
    listing
        .lines()
        .filter_map(|line| {
            line.trim_start_matches([' ', '|'])
                .strip_prefix("Depends: ")
        })
        .map(|package| package.trim().to_owned())
        .collect()
}

/// The files that `modprobe --show-depends` names; what is built into the kernel has none.
fn loadable(listing: &str) -> Vec<PathBuf> {
    listing
        .lines()
        .filter_map(|line| line.strip_prefix("insmod "))
        .filter_map(|rest| rest.split_whitespace().next())
        .map(PathBuf::from)
        .collect()
}

/// The mirror that this machine uses for Debian.
fn mirror() -> String {
    let format = ["indextargets", "--format", "$(SITE)", "Origin: Debian"];
    let sites = output_of(Command::new("apt-get").args(format)).unwrap_or_default();
    let site = sites.lines().find(|site| !site.contains("security"));
    site.unwrap_or(MIRROR).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_a_kernel_are_read_from_its_dependencies() {
        let listing = "linux-image-7.2.13+deb14-amd64\n  PreDepends: linux-base\n |Depends: dracut\n  \
                       Depends: linux-modules-7.2.13+deb14-amd64\n  Suggests: linux-doc-7.2\n";
        assert_eq!(
            dependencies(listing),
            ["dracut", "linux-modules-7.2.13+deb14-amd64"]
        );
    }

    #[test]
    fn what_is_built_in_is_not_loaded() {
        let listing = "builtin virtio_pci\ninsmod /m/9pnet.ko.xz \ninsmod /m/9p.ko.xz debug=0\n";
        assert_eq!(
            loadable(listing),
            [
                PathBuf::from("/m/9pnet.ko.xz"),
                PathBuf::from("/m/9p.ko.xz")
            ]
        );
    }
}
