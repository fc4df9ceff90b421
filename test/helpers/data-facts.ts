/** What a data plane without replication says of itself. */

import type {DataFacts} from '../../src/cluster/config.ts';

/** @param keys number of keys by slot */
export const dataFacts = (
	keys: ReadonlyMap<number, number> = new Map(),
	replication: Partial<DataFacts> = {},
): DataFacts => ({
	keyCount: () => [...keys.values()].reduce((sum, count) => sum + count, 0),
	slotKeyCount: (slot) => keys.get(slot) ?? 0,
	replicationOffset: () => 0,
	isPrimaryLinkUp: () => false,
	dataAgeMs: () => Infinity,
	...replication,
});
