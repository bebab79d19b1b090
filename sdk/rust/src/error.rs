use crate::raw::Status;
use std::fmt;

/// What most functions of this crate return, and what a hook returns: `Result` alone is `Result<(), Error>`.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// What could not be done, to what, and why; or any text, for the failures of one's own: `Err("no weights are set".into())`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    what: String,
    status: Option<Status>,
}

impl Error {
    /// What the node answered, `None` for an error that is not the node's.
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// Whether the node answered that.
    pub fn is(&self, status: Status) -> bool {
        self.status == Some(status)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Error {
        Error { what: text.to_string(), status: None }
    }
}

impl From<String> for Error {
    fn from(what: String) -> Error {
        Error { what, status: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.status {
            None => Ok(()),
            Some(status) => {
                f.write_str(": ")?;
                f.write_str(words(status))
            }
        }
    }
}

impl std::error::Error for Error {}

fn words(status: Status) -> &'static str {
    match status {
        Status::Ok => "done",
        Status::Absent => "there is none",
        Status::Invalid => "invalid argument",
        Status::NotAllowed => "not allowed at this hook or for this binding",
        Status::NotInExchange => "not in an exchange: only config, secrets, log, clock and random work during initialisation",
        Status::Limit => "limit reached",
        Status::Conflict => "conflict: the value is not as the condition says",
        Status::Io => "network or disk failed",
        Status::Timeout => "not done in time",
        Status::BadHandle => "closed",
        Status::Unavailable => "not available on this node",
        Status::TooLarge => "body larger than max_body of the binding",
        Status::NotNumber => "the stored value is not a number",
        Status::Frozen => "the head has been sent already",
    }
}

/// The result of a call: what it returned, or the error that it stands for.
pub(crate) fn check(result: i32, what: &str, name: &str) -> Result<i32> {
    if result >= 0 {
        return Ok(result);
    }
    let mut text = String::from(what);
    if !name.is_empty() {
        text.push_str(" \"");
        text.push_str(name);
        text.push('"');
    }
    Err(Error { what: text, status: Some(Status::of(result).unwrap_or(Status::Invalid)) })
}

/// check for what returns nothing.
pub(crate) fn done(result: i32, what: &str, name: &str) -> Result {
    check(result, what, name).map(|_| ())
}

/// done for a removal: it is no error if there was nothing.
pub(crate) fn gone(result: i32, what: &str, name: &str) -> Result {
    if result == Status::Absent as i32 {
        return Ok(());
    }
    done(result, what, name)
}
