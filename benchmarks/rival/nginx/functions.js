function ua(r) {
	var agent = r.headersIn['User-Agent'];
	r.headersOut['X-Device'] = agent && agent.includes('Mobile') ? 'mobile' : 'desktop';
}

function ab(r) {
	r.headersOut['X-Cohort'] = r.variables.cookie_cohort === 'b' ? 'b' : 'a';
}

function rewrite(r, data, flags) {
	r.sendBuffer(data.replaceAll('a', '4'), flags);
}

export default {ua, ab, rewrite};
