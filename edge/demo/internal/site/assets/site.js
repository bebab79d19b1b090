// Asks the node about this page, and the origin about its counter. Nothing else: the site works without it.
(async () => {
  const put = (id, text) => { document.getElementById(id).textContent = text }
  try {
    const page = await fetch(location.href, { method: 'HEAD' })
    const age = page.headers.get('age')
    const status = page.headers.get('cache-status') || 'no Cache-Status: this page came without a node'
    put('node', age === null ? status : `${status} · age ${age} s`)
    const counted = await (await fetch('/api/origin.json')).json()
    put('total', String(counted.requests))
  } catch (e) {
    put('node', 'unreachable')
    put('total', 'unreachable')
  }
})()
