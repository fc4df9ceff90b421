/**
 * The name by which clients are told to reach a node: address, hostname, or none (they keep the one they know).
 */

import type {ClusterConfig} from './config.ts';
import type {NodeView} from './state.ts';

/** Null stands for an unknown endpoint: empty in MOVED, null in CLUSTER SLOTS. `?` for a hostname that was not set. */
export function endpointOf(node: NodeView, config: Readonly<ClusterConfig>): string | null {
	switch (config.preferredEndpointType) {
		case 'ip':
			return node.host;
		case 'hostname':
			return node.hostname === '' ? '?' : node.hostname;
		case 'unknown-endpoint':
			return null;
	}
}
