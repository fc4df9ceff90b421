/** Addresses of many nodes in few words. */

export interface Address {
	readonly host: string;
	readonly port: number;
}

/** `127.0.0.1:7000-7002` for ports in a row, `127.0.0.1:7000,7004-7005` for others. All nodes are on one host. */
export function addressRange(addresses: readonly Address[]): string {
	const ports = addresses.map(({port}) => port).toSorted((a, b) => a - b);
	const ranges: [first: number, last: number][] = [];
	for (const port of ports) {
		const current = ranges.at(-1);
		if (current !== undefined && current[1] === port - 1) current[1] = port;
		else ranges.push([port, port]);
	}
	const host = addresses[0]?.host ?? '';
	return `${host.includes(':') ? `[${host}]` : host}:${ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',')}`;
}
