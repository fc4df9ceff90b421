/**
 * The broker of replication links, as mesh.ts is of the bus: a replica that asks for the client port of a node of this
 * launcher gets a MessageChannel to it. What goes over it does not pass here, and its end says nothing about either node.
 */
import {MessageChannel} from 'node:worker_threads';
import {sameHost} from './mesh.ts';
import type {NodeThread} from './node-thread.ts';

/** Answers a node's `stream-connect`. Where no node of ours is, the asker tries TCP: another server may be there. */
export function connectStream(
	nodes: Iterable<NodeThread>,
	from: NodeThread,
	request: number,
	host: string,
	port: number,
): void {
	const target = findByAddress(nodes, host, port);
	if (target === undefined || !target.isUp) {
		from.post({kind: 'stream-refused', request});
		return;
	}
	const {port1, port2} = new MessageChannel();
	const {host: fromHost, port: fromPort} = from.start;
	target.post({kind: 'stream-accept', port: port2, fromHost, fromPort});
	from.post({kind: 'stream-connected', request, port: port1});
}

function findByAddress(nodes: Iterable<NodeThread>, host: string, port: number): NodeThread | undefined {
	for (const node of nodes) if (node.start.port === port && sameHost(node.start.host, host)) return node;
	return undefined;
}
