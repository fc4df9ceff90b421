/**
 * A walk over all records of a keyspace as they were when it began, in slices between which the keyspace is changed.
 *
 * Every record has a generation, one bit. The walk begins by turning the keyspace's generation over: from then on new and
 * overwritten records are born with the new one, and those that have the old one are what was there at the beginning.
 *
 *     slice     takes the records of the old generation from a position of the table on, and gives them the new one
 *     preserve  does the same for a record that is about to be changed or removed
 *
 * So no record is taken twice or forgotten, and nothing needs to be remembered of them. At the end all have the same
 * generation: that is what the next walk begins with, so a walk that nobody wants any more must go on to its end too.
 */
import {END_POSITION, type KeyTable} from './key-table.ts';
import {GENERATION, type Records} from './records.ts';
import {RefBatch} from './ref-batch.ts';

/** Gets a record as it was when the walk began; reads it before it returns. */
export type TakeRecord = (records: Records, ref: number) => void;

/** Records looked at between two questions for the deadline: some 10 microseconds of work. */
const BATCH = 32;

export class RecordWalk {
	readonly #table: KeyTable;
	readonly #records: Records;
	readonly #onEnd: () => void;
	#take: TakeRecord | null;
	#position = 0;
	#isDone = false;
	#isDetached = false;
	readonly #batch = new RefBatch();
	/** How many records there were at the beginning. */
	readonly total: number;
	/** How many were taken. */
	taken = 0;

	/** @param onEnd called when no record is left, unless the walk was detached */
	constructor(table: KeyTable, records: Records, take: TakeRecord, onEnd: () => void) {
		this.#table = table;
		this.#records = records;
		this.#take = take;
		this.#onEnd = onEnd;
		this.total = table.size;
		records.generation ^= GENERATION;
	}

	get isDone(): boolean {
		return this.#isDone;
	}

	/** The record is about to be changed. */
	preserve(ref: number): void {
		const records = this.#records;
		const header = records.header(ref);
		if ((header & GENERATION) === records.generation) return;
		records.setFlag(ref, GENERATION, records.generation !== 0);
		this.taken++;
		this.#take?.(records, ref);
	}

	/** Goes on until `isOver`, asked after every 32 records, or the end. True at the end. */
	slice(isOver: () => boolean): boolean {
		const batch = this.#batch;
		while (!this.#isDone) {
			this.#position = this.#table.collect(batch, this.#position, END_POSITION, BATCH, false);
			for (let i = 0; i < batch.length; i++) this.preserve(batch.refs[i]!);
			if (this.#position === END_POSITION) {
				this.#isDone = true;
				if (!this.#isDetached) this.#onEnd();
			} else if (isOver()) {
				break;
			}
		}
		return this.#isDone;
	}

	/** Nobody wants the records any more; the walk must still go on to its end, unless the keyspace has dropped them. */
	cancel(): void {
		this.#take = null;
		if (this.#isDetached) this.#isDone = true;
	}

	/** The keyspace was flushed: nobody changes these records any more, nor will another walk meet them. */
	detach(): void {
		this.#isDetached = true;
		if (this.#take === null) this.#isDone = true;
	}
}
