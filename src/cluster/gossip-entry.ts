/** What a packet says of a third node. Chapter: Cluster Specification, "Heartbeat packet content". */

import type {GossipEntry} from './messages.ts';
import type {ClusterNode} from './state.ts';

export function gossipAbout(node: ClusterNode): GossipEntry {
	return {
		node: node.id,
		host: node.host,
		port: node.port,
		busPort: node.busPort,
		flags: node.flags,
		pingSentAt: node.pingSentAt,
		pongReceivedAt: node.pongReceivedAt,
	};
}
