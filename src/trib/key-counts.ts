/** How many keys of which slots the primaries hold. Only reads. */

import type {Connections} from './connections.ts';
import type {KeyCounts} from './plan-fix.ts';
import {isPrimary, type ClusterView} from './view.ts';

/** So many questions are on their way to one node at a time. */
const BATCH = 1_024;

/** @returns for each slot the nodes that hold keys of it. @throws {ConnectionError} */
export async function countKeys(
	view: ClusterView,
	slots: readonly number[],
	connections: Connections,
): Promise<ReadonlyMap<number, KeyCounts>> {
	const counts = new Map(slots.map((slot) => [slot, new Map<string, number>()]));
	const countAt = async (node: ClusterView['nodes'][number]): Promise<void> => {
		if (node.keyCount === 0) return;
		const connection = await connections.to(node.endpoint);
		for (let at = 0; at < slots.length; at += BATCH) {
			const batch = slots.slice(at, at + BATCH);
			const replies = await Promise.all(
				batch.map((slot) => connection.call('CLUSTER', 'COUNTKEYSINSLOT', String(slot))),
			);
			for (const [i, reply] of replies.entries()) {
				if (typeof reply === 'number' && reply > 0) counts.get(batch[i]!)!.set(node.self.id, reply);
			}
		}
	};
	await Promise.all(view.nodes.filter(isPrimary).map(countAt));
	return counts;
}
