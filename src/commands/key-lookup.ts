/** What commands of all families ask of a key by its place in the request. Nothing here allocates. */

import type {Keyspace} from '../data/keyspace.ts';
import type {Request} from '../resp/request.ts';

/**
 * The ref of the key, or 0, for a look that is no use: it counts as a hit or a miss, but leaves the access
 * time alone.
 */
export function peek(db: Keyspace, request: Request, index: number): number {
	const ref = find(db, request, index);
	if (ref === 0) db.keyspaceMisses++;
	else db.keyspaceHits++;
	return ref;
}

/** The ref of the key, or 0, for a command that writes: nothing is counted or touched. */
export function find(db: Keyspace, request: Request, index: number): number {
	return db.find(request.keySlot(index), request.region, request.offsets[index]!, request.lengths[index]!);
}

/** Removes the key and counts the change; false when it was not there. */
export function removeKey(db: Keyspace, request: Request, index: number): boolean {
	const slot = request.keySlot(index);
	if (!db.remove(slot, request.region, request.offsets[index]!, request.lengths[index]!)) return false;
	// Only who wants to hear of the change needs the key's bytes as an object.
	if (db.hooks.onModified === undefined) db.dirty++;
	else db.modifiedKey(request.bytes(index));
	return true;
}
