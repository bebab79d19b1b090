package main

import "strconv"

// page does the work and comes again. It hashes in pieces of a thousand, so that the page stays alive meanwhile.
func page(stamp string, zeros int) string {
	return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>One moment</title>
<style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:30em;margin:20vh auto;padding:0 1em}</style>
<h1>One moment</h1>
<p id="text">Your browser does a small sum, to show that it is one.</p>
<noscript><p>That needs JavaScript, which is switched off here.</p></noscript>
<script>
const challenge = "` + stamp + `", zeros = ` + strconv.Itoa(zeros) + `, say = s => document.getElementById("text").textContent = s;
async function fits(n) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(challenge + "." + n)));
  let left = zeros;
  for (const b of sum) {
    if (left <= 0) return true;
    if (left >= 8 ? b !== 0 : b >> (8 - left) !== 0) return false;
    left -= 8;
  }
  return true;
}
(async () => {
  for (let n = 0; ; n += 1000) {
    const found = (await Promise.all(Array.from({length: 1000}, (_, i) => fits(n + i)))).indexOf(true);
    if (found < 0) continue;
    const r = await fetch("` + answerPath + `?challenge=" + challenge + "&number=" + (n + found), {cache: "no-store"});
    if (r.status === 204) {
      const tries = 1 + Number(sessionStorage.tries || 0);
      sessionStorage.tries = tries;
      return tries > 2 ? say("Your browser keeps no cookie of this site, and cannot be let in without.") : location.reload();
    }
    return say("That took too long, or your address has changed. Please load the page again.");
  }
})().catch(() => say("That did not work. Please load the page again."));
</script>
</html>
`
}
