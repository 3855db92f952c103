//! The user to go on as.

use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

use crate::failure::Failure;

/// Longest entry of the user database that is taken, in bytes.
const ENTRY_LEN: usize = 16 << 10;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    uid: libc::uid_t,
    gid: libc::gid_t,
}

impl User {
    /// Looks a user up by name.
    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        let unknown = || {
            Failure::new(
                format_args!("--user {name}"),
                "no such user",
                "name one of /etc/passwd, or make one: useradd --system rtspscope",
            )
        };
        let wanted = CString::new(name).map_err(|_| unknown())?;
        let mut buffer = vec![0; ENTRY_LEN];
        // SAFETY: all zeros are a valid entry, which the call fills in.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        // SAFETY: name, entry and buffer live through the call, and the length is that of the buffer.
        let result = unsafe {
            libc::getpwnam_r(
                wanted.as_ptr(),
                &raw mut entry,
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            )
        };
        if result != 0 || found.is_null() {
            return Err(unknown());
        }
        // SAFETY: the call has put a name into the buffer, which still lives.
        let name = unsafe { CStr::from_ptr(entry.pw_name) };
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Gives it a file or directory.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
    }

    /// Has this thread use files as this user does; capabilities over files are gone with that (`setfsuid(2)`).
    pub(super) fn act_as_it(&self) {
        // SAFETY: no memory is passed. The kernel keeps both for each thread, and neither call tells of a failure.
        unsafe {
            libc::setfsgid(self.gid);
            libc::setfsuid(self.uid);
        }
    }

    /// Becomes this user, with its group alone. Permitted capabilities stay where [`libc::PR_SET_KEEPCAPS`] says so.
    pub(super) fn become_it(&self) -> io::Result<()> {
        // SAFETY: the list lives through the call and has one entry.
        check(unsafe { libc::setgroups(1, &raw const self.gid) })?;
        // SAFETY: no memory is passed.
        check(unsafe { libc::setresgid(self.gid, self.gid, self.gid) })?;
        // SAFETY: no memory is passed.
        check(unsafe { libc::setresuid(self.uid, self.uid, self.uid) })
    }
}

pub(super) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
