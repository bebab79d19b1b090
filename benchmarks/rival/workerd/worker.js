// The standalone server has no cache: the body that others keep stands in the program.
import body from 'body';

export default {
	async fetch(request) {
		const agent = request.headers.get('User-Agent');
		return new Response(body, {headers: {
			'Content-Type': 'text/plain',
			'Cache-Control': 'max-age=86400',
			'X-Device': agent && agent.includes('Mobile') ? 'mobile' : 'desktop',
		}});
	},
};
