//! The directory of a bundle: nothing in it is written over, and nothing half written stays.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, reason};
use crate::sandbox::{self, Rest};

/// A directory that is being filled. Files get their names when all are complete; until then, dropping it takes them away.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    created: bool,
    /// Where each file is, and where it will be.
    files: Vec<(PathBuf, PathBuf)>,
    complete: bool,
}

impl Directory {
    /// A new or an empty directory.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let created = match fs::create_dir(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(Failure::writing(path.display(), &error)),
        };
        let directory = Self {
            path: path.to_owned(),
            created,
            files: Vec::new(),
            complete: false,
        };
        let mut entries =
            fs::read_dir(path).map_err(|error| Failure::writing(path.display(), &error))?;
        if entries.next().is_some() {
            return Err(Failure::new(
                path.display(),
                "is not empty, and nothing is written over",
                "name a directory that does not exist yet",
            ));
        }
        Ok(directory)
    }

    /// Makes sure that it can be written to with the rights that are left later on; one that was made here is given to the
    /// user who has them.
    pub(super) fn give_to(&self, rest: &Rest) -> Result<(), Failure> {
        if let (true, Some(user)) = (self.created, &rest.user) {
            let given = user.own(&self.path);
            given.map_err(|error| Failure::writing(self.path.display(), &error))?;
        }
        let probe = self.path.join(".probe");
        let tried = sandbox::try_with(rest, || {
            File::create_new(&probe).and_then(|_| fs::remove_file(&probe))
        });
        tried.map_err(|error| {
            let remedy = "choose a place that it may write to, or leave the directory to be made";
            match &rest.user {
                Some(user) => Failure::new(
                    self.path.display(),
                    format_args!(
                        "user {} cannot write there: {}",
                        user.name(),
                        reason(&error)
                    ),
                    remedy,
                ),
                None => Failure::writing(self.path.display(), &error),
            }
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file.
    pub(super) fn write(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let place = self.path.join(name);
        let part = self.path.join(format!(".{name}.part"));
        self.files.push((part.clone(), place.clone()));
        let written = File::create_new(&part).and_then(|file| {
            let mut file = BufWriter::new(file);
            fill(&mut file)?;
            file.flush()
        });
        written.map_err(|error| Failure::writing(place.display(), &error))
    }

    /// Gives all files their names.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        for (part, place) in &self.files {
            fs::rename(part, place).map_err(|error| Failure::writing(place.display(), &error))?;
        }
        self.complete = true;
        Ok(())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.complete {
            return;
        }
        // What cannot be taken away was not made, or is beyond repair here.
        for (part, place) in &self.files {
            let _gone = fs::remove_file(part).or_else(|_| fs::remove_file(place));
        }
        if self.created {
            let _gone = fs::remove_dir(&self.path);
        }
    }
}
