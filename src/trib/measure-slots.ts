/** Asks nodes how much their slots hold. Only reads, and only what a node answers in microseconds. */

import {RespError} from '../resp/reply-parser.ts';
import type {NodeConnection} from './client.ts';
import type {Connections} from './connections.ts';
import type {Endpoint} from './messages.ts';
import type {SlotLoad} from './moves.ts';

/** So many slots are asked for at a time. */
const BATCH = 256;
/** A slot's bytes are known exactly up to so many keys. */
const SAMPLE_KEYS = 5;

/**
 * Keys and bytes of slots. Bytes are MEMORY USAGE (Redis 4.0) of a few keys, times the number of keys; 0 where the node does not
 * tell. @throws {ConnectionError}
 */
export async function measureSlots(
	connections: Connections,
	node: Endpoint,
	slots: readonly number[],
	withBytes: boolean,
): Promise<Map<number, SlotLoad>> {
	const connection = await connections.to(node);
	const loads = new Map<number, SlotLoad>();
	for (let at = 0; at < slots.length; at += BATCH) {
		const batch = slots.slice(at, at + BATCH);
		const counts = await Promise.all(
			batch.map((slot) => connection.call('CLUSTER', 'COUNTKEYSINSLOT', String(slot))),
		);
		await Promise.all(
			batch.map(async (slot, i) => {
				const keyCount = typeof counts[i] === 'number' ? counts[i] : 0;
				const bytes = withBytes && keyCount > 0 ? await bytesOf(connection, slot, keyCount) : 0;
				loads.set(slot, {keyCount, bytes});
			}),
		);
	}
	return loads;
}

async function bytesOf(connection: NodeConnection, slot: number, keyCount: number): Promise<number> {
	const keys = await connection.callBinary(['CLUSTER', 'GETKEYSINSLOT', String(slot), String(SAMPLE_KEYS)]);
	if (keys instanceof RespError || !Array.isArray(keys)) return 0;
	const sizes = await Promise.all(
		keys.map((key) => connection.callBinary(['MEMORY', 'USAGE', key instanceof Uint8Array ? key : ''])),
	);
	const known = sizes.filter((size) => typeof size === 'number');
	if (known.length === 0) return 0;
	return Math.round((known.reduce((sum, size) => sum + size, 0) / known.length) * keyCount);
}
