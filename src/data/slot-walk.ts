/**
 * A walk over the keys of some slots, slot by slot, in slices between which the keyspace is changed: what one node gives to
 * another while both serve. It needs no generation and touches no other slot.
 *
 * The taker's picture is right if it also gets, in order with what the walk takes, every command on the slots that have
 * begun. A command on a slot that has not is left out: its effect is in the records when they are taken.
 *
 *     slots   done | done | current ......|............ | ahead | ahead
 *                          taken           a key here that a command is about to change is taken first,
 *                                          and once more when the walk comes to it
 */
import {type KeyTable, slotPosition} from './key-table.ts';
import type {TakeRecord} from './record-walk.ts';
import type {Records} from './records.ts';
import {RefBatch} from './ref-batch.ts';

/** Records looked at between two questions for the deadline: some 10 microseconds of work. */
const BATCH = 32;

export class SlotWalk {
	readonly #table: KeyTable;
	readonly #records: Records;
	readonly #take: TakeRecord;
	readonly #slots: readonly number[];
	readonly #batch = new RefBatch();
	readonly #begun = new Set<number>();
	/** Of `#slots`, which one the walk is in. */
	#index = -1;
	#position = 0;
	#isOver = false;
	/** It took all there was to take; not so when it was ended before. */
	isComplete = false;
	/** Records taken so far. */
	taken = 0;

	/** @param slots ascending. @param take must not call the keyspace */
	constructor(table: KeyTable, records: Records, slots: readonly number[], take: TakeRecord) {
		this.#table = table;
		this.#records = records;
		this.#slots = slots;
		this.#take = take;
	}

	/** Whether the taker needs the commands on this slot. */
	hasBegun(slot: number): boolean {
		return this.#begun.has(slot);
	}

	/** The record of a key in this slot is about to be changed by a command. */
	preserve(slot: number, ref: number): void {
		if (!this.#isOver && this.#slots[this.#index] === slot) this.#give(ref);
	}

	/** Goes on until `isOver`, asked after every 32 records, or the end. True at the end, also when somebody ended it. */
	slice(isOver: () => boolean): boolean {
		while (!this.#isOver) {
			if (this.#index < 0 || this.#position >= slotPosition(this.#slots[this.#index]! + 1)) {
				if (!this.#beginNext()) break;
			}
			const end = slotPosition(this.#slots[this.#index]! + 1);
			this.#position = this.#table.collect(this.#batch, this.#position, end, BATCH, false);
			for (let i = 0; i < this.#batch.length; i++) this.#give(this.#batch.refs[i]!);
			if (isOver()) break;
		}
		return this.#isOver;
	}

	/** Takes nothing more. */
	end(): void {
		this.#isOver = true;
	}

	/** False: that was the last. */
	#beginNext(): boolean {
		if (++this.#index === this.#slots.length) {
			this.#isOver = true;
			this.isComplete = true;
			return false;
		}
		const slot = this.#slots[this.#index]!;
		this.#begun.add(slot);
		this.#position = slotPosition(slot);
		return true;
	}

	#give(ref: number): void {
		this.taken++;
		this.#take(this.#records, ref);
	}
}
