/** Whether keys have the same values on two nodes, whichever of them serves their slot. */

import {RespError, type Reply} from '../resp/reply-parser.ts';
import type {NodeConnection} from './client.ts';

/** What DEBUG DIGEST-VALUE says of a key that is not there. */
const NOTHING = '0'.repeat(40);

/**
 * For each key true when the values are equal, false when they differ, null when one of the nodes has no such key. DEBUG
 * DIGEST-VALUE tells; where it is forbidden, as servers since 7.0 have it, DUMP, by which equal values in different encodings
 * differ. What cannot be compared differs.
 */
export async function sameValues(
	keys: readonly Uint8Array[],
	a: NodeConnection,
	b: NodeConnection,
): Promise<(boolean | null)[]> {
	const digests = await Promise.all([a, b].map((node) => node.call('DEBUG', 'DIGEST-VALUE', ...keys)));
	const [ofA, ofB] = digests;
	if (Array.isArray(ofA) && Array.isArray(ofB)) {
		return keys.map((_, i) => compare(digestOf(ofA[i]), digestOf(ofB[i])));
	}
	return Promise.all(
		keys.map(async (key) => {
			const [first, second] = await Promise.all([dump(key, a), dump(key, b)]);
			return compare(first, second);
		}),
	);
}

/** null: no such key. undefined: not known. */
type Value = string | null | undefined;

function compare(a: Value, b: Value): boolean | null {
	if (a === null || b === null) return null;
	return a !== undefined && a === b;
}

function digestOf(reply: Reply | undefined): Value {
	const text = typeof reply === 'string' ? reply : undefined;
	return text === NOTHING ? null : text;
}

/** ASKING opens a slot that the node is importing, and does nothing elsewhere. */
async function dump(key: Uint8Array, node: NodeConnection): Promise<Value> {
	const [, reply] = await Promise.all([node.call('ASKING'), node.call('DUMP', key)]);
	if (reply === null) return null;
	if (reply instanceof RespError || !(reply instanceof Uint8Array)) return undefined;
	return Buffer.from(reply).toString('latin1');
}
