use wedge::{RequestHook, Result};

wedge::hooks! { on_request => greet }

fn greet(_: &mut RequestHook) -> Result {
    nothing_of_that_name
}
