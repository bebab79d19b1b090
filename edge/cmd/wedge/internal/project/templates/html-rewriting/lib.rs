use std::io::{Read, Write};
use wedge::ResponseHook;

wedge::hooks! { on_response => rewrite }

fn rewrite(h: &mut ResponseHook) -> Result<(), Box<dyn std::error::Error>> {
    let banner = match wedge::config("banner") {
        Some(b) => b,
        None => return Ok(()),
    };
    if !h.response().header().get("Content-Type").unwrap_or_default().starts_with("text/html") {
        return Ok(());
    }
    let mark = b"</body>";
    let mut stream = h.stream()?;
    let mut buffer = [0; 4096];
    // What may be the beginning of a mark waits for what follows.
    let (mut held, mut done) = (0, false);
    loop {
        let n = stream.read(&mut buffer[held..])?;
        if n == 0 {
            stream.write_all(&buffer[..held])?;
            return Ok(());
        }
        let ready = held + n;
        if !done {
            if let Some(at) = buffer[..ready].windows(mark.len()).position(|w| w == mark) {
                done = true;
                stream.write_all(&buffer[..at])?;
                stream.write_all(banner.as_bytes())?;
                stream.write_all(&buffer[at..ready])?;
                held = 0;
                continue;
            }
        }
        held = if done { 0 } else { ready.min(mark.len() - 1) };
        stream.write_all(&buffer[..ready - held])?;
        buffer.copy_within(ready - held..ready, 0);
    }
}
