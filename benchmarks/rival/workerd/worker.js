// The standalone server has no cache: the body that others keep stands in the program.
import body from 'body';

const headers = {'Content-Type': 'text/plain', 'Cache-Control': 'max-age=86400'};

export default {
	async fetch(request) {
{{if .Spin}}		if (new URL(request.url).pathname.startsWith('/spin/')) for (;;);
{{end}}{{if eq .Function "ua"}}		const agent = request.headers.get('User-Agent');
		return new Response(body, {headers: {...headers, 'X-Device': agent && agent.includes('Mobile') ? 'mobile' : '{{.Word}}'}});
{{else if eq .Function "ab"}}		const cookie = request.headers.get('Cookie');
		const b = cookie && cookie.split(/; */).includes('cohort=b');
		return new Response(body, {headers: {...headers, 'X-Cohort': b ? 'b' : 'a'}});
{{else if eq .Function "jwt"}}		const good = await passes(request.headers.get('X-Token') || '').catch(() => false);
		return good ? new Response(body, {headers}) : new Response('', {status: 401});
{{else}}		const {id, items} = JSON.parse(body);
		const total = items.reduce((sum, item) => sum + item.price * item.stock, 0);
		return new Response(JSON.stringify({id, total}), {headers});
{{end}}	},
};
{{if eq .Function "jwt"}}
const text = new TextEncoder();
const key = crypto.subtle.importKey('raw', text.encode('a key that is only for measuring'), {name: 'HMAC', hash: 'SHA-256'}, false, ['verify']);
const bytes = (part) => Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const read = (part) => JSON.parse(new TextDecoder().decode(bytes(part)));

async function passes(token) {
	const [head, payload, signature] = token.split('.');
	return await crypto.subtle.verify('HMAC', await key, bytes(signature), text.encode(head + '.' + payload)) &&
		read(head).alg === 'HS256' && read(payload).exp > Date.now() / 1000;
}
{{end}}