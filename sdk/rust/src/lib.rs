//! What functions on a Wedge node are written with: the request, the response, the cache's decisions, and the node's stores, counters, fetches,
//! configuration, secrets, cryptography, logs and traces.
//!
//! A function is a library of type `cdylib`. It has a hook if it names one in [`hooks!`]:
//!
//! ```
//! use wedge::{RequestHook, Result};
//!
//! wedge::hooks! { on_request => greet }
//!
//! fn greet(h: &mut RequestHook) -> Result {
//!     if h.request().path() == "/hello" {
//!         h.respond(200, "Hello from the edge\n")?;
//!     }
//!     Ok(()) // go on: the cache, then the origin
//! }
//! # fn main() {}
//! ```
//!
//! Each hook gets a type of its own, and that type has only what the hook may do: what the node would refuse does mostly not compile. An error that a
//! hook returns makes it fail, and the binding's `on_failure` says what the client gets; nothing that a failed hook changed takes effect. A panic
//! does the same, and costs the instance as well.
//!
//! The crate depends on nothing but `std`. It does not keep anything between exchanges. Functions are tested natively with [`fake`].
#![deny(missing_docs)]

pub mod cache;
pub mod crypto;
mod error;
mod exchange;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
pub mod fetch;
mod header;
#[doc(hidden)]
pub mod hook;
mod kv;
mod log;
mod message;
pub mod random;
pub mod raw;
#[cfg(not(target_arch = "wasm32"))]
mod sha256;
mod value;

pub use crate::log::{count, debug, error, info, log, log_with, observe, warn, Span};
pub use error::{Error, Result};
pub use exchange::{client, config, exchange_id, now, now_nanoseconds, remove_var, secret, set_var, settings, var};
pub use header::{Header, HeaderView};
pub use hook::{ErrorHook, FetchHook, FetchedHook, RequestHook, ResponseHook, Stream};
pub use kv::{penalise, penalty, Counter, Entry, Kv, Listed, Page, PutOptions};
pub use message::{Body, Request, RequestView, Response};
pub use raw::{Fact, HashFunction, Level, Signature, Status};

/// Makes the exports of a module from functions, one for each hook that it has:
///
/// ```
/// # use wedge::{RequestHook, ResponseHook, Result};
/// wedge::hooks! {
///     on_request => check,
///     on_response => tell,
/// }
/// fn check(h: &mut RequestHook) -> Result { h.bypass() }
/// fn tell(h: &mut ResponseHook) -> Result { h.response().header().set("X-Served-From", &wedge::cache::outcome()) }
/// # fn main() {}
/// ```
///
/// The hooks are `on_request`, `on_fetch`, `on_fetched`, `on_error` and `on_response`; the error of a function may be anything that can be displayed.
/// Two more names are no hooks: `initialise => f` runs `f()` once, before the first exchange, and `restored => f` each time that the node has put the
/// memory back to what it was after that.
#[macro_export]
macro_rules! hooks {
    ($($name:ident => $f:expr),+ $(,)?) => {
        /// The functions that the node calls, and that tests call in its place.
        #[allow(missing_docs)]
        pub mod exports {
            #[allow(unused_imports)]
            use super::*;
            $( $crate::export_hook!($name, $f); )+

            #[cfg_attr(target_arch = "wasm32", no_mangle)]
            pub extern "C" fn wedge_abi_v1() {}

            #[cfg_attr(target_arch = "wasm32", no_mangle)]
            pub extern "C" fn _initialize() {
                $crate::hook::initialise();
                $( $crate::run_unless_hook!(initialise, $name, $f); )+
            }

            #[cfg_attr(target_arch = "wasm32", no_mangle)]
            pub extern "C" fn wedge_restored() {
                $crate::random::reseed();
                $( $crate::run_unless_hook!(restored, $name, $f); )+
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export_hook {
    (initialise, $f:expr) => {};
    (restored, $f:expr) => {};
    ($name:ident, $f:expr) => {
        #[cfg_attr(target_arch = "wasm32", no_mangle)]
        pub extern "C" fn $name() -> i32 {
            $crate::hook::$name($f)
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! run_unless_hook {
    (initialise, initialise, $f:expr) => {
        $f()
    };
    (restored, restored, $f:expr) => {
        $f()
    };
    ($when:ident, $name:ident, $f:expr) => {};
}
