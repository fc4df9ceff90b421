/** From the bytes of an RDB file into the databases: of a file at the start, of a primary that sends one. */
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';
import {keySlot} from '../slots/key-slot.ts';
import {RdbReader, type RdbRecord, type RdbVisitor} from '../persistence/rdb-reader.ts';
import type {SnapshotLoader} from './snapshot-port.ts';

export interface RdbLoaderOptions {
	readonly databases: readonly Keyspace[];
	/** `rdbchecksum`. */
	readonly checksum: boolean;
	/** Keys that had expired by then are left out: unix ms; null where another decides about them. */
	readonly expiredBefore: number | null;
	/** Is told of each key that was left out. */
	readonly onExpired?: (database: number, key: Uint8Array) => void;
	/** What becomes of a key that is there already. Default `refuse`: no file has a key twice. */
	readonly duplicates?: 'refuse' | 'replace';
}

/** The file is right, but not for this node. */
export class RdbContentError extends Error {
	override readonly name = 'RdbContentError';
}

export class RdbLoader implements SnapshotLoader {
	readonly #options: RdbLoaderOptions;
	readonly #reader: RdbReader;
	#db: Keyspace;
	#index = 0;
	/** Keys put into the databases, and keys left out. */
	loadedCount = 0;
	expiredCount = 0;
	readonly aux = new Map<string, string>();

	constructor(options: RdbLoaderOptions) {
		this.#options = options;
		this.#db = options.databases[0]!;
		const visitor: RdbVisitor = {
			onAux: (name, value) => {
				this.aux.set(name, value);
			},
			onDb: (index) => {
				this.#select(index);
			},
			onString: (record) => {
				this.#add(record);
			},
		};
		this.#reader = new RdbReader(visitor, {checksum: options.checksum});
	}

	get isComplete(): boolean {
		return this.#reader.isComplete;
	}

	/** @returns where the file ended in these bytes, if it did, else `to` */
	push(bytes: Uint8Array, from = 0, to = bytes.length): number {
		return this.#reader.push(bytes, from, to);
	}

	/** To be called where the bytes end. @throws when the file does not */
	finish(): void {
		this.#reader.finish();
	}

	#select(index: number): void {
		const {databases} = this.#options;
		const db = databases[index];
		if (db === undefined) {
			throw new RdbContentError(
				`the file has keys in database ${index}, and this node has ${databases.length === 1 ? 'database 0 only' : `databases 0 to ${databases.length - 1}`}`,
			);
		}
		this.#db = db;
		this.#index = index;
	}

	#add({key, value, expireAt, idleSeconds, frequency}: RdbRecord): void {
		const {expiredBefore, duplicates} = this.#options;
		if (expiredBefore !== null && expireAt >= 0 && expireAt < expiredBefore) {
			this.expiredCount++;
			this.#options.onExpired?.(this.#index, key.bytes().slice());
			return;
		}
		const db = this.#db;
		// Clients are answered between two pieces: their commands set it for themselves.
		db.expiredKeys = 'ignore';
		const before = db.size;
		const slot = keySlot(key.region.bytes, key.at, key.length);
		const ref = db.setString(
			slot,
			key.region,
			key.at,
			key.length,
			value.region,
			value.at,
			value.length,
			false,
			expireAt,
		);
		if (db.size === before && duplicates !== 'replace') {
			throw new RdbContentError(
				`RDB has duplicated key '${latin1(key.bytes().subarray(0, SHOWN_KEY_BYTES))}' in DB ${this.#index}`,
			);
		}
		if (idleSeconds >= 0 && db.access.policy === 'lru') db.setIdleSeconds(ref, idleSeconds);
		else if (frequency >= 0 && db.access.policy === 'lfu') db.setFrequency(ref, frequency);
		this.loadedCount++;
	}
}

const SHOWN_KEY_BYTES = 64;
