/** What is wrong with a cluster, as data: the manager's second stage. Pure. */

import {SLOT_COUNT} from '../slots/key-slot.ts';
import {slotRanges, type SlotRange} from '../slots/slot-ranges.ts';
import {formatEndpoint} from './endpoint.ts';
import {address, isPrimary, slotSignature, type ClusterView, type NodeView} from './view.ts';
import {isReplica} from './nodes-text.ts';

export type Issue =
	/** A node that others know did not answer, or is held for failed. */
	| {
			readonly kind: 'unreachable';
			readonly node: string;
			readonly address: string;
			readonly isPrimary: boolean;
	  }
	/** A replica of a node that is not there. */
	| {
			readonly kind: 'unknown-primary';
			readonly node: string;
			readonly address: string;
			readonly primary: string;
	  }
	/** Not all nodes see the slots with the same owners. Each group sees the same; the largest comes first. */
	| {readonly kind: 'disagreement'; readonly groups: readonly (readonly string[])[]}
	/** Slots that a node is handing over or taking in. */
	| {
			readonly kind: 'migrating' | 'importing';
			readonly node: string;
			readonly address: string;
			readonly slots: readonly number[];
	  }
	/** Slots that no node serves. */
	| {readonly kind: 'uncovered'; readonly slots: readonly SlotRange[]}
	/** A slot that several primaries serve or hold keys of. */
	| {readonly kind: 'multiple-owners'; readonly slot: number; readonly owners: readonly string[]};

/** All issues that the view shows, in the order in which `check` prints them. */
export function findIssues(view: ClusterView): Issue[] {
	return [
		...unreachable(view),
		...unknownPrimaries(view),
		...disagreement(view),
		...openSlots(view),
		...uncoveredSlots(view),
	];
}

/**
 * Slots with more than one owner. A primary owns a slot that it serves, and counts as an owner of one that it holds keys of.
 * @param keySlots for each primary the slots in which it holds keys although it does not serve them, by node id
 */
export function findMultipleOwners(
	view: ClusterView,
	keySlots: ReadonlyMap<string, ReadonlySet<number>>,
): Issue[] {
	const primaries = view.nodes.filter(isPrimary);
	const issues: Issue[] = [];
	for (let slot = 0; slot < SLOT_COUNT; slot++) {
		const owners = primaries.filter((node) => node.slots.has(slot) || keySlots.get(node.self.id)?.has(slot));
		if (owners.length > 1) issues.push({kind: 'multiple-owners', slot, owners: owners.map(address)});
	}
	return issues;
}

function unreachable({unreachable: lines}: ClusterView): Issue[] {
	return lines.map((line) => ({
		kind: 'unreachable',
		node: line.id,
		address: formatEndpoint(line),
		isPrimary: !isReplica(line),
	}));
}

function unknownPrimaries({nodes}: ClusterView): Issue[] {
	const known = new Set(nodes.map(({self}) => self.id));
	return nodes.flatMap((node): Issue[] => {
		const primary = node.self.primaryId;
		if (isPrimary(node) || primary === null || known.has(primary)) return [];
		return [{kind: 'unknown-primary', node: node.self.id, address: address(node), primary}];
	});
}

function disagreement({nodes}: ClusterView): Issue[] {
	const groups = new Map<string, string[]>();
	for (const node of nodes) {
		const signature = slotSignature(node.lines);
		const group = groups.get(signature);
		if (group === undefined) groups.set(signature, [address(node)]);
		else group.push(address(node));
	}
	// Nobody serves a slot: redis-cli calls several nodes without any configuration inconsistent.
	const nothingAtAll = nodes.length > 1 && groups.has('');
	if (groups.size <= 1 && !nothingAtAll) return [];
	return [{kind: 'disagreement', groups: [...groups.values()].toSorted((a, b) => b.length - a.length)}];
}

function openSlots({nodes}: ClusterView): Issue[] {
	return nodes.flatMap((node) =>
		(['migrating', 'importing'] as const).flatMap((kind): Issue[] => {
			const slots = [...node.self[kind].keys()];
			return slots.length === 0 ? [] : [{kind, node: node.self.id, address: address(node), slots}];
		}),
	);
}

function uncoveredSlots({nodes}: ClusterView): Issue[] {
	const slots = slotRanges(uncovered(nodes));
	return slots.length === 0 ? [] : [{kind: 'uncovered', slots}];
}

function* uncovered(nodes: readonly NodeView[]): Generator<number> {
	for (let slot = 0; slot < SLOT_COUNT; slot++) {
		if (!nodes.some((node) => node.slots.has(slot))) yield slot;
	}
}
