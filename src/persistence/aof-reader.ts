/**
 * Reads the commands of an append-only file that is fed in pieces of any length, and hands them on as the requests that
 * they are: in place, nothing of them is copied but what the end of a piece cut. (An RDB file may stand before the
 * commands; RdbReader says where it ends.)
 *
 *   piece   | *3.. SET a 1 | #TS:1700000000 | *1.. MULTI | *2.. INCR b | *1.. EXEC | *2.. IN
 *             handed on      a note of time   handed on when their EXEC is there      validBytes is where this begins
 *
 * A unit is a command, a note, or a transaction from MULTI to EXEC. Of one whose end is missing nothing is handed on: where
 * the bytes end, `validBytes` says to which length the file must be cut, so that it ends with a whole unit. What no
 * missing bytes could make right is an AofError instead.
 */

import {latin1} from '../lib/bytes.ts';
import {parseSafeInteger} from '../lib/integers.ts';
import {type Region, regionOf} from '../lib/region.ts';
import {Request} from '../resp/request.ts';
import {COMPLETE, INCOMPLETE, PROTOCOL_ERROR, RequestParser} from '../resp/request-parser.ts';
import {GrowingBytes} from './growing-bytes.ts';

/** The file is not what an append-only file should be. */
export class AofError extends Error {
	/** Where, in bytes from the file's begin. */
	readonly offset: number;

	constructor(what: string, offset: number) {
		super(`Bad file format reading the append only file at offset ${offset}: ${what}`);
		this.offset = offset;
	}
}

export interface AofVisitor {
	/** A command to be run; of a transaction, those between MULTI and EXEC one after the other. Valid until it returns. */
	onCommand(request: Request): void;
	/** `aof-timestamp-enabled`: what follows was written at this time, unix seconds, or later. */
	onTimestamp?(seconds: number): void;
}

const STAR = 0x2a;
const HASH = 0x23;
const CR = 0x0d;
const LF = 0x0a;
const TIMESTAMP = '#TS:';
/** A note is a short line. */
const MAX_NOTE_BYTES = 1024;
/** As long as offsets in a buffer can be: what was once accepted is not refused because a limit is lower today. */
const MAX_BULK_BYTES = 0x7fff_ffff;
const GATHERED_BYTES = 4 << 10;

export class AofReader {
	readonly #visitor: AofVisitor;
	readonly #parser = new RequestParser();
	readonly #request = new Request();
	/** A unit that the end of a piece cut, as far as it came. */
	readonly #gathered = new GrowingBytes(GATHERED_BYTES);
	/** In the bytes at hand: their place in the file less their index; the unit's begin; what comes next. */
	#fileOffset: number;
	#unitAt = 0;
	#at = 0;
	/** Where the first command behind MULTI begins, while EXEC is awaited; else -1. */
	#transactionAt = -1;

	/** @param fileOffset where in the file the commands begin */
	constructor(visitor: AofVisitor, fileOffset = 0) {
		this.#visitor = visitor;
		this.#fileOffset = fileOffset;
		this.#parser.limits.maxBulkBytes = MAX_BULK_BYTES;
	}

	/** So many bytes of the file make whole units, all of which were handed on. */
	get validBytes(): number {
		return this.#fileOffset + this.#unitAt;
	}

	/** Whether the bytes so far end within a unit. */
	get isCut(): boolean {
		return this.#gathered.length > 0;
	}

	/** Whether they end within a transaction. */
	get isInTransaction(): boolean {
		return this.#transactionAt >= 0;
	}

	/** Reads on in `bytes[from, to)`. @throws AofError after which the reader is of no more use */
	push(bytes: Uint8Array, from = 0, to = bytes.length): void {
		if (from === to) return;
		const gathered = this.#gathered;
		if (gathered.length === 0) {
			this.#fileOffset += this.#unitAt - from;
			this.#unitAt = from;
			this.#at = from;
			this.#read(regionOf(bytes), to);
			this.#gather(bytes, to);
			return;
		}
		gathered.append(bytes, from, to);
		this.#read(gathered.region, gathered.length);
		this.#dropWhole();
	}

	/** Hands on what is whole. */
	#read(region: Region, end: number): void {
		while (this.#at < end) {
			const first = region.bytes[this.#at];
			if (first === STAR) {
				if (!this.#readCommand(region, end)) return;
			} else if (first === HASH) {
				if (!this.#readNote(region.bytes, end)) return;
			} else {
				throw this.#error('a command should begin here', this.#at);
			}
		}
	}

	#readCommand(region: Region, end: number): boolean {
		const request = this.#request;
		const status = this.#parser.parse(request, region, this.#at, end);
		if (status === INCOMPLETE) return false;
		if (status === PROTOCOL_ERROR) throw this.#error(this.#parser.error, this.#at);
		if (status !== COMPLETE) throw this.#error('a command without words', this.#at);
		if (!isFramed(request)) throw this.#error('a line does not end with CR LF', this.#at);
		const begin = this.#at;
		this.#at = request.end;
		if (request.isWord(0, 'MULTI')) {
			if (this.#transactionAt >= 0) throw this.#error('MULTI within a transaction', begin);
			this.#transactionAt = this.#at;
		} else if (request.isWord(0, 'EXEC')) {
			if (this.#transactionAt < 0) throw this.#error('EXEC without MULTI', begin);
			this.#handOnTransaction(region, begin);
		} else if (this.#transactionAt < 0) {
			this.#visitor.onCommand(request);
			this.#unitAt = this.#at;
		}
		return true;
	}

	/** They were read before, to find their end: now one after the other is handed on. */
	#handOnTransaction(region: Region, end: number): void {
		const request = this.#request;
		for (let at = this.#transactionAt; at < end; at = request.end) {
			if (region.bytes[at] === HASH) {
				request.end = region.bytes.indexOf(LF, at) + 1;
				continue;
			}
			this.#parser.parse(request, region, at, end);
			this.#visitor.onCommand(request);
		}
		this.#transactionAt = -1;
		this.#unitAt = this.#at;
	}

	#readNote(bytes: Uint8Array, end: number): boolean {
		const limit = Math.min(end, this.#at + MAX_NOTE_BYTES);
		let lf = this.#at;
		while (lf < limit && bytes[lf] !== LF) lf++;
		if (lf === limit) {
			if (limit < end) throw this.#error('a note without end', this.#at);
			return false;
		}
		const text = latin1(bytes, this.#at, Math.min(this.#at + TIMESTAMP.length, lf));
		if (text === TIMESTAMP) {
			const digits = this.#at + TIMESTAMP.length;
			const seconds = parseSafeInteger(bytes, digits, lf - digits - (bytes[lf - 1] === CR ? 1 : 0));
			if (Number.isNaN(seconds)) throw this.#error('a timestamp that is no number', this.#at);
			this.#visitor.onTimestamp?.(seconds);
		}
		this.#at = lf + 1;
		if (this.#transactionAt < 0) this.#unitAt = this.#at;
		return true;
	}

	/** Begins to gather the unit that the piece's end cut. */
	#gather(piece: Uint8Array, to: number): void {
		if (this.#unitAt === to) return;
		this.#gathered.append(piece, this.#unitAt, to);
		this.#moveToFront();
	}

	/** The same where the unit stands in the buffer already, behind others that are whole now. */
	#dropWhole(): void {
		const gathered = this.#gathered;
		const left = gathered.length - this.#unitAt;
		if (left > 0) {
			if (this.#unitAt === 0) return;
			gathered.region.bytes.copyWithin(0, this.#unitAt, gathered.length);
			gathered.length = left;
			this.#moveToFront();
		} else {
			gathered.clear();
		}
	}

	/** The unit stands at the begin of the buffer now. */
	#moveToFront(): void {
		const moved = this.#unitAt;
		this.#fileOffset += moved;
		this.#unitAt = 0;
		this.#at -= moved;
		if (this.#transactionAt >= 0) this.#transactionAt -= moved;
		if (this.#request.partial) this.#request.rebase(-moved, this.#gathered.region);
	}

	#error(what: string, at: number): AofError {
		return new AofError(what, this.#fileOffset + at);
	}
}

/** Whether CR LF stands where the parser, which counts them only, passed over it. */
function isFramed(request: Request): boolean {
	const {bytes} = request.region;
	let at = request.start;
	while (bytes[at] !== CR) at++;
	if (bytes[at + 1] !== LF) return false;
	for (let i = 0; i < request.count; i++) {
		const begin = request.offsets[i]!;
		const end = begin + request.lengths[i]!;
		if (bytes[begin - 1] !== LF || bytes[end] !== CR || bytes[end + 1] !== LF) return false;
	}
	return true;
}
