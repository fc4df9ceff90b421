/**
 * Runs the commands of an append-only file on the databases, fed in pieces of any length. Whole commands only, and whole
 * transactions: what the file's end cut is left out, and `validBytes` says where it begins.
 *
 *     piece   | SET a 1 | #TS:1700000000 | MULTI | INCR b | IN
 *               run       a note of time   waits for its EXEC
 */
import {Client, NO_CONNECTION} from '../commands/client.ts';
import type {Context} from '../commands/context.ts';
import {CommandError} from '../commands/errors.ts';
import {NO_PERSISTENCE} from '../commands/persistence-service.ts';
import {NO_PROPAGATION} from '../commands/propagation.ts';
import type {Services} from '../commands/services.ts';
import {latin1} from '../lib/bytes.ts';
import {allocateRegion, type Region, regionOf} from '../lib/region.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import {Request} from '../resp/request.ts';
import {COMPLETE, INCOMPLETE, RequestParser} from '../resp/request-parser.ts';

/** The file is not what an append-only file should be. */
export class AofFormatError extends Error {
	override readonly name = 'AofFormatError';
	/** In bytes from where the commands begin. */
	readonly offset: number;

	constructor(what: string, offset: number) {
		super(what);
		this.offset = offset;
	}
}

const STAR = 0x2a;
const HASH = 0x23;
const LF = 0x0a;
const MAX_BULK_BYTES = 2 ** 31 - 1;
const SHOWN_NAME_BYTES = 64;

export class AofPlayer {
	readonly #services: Services;
	readonly #context: {-readonly [K in keyof Context]: Context[K]};
	readonly #parser = new RequestParser();
	readonly #request = new Request();
	/** Bytes that wait for the rest of their command: `[0, #restLength)`. */
	#rest: Region = allocateRegion(0);
	#restLength = 0;
	/** Commands between MULTI and EXEC, each copied. */
	#queue: Uint8Array[] | null = null;
	/** Bytes of whole commands and notes; where MULTI began, while its EXEC is awaited. */
	#doneBytes = 0;
	#multiAt = 0;
	/** Commands that were refused, and the last refusal. */
	refusedCount = 0;
	lastRefusal = '';

	constructor(services: Services) {
		this.#services = {...services, propagation: NO_PROPAGATION, persistence: NO_PERSISTENCE};
		this.#parser.limits.maxBulkBytes = MAX_BULK_BYTES;
		this.#context = {
			reply: new ReplyWriter(),
			request: this.#request,
			client: new Client(0, NO_CONNECTION, '', '', services.clock.nowMs),
			services: this.#services,
			db: services.databases[0]!,
		};
	}

	/** So many bytes make whole commands and transactions. */
	get validBytes(): number {
		return this.#queue === null ? this.#doneBytes : this.#multiAt;
	}

	/** Whether the bytes so far end within a command or a transaction. */
	get isCut(): boolean {
		return this.#restLength > 0 || this.#queue !== null;
	}

	get isInTransaction(): boolean {
		return this.#queue !== null;
	}

	/** @throws AofFormatError */
	push(bytes: Uint8Array, from = 0, to = bytes.length): void {
		if (this.#restLength === 0) {
			const region = regionOf(bytes);
			const at = this.#play(region, from, to);
			if (at < to) this.#keep(region, at, to);
			return;
		}
		this.#append(bytes, from, to);
		const region = this.#rest;
		const end = this.#restLength;
		const at = this.#play(region, 0, end);
		if (at === 0) return;
		this.#restLength = 0;
		if (at < end) this.#keep(region, at, end);
	}

	/** Runs the whole commands from `at` on; where they end. */
	#play(region: Region, at: number, end: number): number {
		const {bytes} = region;
		const request = this.#request;
		while (at < end) {
			if (bytes[at] === HASH) {
				const lineEnd = bytes.subarray(at, end).indexOf(LF);
				if (lineEnd < 0) return at;
				this.#doneBytes += lineEnd + 1;
				at += lineEnd + 1;
				continue;
			}
			if (bytes[at] !== STAR) throw this.#malformed('a command should begin here');
			const status = this.#parser.parse(request, region, at, end);
			if (status === INCOMPLETE) return at;
			if (status !== COMPLETE) throw this.#malformed(this.#parser.error === '' ? 'a command without words' : this.#parser.error);
			this.#command(request);
			this.#doneBytes += request.end - at;
			at = request.end;
		}
		return at;
	}

	#command(request: Request): void {
		if (request.isWord(0, 'MULTI')) {
			if (this.#queue !== null) throw this.#malformed('MULTI within a transaction');
			this.#queue = [];
			this.#multiAt = this.#doneBytes;
		} else if (request.isWord(0, 'EXEC')) {
			this.#exec();
		} else if (this.#queue !== null) {
			this.#queue.push(request.region.bytes.slice(request.start, request.end));
		} else {
			this.#run(request);
		}
	}

	#exec(): void {
		const queue = this.#queue;
		if (queue === null) throw this.#malformed('EXEC without MULTI');
		this.#queue = null;
		const request = new Request();
		for (const bytes of queue) {
			this.#parser.parse(request, regionOf(bytes), 0, bytes.length);
			this.#run(request);
		}
	}

	#run(request: Request): void {
		const context = this.#context;
		const {table, databases, clock} = this.#services;
		const command = table.find(request);
		if (command === null || command.isContainer) {
			throw this.#malformed(`unknown command '${latin1(request.bytes(0).subarray(0, SHOWN_NAME_BYTES))}'`);
		}
		if (!command.acceptsCount(request.count)) throw this.#malformed(`wrong number of arguments for '${command.name}'`);
		const db = databases[context.client.databaseIndex]!;
		db.now = clock.nowMs;
		// Clients are answered between two pieces: their commands set it for themselves.
		db.expiredKeys = 'ignore';
		request.slot = -1;
		context.request = request;
		context.db = db;
		try {
			command.execute(context);
		} catch (error) {
			if (!(error instanceof CommandError)) throw error;
			// What follows would go to another database.
			if (command.name === 'select') throw this.#malformed(error.message);
			this.refusedCount++;
			this.lastRefusal = `${command.name}: ${error.message}`;
		}
		context.reply.clear();
	}

	#keep(region: Region, from: number, to: number): void {
		const length = to - from;
		if (length > this.#rest.bytes.length || region === this.#rest) {
			const room = allocateRegion(length + (length >>> 1));
			room.bytes.set(region.bytes.subarray(from, to));
			this.#rest = room;
		} else {
			this.#rest.bytes.set(region.bytes.subarray(from, to));
		}
		this.#restLength = length;
		if (this.#request.partial) this.#request.rebase(-from, this.#rest);
	}

	#append(bytes: Uint8Array, from: number, to: number): void {
		const end = this.#restLength + to - from;
		if (end > this.#rest.bytes.length) {
			const grown = allocateRegion(end + (end >>> 1));
			grown.bytes.set(this.#rest.bytes.subarray(0, this.#restLength));
			this.#rest = grown;
		}
		this.#rest.bytes.set(bytes.subarray(from, to), this.#restLength);
		this.#restLength = end;
	}

	#malformed(what: string): AofFormatError {
		return new AofFormatError(what, this.#doneBytes);
	}
}
