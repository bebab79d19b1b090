use crate::error::{done, gone, Result};
use crate::raw::{self, Fact};
use crate::value::{pairs, text, value};

/// The exchange's id, 32 hexadecimal digits: the one in logs, traces and error pages.
pub fn exchange_id() -> String {
    text(raw::exchange_id).unwrap_or_default()
}

/// When the exchange began, in milliseconds since 1970. It stands still within an exchange, so that all decisions see one time.
pub fn now() -> i64 {
    now_nanoseconds() / 1_000_000
}

/// [`now`] in nanoseconds.
pub fn now_nanoseconds() -> i64 {
    raw::now()
}

/// A fact about the client; `None` if the node does not know it.
pub fn client(fact: Fact) -> Option<String> {
    text(|to| raw::client(fact, to)).ok()
}

/// A variable that a function of this exchange has set. The origin's side of an exchange has a copy of those that were set when the fetch began.
pub fn var(name: &str) -> Option<String> {
    text(|to| raw::var_get(name.as_bytes(), to)).ok()
}

/// Sets a variable: at most 4096 bytes of names and values together.
pub fn set_var(name: &str, value: &str) -> Result {
    done(raw::var_set(name.as_bytes(), value.as_bytes()), "set variable", name)
}

/// Removes a variable; it is no error if there is none.
pub fn remove_var(name: &str) -> Result {
    gone(raw::var_remove(name.as_bytes()), "remove variable", name)
}

/// A setting that the operator gave this binding. It can be read during initialisation.
pub fn config(name: &str) -> Option<String> {
    text(|to| raw::config(name.as_bytes(), to)).ok()
}

/// All settings in the order of their names.
pub fn settings() -> Vec<(String, String)> {
    value(raw::config_list).map(|b| pairs(&b)).unwrap_or_default()
}

/// A secret of this binding. The node never logs it, and a function should not either; [`crate::crypto::hmac_secret`] uses one without reading it.
pub fn secret(name: &str) -> Option<Vec<u8>> {
    value(|to| raw::secret(name.as_bytes(), to)).ok()
}
