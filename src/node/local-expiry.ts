/**
 * Keys with an expiry that clients wrote to a replica which may be written to. Its primary knows nothing of them and will
 * never say that they are gone: the replica removes them itself. All other keys of a replica are its primary's to remove.
 */
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';

export class LocalExpiry {
	readonly #databases: readonly Keyspace[];
	/** For each database, keys by their bytes as text; those looked at last stand last. */
	readonly #keys: readonly Map<string, Uint8Array>[];

	constructor(databases: readonly Keyspace[]) {
		this.#databases = databases;
		this.#keys = databases.map(() => new Map());
	}

	/** A client's command may have changed the key. */
	changed(database: number, key: Uint8Array): void {
		const db = this.#databases[database]!;
		const ref = db.findKey(key);
		if (ref !== 0 && db.expireAt(ref) >= 0) this.#keys[database]!.set(latin1(key), key.slice());
	}

	/** From the cron, on a replica. @param nowMs unix time */
	run(nowMs: number, isOver: () => boolean): void {
		for (const [database, keys] of this.#keys.entries()) {
			if (keys.size === 0) continue;
			const db = this.#databases[database]!;
			db.now = nowMs;
			db.expiredKeys = 'remove';
			let left = keys.size;
			for (const [text, key] of keys) {
				if (left-- === 0 || isOver()) break;
				keys.delete(text);
				const ref = db.findKey(key);
				if (ref !== 0 && db.expireAt(ref) >= 0) keys.set(text, key);
			}
			db.expiredKeys = 'hide';
		}
	}

	/** The databases are emptied, or the keys expire by the node's own word again. */
	forget(): void {
		for (const keys of this.#keys) keys.clear();
	}
}
