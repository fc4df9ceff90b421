/** Finding nodes of a view: by what a person calls them, and by how many replicas they have. Pure. */

import {formatEndpoint, parseEndpoint} from './endpoint.ts';
import type {NodeLine} from './nodes-text.ts';
import {isPrimary, replicasOf, type ClusterView, type NodeView} from './view.ts';

/** The node of that id (any case), or at that `host:port`. */
export function findNode(view: ClusterView, name: string): NodeView | null {
	const at = parseEndpoint(name);
	return (
		view.nodes.find(
			({self, endpoint}) =>
				isCalled(self, name) || (at !== null && formatEndpoint(endpoint) === formatEndpoint(at)),
		) ?? null
	);
}

/** The same among the nodes that did not answer. */
export function findUnreachable(view: ClusterView, name: string): NodeLine | null {
	return view.unreachable.find((line) => isCalled(line, name)) ?? null;
}

function isCalled(line: NodeLine, name: string): boolean {
	const at = parseEndpoint(name);
	if (at === null) return line.id === name.toLowerCase();
	return (line.host === at.host || line.hostname === at.host) && line.port === at.port;
}

/**
 * The first of the primaries with the fewest replicas, as redis-cli chooses.
 * @param extra replicas that are about to be added, by the id of the primary
 */
export function primaryWithFewestReplicas(
	view: ClusterView,
	primaries: readonly NodeView[] = view.nodes.filter(isPrimary),
	extra: ReadonlyMap<string, number> = new Map(),
): NodeView | null {
	let best: NodeView | null = null;
	let fewest = Infinity;
	for (const primary of primaries) {
		const count = replicasOf(view, primary).length + (extra.get(primary.self.id) ?? 0);
		if (count >= fewest) continue;
		best = primary;
		fewest = count;
	}
	return best;
}
