/** IPv4 and IPv6 literals, as inet_pton takes them. Names are no addresses: the bus resolves nothing. */

export function isIpAddress(text: string): boolean {
	return isIpv4(text) || isIpv6(text);
}

function isIpv4(text: string): boolean {
	const parts = text.split('.');
	return (
		parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
	);
}

function isIpv6(text: string): boolean {
	const halves = text.split('::');
	if (halves.length > 2) return false;
	const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
	let count = groups.length;
	const last = groups.at(-1);
	if (last?.includes('.')) {
		// An IPv4 address stands at the very end only, for two groups.
		if (!isIpv4(last) || !text.endsWith(last)) return false;
		groups.pop();
		count++;
	}
	if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
	return halves.length === 2 ? count < 8 : count === 8;
}
