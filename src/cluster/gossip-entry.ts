/** What a packet says of a third node. Chapter: Cluster Specification, "Heartbeat packet content". */

import type {GossipEntry} from './messages.ts';
import type {ClusterNode} from './state.ts';

/** The node's entry as of now. The same object again while nothing changed: large clusters gossip more than they change. */
export function gossipAbout(node: ClusterNode): GossipEntry {
	const last = node.gossip;
	if (
		last !== null &&
		last.pongReceivedAt === node.pongReceivedAt &&
		last.pingSentAt === node.pingSentAt &&
		last.flags === node.flags &&
		last.host === node.host &&
		last.port === node.port &&
		last.busPort === node.busPort &&
		last.node === node.id
	) {
		return last;
	}
	node.gossip = {
		node: node.id,
		host: node.host,
		port: node.port,
		busPort: node.busPort,
		flags: node.flags,
		pingSentAt: node.pingSentAt,
		pongReceivedAt: node.pongReceivedAt,
	};
	return node.gossip;
}
