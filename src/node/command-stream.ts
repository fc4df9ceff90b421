/**
 * What the write commands of a node leave behind: one byte stream of commands in the form of Redis's protocol, with
 * `SELECT` wherever the database changes. The append-only file and the replication feed take it, once a turn of the event
 * loop, and always before the replies of those commands leave.
 *
 *     executor  begin .. end     -->  | SELECT 0 | SET a 1 | PEXPIREAT b 17... |   -->  consumers, in the order added
 *     keyspace  expired, evicted -->  | DEL c |
 *
 * What one command, or all that one EXEC ran, left behind is one unit: of more than one command it is put between MULTI and
 * EXEC, so that who reads the stream does all of it or nothing.
 *
 * While no consumer wants commands nothing is encoded.
 */
import type {PropagatedWord, Propagation} from '../commands/propagation.ts';
import {assert} from '../lib/assert.ts';
import {toBytes} from '../lib/bytes.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';

export interface StreamConsumer {
	/** Whether it wants bytes now. Asked before each command that writes. */
	readonly wantsCommands: boolean;
	/** Whether it passes the stream on to replicas: it is also given what no file needs (published messages). */
	readonly isForReplicas?: boolean;
	/** `bytes[from, to)` are whole commands, valid until it returns. */
	take(bytes: Uint8Array, from: number, to: number): void;
}

/** Waiting for the end of the turn with more than this would only cost memory and cache. */
const FLUSH_AT_BYTES = 1024 * 1024;
const NO_DATABASE = -1;
const MULTI = toBytes('*1\r\n$5\r\nMULTI\r\n');
const EXEC = toBytes('*1\r\n$4\r\nEXEC\r\n');

export class CommandStream implements Propagation {
	/** A command is an array of bulk strings, as a reply can be. */
	readonly #writer = new ReplyWriter();
	readonly #consumers: StreamConsumer[] = [];
	/** Of the running command. */
	#database = 0;
	/** What a reader of the stream has selected. */
	#selected = NO_DATABASE;
	#decided = false;
	#forced = false;
	#forcedForReplicas = false;
	/** Commands of the unit under way, and where the first begins; the SELECT before it stands before the unit. */
	#unitCount = 0;
	#unitStart = 0;
	#isInUnit = false;
	#isInTransaction = false;
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

	get isOn(): boolean {
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

	/** A write command of this database runs. Only called while the stream is on. */
	begin(database: number): void {
		this.#database = database;
		this.#decided = false;
		this.#forced = false;
		this.#forcedForReplicas = false;
		this.#isInUnit = true;
		if (!this.#isInTransaction) this.#unitCount = 0;
	}

	/** It is done. */
	end(request: Request, hasChanged: boolean): void {
		if (this.#forcedForReplicas) this.#toReplicas(request);
		else if (!this.#decided && (hasChanged || this.#forced)) this.#verbatim(request);
		if (!this.#isInTransaction) this.#leaveUnit();
	}

	/** What the following commands leave behind is one unit. Only called while the stream is on. */
	beginUnit(): void {
		this.#isInUnit = true;
		this.#isInTransaction = true;
		this.#unitCount = 0;
	}

	/** They are done. Whether any of them left something. */
	endUnit(): boolean {
		const hasAny = this.#unitCount > 0;
		this.#isInTransaction = false;
		this.#leaveUnit();
		return hasAny;
	}

	#leaveUnit(): void {
		if (this.#unitCount > 1) this.#closeUnit();
		this.#isInUnit = false;
		if (this.#writer.length > FLUSH_AT_BYTES) this.flush();
	}

	#verbatim(request: Request): void {
		this.#select(this.#database);
		this.#beginCommand();
		this.#write(request);
		this.#added();
	}

	#write(request: Request): void {
		if (request.inline) {
			this.#writer.array(request.count);
			for (let i = 0; i < request.count; i++)
				this.#writer.bulkRegion(request.region, request.offsets[i]!, request.lengths[i]!);
		} else {
			this.#writer.rawRegion(request.region, request.start, request.end - request.start);
		}
	}

	/** Puts the commands since `#unitStart` between MULTI and EXEC. */
	#closeUnit(): void {
		const writer = this.#writer;
		const end = writer.length;
		writer.raw(MULTI);
		writer.raw(EXEC);
		const {bytes} = writer.region;
		bytes.copyWithin(this.#unitStart + MULTI.length, this.#unitStart, end);
		bytes.set(MULTI, this.#unitStart);
		bytes.set(EXEC, end + MULTI.length);
		this.#unitCount = 0;
		this.#added();
	}

	instead(...words: readonly PropagatedWord[]): void {
		if (!this.isOn) return;
		this.#decided = true;
		this.#append(this.#database, words);
	}

	nothing(): void {
		this.#decided = true;
	}

	force(): void {
		this.#forced = true;
	}

	forceForReplicas(): void {
		this.#forcedForReplicas = true;
	}

	/** What is in the middle of a transaction cannot be taken out of it: then files get it, too. */
	#toReplicas(request: Request): void {
		if (this.#isInTransaction) {
			this.#verbatim(request);
			return;
		}
		this.flush();
		// Without SELECT: what reaches replicas only must not change what all have selected.
		this.#write(request);
		this.#unitCount = 0;
		this.#flushTo((consumer) => consumer.isForReplicas === true);
	}

	/** A key went without a command: it expired. */
	removed(database: number, key: Uint8Array): void {
		if (this.isOn) this.#append(database, ['DEL', key]);
	}

	/** Gives the consumers what has gathered. */
	flush(): void {
		this.#flushTo(() => true);
	}

	#flushTo(isMeant: (consumer: StreamConsumer) => boolean): void {
		const writer = this.#writer;
		if (writer.length === 0) return;
		// Somebody begins to read in the middle of a unit: what is there of it is one, and the rest another.
		if (this.#isInUnit && this.#unitCount > 1) this.#closeUnit();
		this.#unitCount = 0;
		assert(!this.#flushing, 'a consumer of the stream adds nothing to it');
		this.#flushing = true;
		const {bytes} = writer.region;
		const to = writer.length;
		for (const consumer of this.#consumers)
			if (consumer.wantsCommands && isMeant(consumer)) consumer.take(bytes, 0, to);
		this.#flushedBytes += to;
		writer.clear();
		this.#flushing = false;
	}

	#append(database: number, words: readonly PropagatedWord[]): void {
		this.#select(database);
		this.#beginCommand();
		this.#words(words);
		this.#added();
	}

	#select(database: number): void {
		if (database === this.#selected) return;
		this.#selected = database;
		this.#words(['SELECT', database]);
	}

	/** A command of the unit comes next. */
	#beginCommand(): void {
		if (this.#unitCount++ === 0) this.#unitStart = this.#writer.length;
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

	#added(): void {
		if (this.#writer.length > FLUSH_AT_BYTES && !this.#isInUnit) {
			this.flush();
		} else if (!this.#scheduled) {
			// Also where no reply leaves that would bring the stream along.
			this.#scheduled = true;
			setImmediate(this.#flushLater);
		}
	}
}
