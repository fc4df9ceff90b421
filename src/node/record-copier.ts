/** Copies records out of the keyspaces into chunks, with the database they belong to. */
import type {Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {type Records, STRING} from '../data/records.ts';
import {assert} from '../lib/assert.ts';
import {type AccessKind, FREQUENCY_ACCESS, IDLE_ACCESS, NO_ACCESS} from '../persistence/rdb-format.ts';
import {RecordChunk} from '../persistence/record-chunk.ts';

export class RecordCopier {
	readonly #chunk: RecordChunk;
	readonly #accessKind: AccessKind;
	readonly #limitBytes: number;
	readonly #give: (chunk: Uint8Array<ArrayBuffer>) => void;
	/** To which the last record in the chunk belongs. */
	#database: Keyspace | null = null;

	/**
	 * @param limitBytes a chunk is given away when it has reached this
	 * @param give gets each chunk, to keep
	 */
	constructor(settings: Settings, limitBytes: number, give: (chunk: Uint8Array<ArrayBuffer>) => void) {
		this.#chunk = new RecordChunk(limitBytes + MARGIN_BYTES);
		this.#accessKind = accessKindOf(settings);
		this.#limitBytes = limitBytes;
		this.#give = give;
	}

	/** The record is the database's, or was before the database was flushed. @param index the database's number */
	copy(db: Keyspace, index: number, records: Records, ref: number): void {
		assert(records.type(ref) === STRING, 'values other than strings have no form in a snapshot yet');
		const chunk = this.#chunk;
		if (this.#database !== db) {
			this.#database = db;
			chunk.addDatabase(index, db.storedCount, db.storedVolatileCount);
		}
		chunk.addString(
			records.keyRegion(ref),
			records.keyAt(ref),
			records.keyLength(ref),
			records.valueRegion(ref),
			records.valueAt(ref),
			records.valueLength(ref),
			records.expireAt(ref),
			this.#accessKind,
			this.#access(db, records.accessBits(ref)),
		);
		if (chunk.length >= this.#limitBytes) this.#give(chunk.take());
	}

	/** Gives away what is left. */
	finish(): void {
		if (this.#chunk.length > 0) this.#give(this.#chunk.take());
	}

	#access(db: Keyspace, bits: number): number {
		if (this.#accessKind === NO_ACCESS) return 0;
		return this.#accessKind === IDLE_ACCESS ? db.access.idleSeconds(bits) : db.access.frequency(bits);
	}
}

/** The record that fills a chunk may stand out a little. */
const MARGIN_BYTES = 8 * 1024;

const accessKindOf = ({maxMemoryPolicy}: Settings): AccessKind => {
	if (maxMemoryPolicy.endsWith('-lru')) return IDLE_ACCESS;
	return maxMemoryPolicy.endsWith('-lfu') ? FREQUENCY_ACCESS : NO_ACCESS;
};
