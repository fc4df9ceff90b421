/**
 * What the write commands of a node leave behind: one byte stream of commands in the form of Redis's protocol, with
 * `SELECT` wherever the database changes. The append-only file and the replication feed take it, once a turn of the event
 * loop, and always before the replies of those commands leave.
 *
 *     executor  begin .. end     -->  | SELECT 0 | SET a 1 | PEXPIREAT b 17... |   -->  consumers, in the order added
 *     keyspace  expired, evicted -->  | DEL c |
 *
 * While no consumer wants commands nothing is encoded.
 */
import type {PropagatedWord, Propagation} from '../commands/propagation.ts';
import {assert} from '../lib/assert.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {keySlot} from '../slots/key-slot.ts';

export interface StreamConsumer {
	/** Whether it wants bytes now. Asked before each command that writes. */
	readonly wantsCommands: boolean;
	/** `bytes[from, to)` are whole commands, valid until it returns. */
	take(bytes: Uint8Array, from: number, to: number): void;
}

/** Takes the commands of some slots only, each as soon as it ran; a cluster has one database, so no SELECT is among them. */
export interface SlotConsumer {
	wants(slot: number): boolean;
	/** As of `StreamConsumer`. */
	take(bytes: Uint8Array, from: number, to: number): void;
}

/** Waiting for the end of the turn with more than this would only cost memory and cache. */
const FLUSH_AT_BYTES = 1024 * 1024;
const NO_DATABASE = -1;
const NO_SLOT = -1;

export class CommandStream implements Propagation {
	/** A command is an array of bulk strings, as a reply can be. */
	readonly #writer = new ReplyWriter();
	readonly #consumers: StreamConsumer[] = [];
	readonly #slotConsumers = new Set<SlotConsumer>();
	/** Of the running command. */
	#database = 0;
	#slot = NO_SLOT;
	/** What a reader of the stream has selected. */
	#selected = NO_DATABASE;
	#decided = false;
	#forced = false;
	#scheduled = false;
	#flushing = false;
	#flushedBytes = 0;
	readonly #flushLater = (): void => {
		this.#scheduled = false;
		this.flush();
	};

	addConsumer(consumer: StreamConsumer): void {
		this.#consumers.push(consumer);
	}

	addSlotConsumer(consumer: SlotConsumer): void {
		this.#slotConsumers.add(consumer);
	}

	removeSlotConsumer(consumer: SlotConsumer): void {
		this.#slotConsumers.delete(consumer);
	}

	get isOn(): boolean {
		if (this.#slotConsumers.size > 0) return true;
		for (const consumer of this.#consumers) if (consumer.wantsCommands) return true;
		return false;
	}

	/** Bytes that ever went into the stream, those that are pending included. */
	get position(): number {
		return this.#flushedBytes + this.#writer.length;
	}

	/** Of these, those that the consumers have not been given. */
	get pendingBytes(): number {
		return this.#writer.length;
	}

	/** Whether there is something that the consumers have not been given. */
	get isPending(): boolean {
		return this.#writer.length > 0;
	}

	/** The next command is preceded by SELECT: somebody reads the stream from here on. What is pending goes out before. */
	selectAgain(): void {
		this.flush();
		this.#selected = NO_DATABASE;
	}

	/** A write command of this database runs. Only called while the stream is on. @param slot of its keys; -1 without any */
	begin(database: number, slot = NO_SLOT): void {
		this.#database = database;
		this.#slot = slot;
		this.#decided = false;
		this.#forced = false;
	}

	/** It is done. */
	end(request: Request, hasChanged: boolean): void {
		if (this.#decided || !(hasChanged || this.#forced)) return;
		this.#select(this.#database);
		const from = this.#writer.length;
		if (request.inline) {
			this.#writer.array(request.count);
			for (let i = 0; i < request.count; i++)
				this.#writer.bulkRegion(request.region, request.offsets[i]!, request.lengths[i]!);
		} else {
			this.#writer.rawRegion(request.region, request.start, request.end - request.start);
		}
		this.#added(from, this.#slot);
	}

	instead(...words: readonly PropagatedWord[]): void {
		if (!this.isOn) return;
		this.#decided = true;
		this.#append(this.#database, this.#slot, words);
	}

	nothing(): void {
		this.#decided = true;
	}

	force(): void {
		this.#forced = true;
	}

	/** A key went without a command: it expired. */
	removed(database: number, key: Uint8Array): void {
		if (this.isOn) this.#append(database, keySlot(key), ['DEL', key]);
	}

	/** A change without a command, or a word to those who read the stream. No slot consumer hears of it. */
	add(database: number, ...words: readonly PropagatedWord[]): void {
		if (this.isOn) this.#append(database, NO_SLOT, words);
	}

	/** Keys went without a command of their own: they are another server's now. In a cluster they are of one slot. */
	removedTogether(database: number, keys: readonly Uint8Array[]): void {
		const [first] = keys;
		if (this.isOn && first !== undefined) this.#append(database, keySlot(first), ['DEL', ...keys]);
	}

	/** Gives the consumers what has gathered. */
	flush(): void {
		const writer = this.#writer;
		if (writer.length === 0) return;
		assert(!this.#flushing, 'a consumer of the stream adds nothing to it');
		this.#flushing = true;
		const {bytes} = writer.region;
		const to = writer.length;
		for (const consumer of this.#consumers) if (consumer.wantsCommands) consumer.take(bytes, 0, to);
		this.#flushedBytes += to;
		writer.clear();
		this.#flushing = false;
	}

	#append(database: number, slot: number, words: readonly PropagatedWord[]): void {
		this.#select(database);
		const from = this.#writer.length;
		this.#words(words);
		this.#added(from, slot);
	}

	#select(database: number): void {
		if (database === this.#selected) return;
		this.#selected = database;
		this.#words(['SELECT', database]);
	}

	#words(words: readonly PropagatedWord[]): void {
		const writer = this.#writer;
		writer.array(words.length);
		for (const word of words) {
			if (typeof word === 'number') writer.integerBulk(word);
			else if (typeof word === 'object') writer.bulk(word);
			else writer.bulkText(String(word));
		}
	}

	/** One command more, which begins at `from`. */
	#added(from: number, slot: number): void {
		if (this.#slotConsumers.size > 0 && slot !== NO_SLOT) {
			const {bytes} = this.#writer.region;
			for (const consumer of this.#slotConsumers)
				if (consumer.wants(slot)) consumer.take(bytes, from, this.#writer.length);
		}
		if (this.#writer.length > FLUSH_AT_BYTES) {
			this.flush();
		} else if (!this.#scheduled) {
			// Also where no reply leaves that would bring the stream along.
			this.#scheduled = true;
			setImmediate(this.#flushLater);
		}
	}
}
