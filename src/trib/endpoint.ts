/** Addresses of servers as people and nodes write them. */

import type {Endpoint} from './messages.ts';

/** An address with the port of the cluster bus, where it was said. */
export interface NodeAddress extends Endpoint {
	/** null when unknown: nodes before Redis 4.0 do not tell it, and use `port + 10000`. */
	readonly busPort: number | null;
}

/** What a bus port is unless it is configured otherwise. */
export const BUS_PORT_OFFSET = 10_000;

/**
 * Reads `host:port` or `host:port@busPort`. The port stands after the last colon, so that `::1:7000` is the host `::1`;
 * brackets around an IPv6 address are taken off. The host may be empty: a node that nobody met does not know its own.
 * null when there is no port from 0 to 65535.
 */
export function parseNodeAddress(text: string): NodeAddress | null {
	const match = /^(?:\[([^\]]*)\]|(.*)):(\d{1,5})(?:@(\d{1,5}))?$/s.exec(text);
	if (match === null) return null;
	const port = Number(match[3]);
	const busPort = match[4] === undefined ? null : Number(match[4]);
	if (port > 65_535 || (busPort ?? 0) > 65_535) return null;
	return {host: match[1] ?? match[2] ?? '', port, busPort};
}

/** Reads an address that a person gave: a host and a port to connect to. null when it is not one. */
export function parseEndpoint(text: string): Endpoint | null {
	const address = parseNodeAddress(text);
	if (address === null || address.host === '' || address.port === 0) return null;
	return {host: address.host, port: address.port};
}

/** `host:port`, as redis prints it: IPv6 without brackets. */
export function formatEndpoint({host, port}: Endpoint): string {
	return `${host}:${port}`;
}
