//! Whether two names lead to one file.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Whether two names lead to one file or pipe, or would once it is made. Devices take whatever comes from anywhere.
pub fn is_one_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => {
            let is_device = |of: &Metadata| of.file_type().is_char_device();
            (one.dev(), one.ino()) == (other.dev(), other.ino()) && !is_device(&one)
        }
        (Err(_), Err(_)) => place(one).is_some_and(|one| place(other) == Some(one)),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// Where a file will be.
fn place(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let directory = path.parent().filter(|at| !at.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    Some(directory.canonicalize().ok()?.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_of_one_file_are_told_whether_it_is_there_or_not() {
        let directory =
            std::env::temp_dir().join(format!("rtspscope-identity-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let [file, link, hard, absent] =
            ["file", "link", "hard", "absent"].map(|name| directory.join(name));
        fs::write(&file, b"").unwrap();
        symlink(&file, &link).unwrap();
        fs::hard_link(&file, &hard).unwrap();
        let around = directory.join("../").join(directory.file_name().unwrap());
        let told = [
            is_one_file(&file, &link),
            is_one_file(&file, &hard),
            is_one_file(&absent, &around.join("absent")),
            is_one_file(&file, &absent),
            is_one_file(&absent, &directory.join("other")),
            is_one_file(Path::new("/dev/null"), Path::new("/dev/null")),
        ];
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(told, [true, true, true, false, false, false]);
    }
}
