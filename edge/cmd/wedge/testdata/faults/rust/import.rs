use wedge::{RequestHook, Result};

wedge::hooks! { on_request => greet }

#[link(wasm_import_module = "elsewhere")]
extern "C" {
    fn f() -> i32;
}

fn greet(_: &mut RequestHook) -> Result {
    unsafe { f() };
    Ok(())
}
