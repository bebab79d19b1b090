function ua(r) {
	var agent = r.headersIn['User-Agent'];
	r.headersOut['X-Device'] = agent && agent.includes('Mobile') ? 'mobile' : 'desktop';
}

export default {ua};
