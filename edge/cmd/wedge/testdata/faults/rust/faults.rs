use wedge::{Kv, RequestHook, Result};

wedge::hooks! { on_request => fault }

static mut SPUN: u32 = 0;

fn fault(h: &mut RequestHook) -> Result {
    match h.request().path().as_str() {
        "/trap" => {
            let empty: Vec<u32> = Vec::new();
            unsafe { SPUN = empty[h.request().path().len()] };
        }
        "/loop" => loop {
            unsafe { SPUN = SPUN.wrapping_add(1) }
        },
        "/json" => return feature(),
        _ => {}
    }
    Ok(())
}

fn feature() -> Result {
    let text = Kv("settings").text("feature")?.unwrap_or_default();
    if !text.ends_with('}') {
        return Err(format!("settings/feature is no JSON: it ends with {:?}", text.chars().last()).into());
    }
    Ok(())
}
