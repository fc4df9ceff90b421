/**
 * Who watches which keys (WATCH), and whose transaction must fail because one of them was changed. While nobody watches, the
 * keyspaces tell nothing and writes cost what they always do.
 *
 * A key that had expired already when it was watched counts as one that is not there: that it is removed is no change.
 */
import type {Client} from '../commands/client.ts';
import type {Watches} from '../commands/watches.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';
import {keySlot} from '../slots/key-slot.ts';

interface Watch {
	readonly client: Client;
	readonly database: number;
	readonly name: string;
	readonly key: Uint8Array;
	/** It had expired when the watching began, and is still there. */
	hasExpired: boolean;
}

/** Beside its name: the entry, its places in two maps. */
const WATCH_BYTES = 200;

export class WatchedKeys implements Watches {
	readonly #databases: readonly Keyspace[];
	/** By database, by the key's bytes as a string of one character each. */
	readonly #byKey: Map<string, Set<Watch>>[];
	readonly #byClient = new Map<Client, Watch[]>();
	readonly #onUsed: (isUsed: boolean) => void;

	/** @param onUsed hears when the first key is watched, and when none is any more */
	constructor(databases: readonly Keyspace[], onUsed: (isUsed: boolean) => void) {
		this.#databases = databases;
		this.#byKey = databases.map(() => new Map<string, Set<Watch>>());
		this.#onUsed = onUsed;
	}

	watch(client: Client, key: Uint8Array): void {
		const database = client.databaseIndex;
		const name = latin1(key, 0, key.length);
		let own = this.#byClient.get(client);
		if (own?.some((watch) => watch.name === name && watch.database === database) === true) return;
		if (own === undefined) {
			if (this.#byClient.size === 0) this.#onUsed(true);
			own = [];
			this.#byClient.set(client, own);
		}
		const hasExpired = this.#databases[database]!.hasExpired(key);
		const watch: Watch = {client, database, name, key: key.slice(), hasExpired};
		own.push(watch);
		const all = this.#byKey[database]!;
		const others = all.get(name);
		if (others === undefined) all.set(name, new Set([watch]));
		else others.add(watch);
		client.watchedBytes += key.length * 2 + WATCH_BYTES;
	}

	unwatch(client: Client): void {
		const own = this.#byClient.get(client);
		if (own === undefined) return;
		this.#byClient.delete(client);
		client.watchedBytes = 0;
		for (const watch of own) {
			const all = this.#byKey[watch.database]!;
			const watches = all.get(watch.name)!;
			watches.delete(watch);
			if (watches.size === 0) all.delete(watch.name);
		}
		if (this.#byClient.size === 0) this.#onUsed(false);
	}

	isTouched(client: Client): boolean {
		if (client.isTouched) return true;
		const own = this.#byClient.get(client);
		if (own === undefined) return false;
		return own.some(
			({database, key, hasExpired}) => !hasExpired && this.#databases[database]!.hasExpired(key),
		);
	}

	/** A key was changed, or (`isGone`) removed. May be called within a change: the keyspace is not asked. */
	changed(database: number, key: Uint8Array, isGone: boolean): void {
		const all = this.#byKey[database]!;
		if (all.size === 0) return;
		const watches = all.get(latin1(key, 0, key.length));
		if (watches === undefined) return;
		for (const watch of watches) {
			if (watch.hasExpired && isGone) watch.hasExpired = false;
			else this.#touch(watch.client);
		}
	}

	/** The keys of a database are going to be forgotten, of all slots or of one. */
	emptying(database: number, slot = -1): void {
		const db = this.#databases[database]!;
		this.#forEach(database, (watch) => {
			if ((slot >= 0 && keySlot(watch.key) !== slot) || !db.has(watch.key)) return;
			if (watch.hasExpired) watch.hasExpired = false;
			else this.#touch(watch.client);
		});
	}

	swapping(first: number, second: number): void {
		if (first === second) return;
		this.#replacing(first, this.#databases[second]!);
		this.#replacing(second, this.#databases[first]!);
	}

	/** What a database holds is going to be what `next` holds. */
	#replacing(database: number, next: Keyspace): void {
		const db = this.#databases[database]!;
		next.now = db.now;
		this.#forEach(database, (watch) => {
			const isThere = db.has(watch.key);
			const willBeThere = next.has(watch.key);
			if (!isThere && !willBeThere) return;
			const willHaveExpired = next.hasExpired(watch.key);
			if (watch.hasExpired && !willBeThere) watch.hasExpired = false;
			else if (watch.hasExpired && willHaveExpired) return;
			else if (!watch.hasExpired && !isThere && willHaveExpired) watch.hasExpired = true;
			else this.#touch(watch.client);
		});
	}

	#forEach(database: number, visit: (watch: Watch) => void): void {
		for (const watches of this.#byKey[database]!.values()) for (const watch of watches) visit(watch);
	}

	/** Its EXEC fails whatever else happens: nothing need be watched for it. */
	#touch(client: Client): void {
		client.isTouched = true;
		this.unwatch(client);
	}
}
