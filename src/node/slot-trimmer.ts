/**
 * Deletes the keys of slots that are another node's: in slices between which clients are served. Meanwhile the slots are
 * hidden, here and on the replicas, and in the files should the node end; a node that starts or is promoted goes on with it.
 */
import type {Keyspace} from '../data/keyspace.ts';
import {hiddenSlotsMark} from '../persistence/hidden-slots.ts';
import {slotRanges} from '../slots/slot-ranges.ts';
import type {CommandStream} from './command-stream.ts';

const SLICE_MS = 1;
/** Between two looks at the clock. */
const BATCH_KEYS = 32;
/** So few are deleted sooner than they are hidden. */
const AT_ONCE_KEYS = 500;

export interface SlotTrimmerOptions {
	readonly db: Keyspace;
	readonly stream: CommandStream;
	readonly monotonicMs: () => number;
}

export class SlotTrimmer {
	readonly #options: SlotTrimmerOptions;
	readonly #slots = new Set<number>();
	#isScheduled = false;

	constructor(options: SlotTrimmerOptions) {
		this.#options = options;
	}

	get slotCount(): number {
		return this.#slots.size;
	}

	get keyCount(): number {
		let count = 0;
		for (const slot of this.#slots) count += this.#options.db.storedSlotCount(slot);
		return count;
	}

	/** Their keys go, in this turn or soon. */
	trim(slots: Iterable<number>): void {
		const {db} = this.#options;
		const wanted = [...slots].filter((slot) => !this.#slots.has(slot)).toSorted((a, b) => a - b);
		const count = wanted.reduce((sum, slot) => sum + db.storedSlotCount(slot), 0);
		for (const slot of wanted) this.#slots.add(slot);
		if (count <= AT_ONCE_KEYS) {
			this.finish(wanted);
			return;
		}
		hideSlots(this.#options, wanted);
		this.#schedule();
	}

	/** No key of these slots is left when it returns. */
	finish(slots: Iterable<number>): void {
		const done: number[] = [];
		for (const slot of slots) {
			if (!this.#slots.delete(slot)) continue;
			this.#deleteFrom(slot, Infinity);
			done.push(slot);
		}
		this.#show(done);
	}

	/** What is not done yet is for somebody else to do: the data are another primary's. */
	stop(): void {
		this.#slots.clear();
	}

	/** The slots under way for which this holds have no key left when it returns. */
	finishWhere(condition: (slot: number) => boolean): void {
		if (this.#slots.size > 0) this.finish([...this.#slots].filter(condition));
	}

	#schedule(): void {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		setImmediate(() => {
			this.#isScheduled = false;
			this.#slice();
		});
	}

	#slice(): void {
		const {monotonicMs} = this.#options;
		const endMs = monotonicMs() + SLICE_MS;
		const done: number[] = [];
		for (const slot of this.#slots) {
			let isDone = false;
			while (!isDone && monotonicMs() < endMs) isDone = this.#deleteFrom(slot, BATCH_KEYS);
			if (!isDone) break;
			this.#slots.delete(slot);
			done.push(slot);
		}
		this.#show(done);
		if (this.#slots.size > 0) this.#schedule();
	}

	/** True when the slot has no key left. */
	#deleteFrom(slot: number, limit: number): boolean {
		const {db, stream} = this.#options;
		if (!stream.isOn) {
			db.flushSlot(slot, limit);
			return db.storedSlotCount(slot) === 0;
		}
		// Expired or not: each is deleted once.
		db.expiredKeys = 'ignore';
		for (const key of db.storedSlotKeys(slot, limit)) {
			stream.removed(0, key);
			db.removeKey(key);
		}
		return db.storedSlotCount(slot) === 0;
	}

	#show(slots: readonly number[]): void {
		const hidden = slots.filter((slot) => this.#options.db.hiddenSlots.has(slot));
		if (hidden.length > 0) showSlots(this.#options, hidden);
	}
}

/** Here and wherever the stream goes. @param slots ascending */
export function hideSlots(
	{db, stream}: Pick<SlotTrimmerOptions, 'db' | 'stream'>,
	slots: readonly number[],
): void {
	db.hideSlots(slots);
	stream.add(0, 'PING', hiddenSlotsMark('hide', slotRanges(slots)));
}

/** The other way. @param slots ascending */
export function showSlots(
	{db, stream}: Pick<SlotTrimmerOptions, 'db' | 'stream'>,
	slots: readonly number[],
): void {
	db.showSlots(slots);
	stream.add(0, 'PING', hiddenSlotsMark('show', slotRanges(slots)));
}
