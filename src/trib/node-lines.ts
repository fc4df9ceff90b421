/** Nodes as `create`, `check` and `info` print them, to the letter of redis-cli 7.0; and as reports carry them. Pure. */

import {formatSlotRange, slotRanges, type SlotRange} from '../slots/slot-ranges.ts';
import {address, isPrimary, replicasOf, type ClusterView, type NodeView} from './view.ts';

/** One node of a report. */
export interface NodeReport {
	readonly id: string;
	readonly address: string;
	readonly role: 'primary' | 'replica';
	readonly slots: readonly SlotRange[];
	readonly slotCount: number;
	/** The primary's id; null for a primary. */
	readonly primary: string | null;
	/** Keys in database 0, null when not known. */
	readonly keyCount: number | null;
}

export function nodeReport(node: NodeView): NodeReport {
	return {
		id: node.self.id,
		address: address(node),
		role: isPrimary(node) ? 'primary' : 'replica',
		slots: slotRanges(node.slots),
		slotCount: node.slots.count,
		primary: node.self.primaryId,
		keyCount: node.keyCount,
	};
}

/** The lines of a node as it is. */
export function nodeLines(view: ClusterView, node: NodeView): string[] {
	const role = isPrimary(node) ? 'M' : 'S';
	const flags = node.self.flags.filter((flag) => flag !== 'myself');
	const lines = slotLines(role, node, slotRanges(node.slots), node.slots.count, flags);
	const replicaCount = replicasOf(view, node).length;
	if (!isPrimary(node)) lines.push(`   replicates ${node.self.primaryId ?? '-'}`);
	else if (replicaCount > 0) lines.push(`   ${replicaCount} additional replica(s)`);
	return lines;
}

/** The lines of a node that is to become a primary. */
export function plannedPrimaryLines(node: NodeView, slots: readonly SlotRange[]): string[] {
	const count = slots.reduce((sum, [start, end]) => sum + end - start + 1, 0);
	const flags = node.self.flags.filter((flag) => flag !== 'myself');
	return slotLines('M', node, slots, count, flags);
}

/** The lines of a node that is to become a replica. */
export function plannedReplicaLines(node: NodeView, primaryId: string): string[] {
	return [`S: ${node.self.id} ${address(node)}`, `   replicates ${primaryId}`];
}

/** `127.0.0.1:7000 (d64223b7...) -> 5 keys | 5461 slots | 1 slaves.` */
export function summaryLine(view: ClusterView, node: NodeView, keyCount: number): string {
	const name = node.self.id.slice(0, 8);
	const replicas = replicasOf(view, node).length;
	return `${address(node)} (${name}...) -> ${keyCount} keys | ${node.slots.count} slots | ${replicas} slaves.`;
}

function slotLines(
	role: 'M' | 'S',
	node: NodeView,
	slots: readonly SlotRange[],
	count: number,
	flags: readonly string[],
): string[] {
	const ranges = slots.map((range) => `[${formatSlotRange(range)}]`).join(',');
	return [
		`${role}: ${node.self.id} ${address(node)}`,
		`   slots:${ranges} (${count} slots) ${flags.join(',')}`,
	];
}
