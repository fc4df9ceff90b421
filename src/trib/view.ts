/**
 * What the nodes of a cluster say, gathered and not judged: the first of the manager's four stages
 * (view -> check -> plan -> run). Pure; `load-view.ts` asks the nodes.
 */

import {SlotBitmap} from '../slots/slot-bitmap.ts';
import {formatSlotRange} from '../slots/slot-ranges.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Endpoint} from './messages.ts';
import {isReplica, type NodeLine} from './nodes-text.ts';

/** A node that answered. */
export interface NodeView {
	/** Where it was reached. Its own line may name another address, or none. */
	readonly endpoint: Endpoint;
	/** What it says of itself. */
	readonly self: NodeLine;
	/** Every node it knows, itself included, in its own order. */
	readonly lines: readonly NodeLine[];
	/** Slots that it says it serves. */
	readonly slots: SlotBitmap;
	/** Keys in database 0; null when it was not asked or gave no number. */
	readonly keyCount: number | null;
}

export interface ClusterView {
	/** The node that was asked first, then the others in the order in which it lists them. */
	readonly nodes: readonly NodeView[];
	/** Nodes that the first one knows and that did not answer, or that it holds for failed. */
	readonly unreachable: readonly NodeLine[];
}

export function nodeView(
	endpoint: Endpoint,
	self: NodeLine,
	lines: readonly NodeLine[],
	keyCount: number | null = null,
): NodeView {
	return {endpoint, self, lines, keyCount, slots: SlotBitmap.ofRanges(self.slots)};
}

export function address(node: NodeView): string {
	return formatEndpoint(node.endpoint);
}

export function isPrimary(node: NodeView): boolean {
	return !isReplica(node.self);
}

/** The nodes that say that they replicate `primary`. */
export function replicasOf(view: ClusterView, primary: NodeView): NodeView[] {
	return view.nodes.filter((node) => node.self.primaryId === primary.self.id && isReplica(node.self));
}

/**
 * Who serves which slots, as one node sees it. Two nodes agree when these texts are equal. Nodes without slots do not
 * appear, nor do open slots, which only their two ends know.
 */
export function slotSignature(lines: readonly Pick<NodeLine, 'id' | 'slots'>[]): string {
	return lines
		.filter(({slots}) => slots.length > 0)
		.map(({id, slots}) => `${id}:${slots.map(formatSlotRange).join(',')}`)
		.toSorted()
		.join('|');
}
