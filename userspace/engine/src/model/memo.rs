//! What every look at a session asks its messages for again, read once.

use std::sync::OnceLock;

/// Fields of one message, each read when it is first asked for.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    session_id: OnceLock<Option<Box<str>>>,
    is_to_record: OnceLock<Option<bool>>,
}

impl Memo {
    pub(crate) fn session_id(&self, read: impl FnOnce() -> Option<Box<str>>) -> Option<&str> {
        self.session_id.get_or_init(read).as_deref()
    }

    pub(crate) fn is_to_record(&self, read: impl FnOnce() -> Option<bool>) -> Option<bool> {
        *self.is_to_record.get_or_init(read)
    }
}
