//! Standard input, kept so that it can be read a second time.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use rtspscope_capture::NamedFile;

/// Takes all of standard input into a file in `directory` where one of the files is `-`. The file has no name any more
/// when this returns, so that nothing is left of it however the program ends; it lives as long as what is returned.
pub(super) fn standard_input(
    directory: &Path,
    files: &mut [NamedFile],
) -> Result<Option<File>, Failure> {
    let Some(input) = files.iter_mut().find(|file| file.path == Path::new("-")) else {
        return Ok(None);
    };
    let path = directory.join(".standard-input");
    let failure = |error: io::Error| Failure::writing(path.display(), &error);
    let mut file = File::options()
        .write(true)
        .read(true)
        .create_new(true)
        .open(&path)
        .map_err(failure)?;
    fs::remove_file(&path).map_err(failure)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(failure)?;
    input.kept_at = Some(PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd())));
    Ok(Some(file))
}
