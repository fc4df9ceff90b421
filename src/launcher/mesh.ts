/**
 * The broker of the bus: gives two workers that never met a MessageChannel between them, as `connect()` to a bus port would
 * give them a TCP connection. What they say to each other does not pass here.
 */
import {MessageChannel} from 'node:worker_threads';
import type {NodeThread} from './node-thread.ts';

/**
 * Answers a node's `bus-connect`: the target, if one runs at that address, gets one end, the asker the other. A node that is
 * still starting takes links too: they wait in its port as connections wait in a backlog.
 */
export function connectBus(
	nodes: Iterable<NodeThread>,
	from: NodeThread,
	request: number,
	host: string,
	busPort: number,
): void {
	const target = findByBusAddress(nodes, host, busPort);
	if (target === undefined || !target.isUp) {
		from.post({kind: 'bus-refused', request});
		return;
	}
	const {port1, port2} = new MessageChannel();
	const {index: fromIndex, host: fromHost, busPort: fromBusPort} = from.start;
	target.post({kind: 'bus-accept', port: port2, fromIndex, fromHost, fromBusPort});
	from.post({kind: 'bus-connected', request, port: port1});
}

function findByBusAddress(
	nodes: Iterable<NodeThread>,
	host: string,
	busPort: number,
): NodeThread | undefined {
	for (const node of nodes)
		if (node.start.busPort === busPort && sameHost(node.start.host, host)) return node;
	return undefined;
}

/** All loopback names reach a node on loopback, as they do over TCP. */
export const sameHost = (a: string, b: string): boolean => a === b || (isLoopback(a) && isLoopback(b));

const isLoopback = (host: string): boolean =>
	host === 'localhost' || host === '::1' || host.startsWith('127.');
