const crypto = require('crypto');

function ua(r) {
	var agent = r.headersIn['User-Agent'];
	r.headersOut['X-Device'] = agent && agent.includes('Mobile') ? 'mobile' : '{{.Word}}';
}

function ab(r) {
	r.headersOut['X-Cohort'] = r.variables.cookie_cohort === 'b' ? 'b' : 'a';
}

function rewrite(r, data, flags) {
	r.sendBuffer(data.replaceAll('a', '4'), flags);
}

// What is outside of functions belongs to one request.
let text = '';

function json(r, data, flags) {
	text += data;
	if (!flags.last) return;
	const document = JSON.parse(text);
	const total = document.items.reduce((sum, i) => sum + i.price * i.stock, 0);
	r.sendBuffer(JSON.stringify({id: document.id, total: total}), flags);
}

// jwt says 1 for a token that is signed by HS256 and has not ended.
function jwt(r) {
	try {
		const part = r.headersIn['X-Token'].split('.');
		const code = crypto.createHmac('sha256', 'a key that is only for measuring').update(part[0] + '.' + part[1]).digest('base64url');
		const read = (p) => JSON.parse(Buffer.from(p, 'base64url').toString());
		return code === part[2] && read(part[0]).alg === 'HS256' && read(part[1]).exp > Date.now() / 1000 ? '1' : '0';
	} catch (e) {
		return '0';
	}
}

// A body that a function changes has not the length that is stored.
function unknown(r) {
	delete r.headersOut['Content-Length'];
}

function spin(r) {
	for (;;);
}

export default {ua, ab, rewrite, json, jwt, unknown, spin};
