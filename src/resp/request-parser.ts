/**
 * Finds commands in what a client sent: RESP arrays of bulk strings, and inline commands (a line of words).
 * It works in place over the chunk, allocates nothing, and makes no strings. Where a command is cut by the end of
 * the bytes its state stays in the Request, so that every byte is looked at once however the input is split.
 *
 * What is accepted and what is refused, and with which words, is as in Redis 7.0 networking.c. Like there, the bytes
 * where CR LF is expected are counted, not compared, and a NUL ends the search for a line's end.
 */

import {parseInt64} from '../lib/integers.ts';
import type {Region} from '../lib/region.ts';
import type {Request} from './request.ts';

/** A command is in the request; the next one starts at `request.end`. */
export const COMPLETE = 0;
/** The bytes end within a command; the request remembers how far it got and `request.needed` how much is missing. */
export const INCOMPLETE = 1;
/** Something that is no command (`*0`, an empty line); go on at `request.end`. */
export const EMPTY = 2;
/** Not the protocol: answer `-ERR Protocol error: ` and `parser.error`, and close. */
export const PROTOCOL_ERROR = 3;
export type ParseStatus = typeof COMPLETE | typeof INCOMPLETE | typeof EMPTY | typeof PROTOCOL_ERROR;

export interface RequestLimits {
	/** `proto-max-bulk-len`: bytes of one argument. */
	maxBulkBytes: number;
	/** Arguments of one command. */
	maxMultibulkCount: number;
	/** Bytes of an inline command, or of a line that announces a length. */
	maxInlineBytes: number;
	/** Whether the client may send more than 10 arguments of 16,384 bytes: those who have yet to authenticate may not. */
	authenticated: boolean;
}

const UNAUTHENTICATED_COUNT = 10;
const UNAUTHENTICATED_BULK_BYTES = 16_384;

const CR = 0x0d;
const LF = 0x0a;
const NUL = 0;
const STAR = 0x2a;
const DOLLAR = 0x24;

/** Of `#length`: the line's end is not there yet. */
const CUT = -1;
/** Of `#length`: not a number. */
const INVALID = -2;
/** Of `#length`: no end within the bytes that a line may have. */
const ENDLESS = -3;
/** Of `#length`: a negative number. */
const NEGATIVE = -4;

/** One for all connections of a node; what belongs to a connection is in its Request. */
export class RequestParser {
	readonly limits: RequestLimits = {
		maxBulkBytes: 512 * 1024 * 1024,
		maxMultibulkCount: 0x7fffffff,
		maxInlineBytes: 64 * 1024,
		authenticated: true,
	};
	/** After PROTOCOL_ERROR: what follows `Protocol error: `, one character a byte. */
	error = '';

	/** Of `#length`: where the line after the number ends. */
	#lineEnd = 0;

	/**
	 * Parses one command of `region.bytes[at..end)`. With a request that is partial it goes on where it stopped;
	 * the bytes seen before must then stand in `region` too, where `request.rebase` said they are.
	 * Quoted words of an inline command are decoded in place, in `region`.
	 */
	parse(request: Request, region: Region, at: number, end: number): ParseStatus {
		const bytes = region.bytes;
		let cursor: number;
		if (request.partial) {
			if (request.inline) return this.#inline(request, region, end);
			request.region = region;
			if (request.expected === 0) return this.#multibulk(request, region, end);
			cursor = request.cursor;
			if (request.pendingLength >= 0) {
				const next = cursor + request.pendingLength + 2;
				if (next > end) {
					request.needed = next - end;
					return INCOMPLETE;
				}
				this.#add(request, cursor, request.pendingLength);
				request.pendingLength = -1;
				cursor = next;
			}
		} else {
			if (at >= end) {
				request.needed = 1;
				return INCOMPLETE;
			}
			request.reset();
			request.region = region;
			request.start = at;
			if (bytes[at] !== STAR) {
				request.inline = true;
				request.partial = true;
				request.cursor = at;
				return this.#inline(request, region, end);
			}
			// Most commands announce one digit.
			const digit = at + 4 <= end ? bytes[at + 1]! - 0x30 : 0;
			if (digit < 1 || digit > 9 || bytes[at + 2] !== CR || digit > this.limits.maxMultibulkCount) {
				return this.#multibulk(request, region, end);
			}
			request.expected = digit;
			cursor = at + 4;
		}
		return this.#bulks(request, bytes, cursor, end);
	}

	/** Reads the number of arguments, and what follows. */
	#multibulk(request: Request, region: Region, end: number): ParseStatus {
		const {limits} = this;
		request.partial = true;
		request.expected = 0;
		const count = this.#length(region.bytes, request.start, end);
		switch (count) {
			case CUT:
				request.needed = 1;
				return INCOMPLETE;
			case ENDLESS:
				return this.#fail(request, 'too big mbulk count string');
			case INVALID:
				return this.#fail(request, 'invalid multibulk length');
		}
		if (count > limits.maxMultibulkCount) return this.#fail(request, 'invalid multibulk length');
		if (count > UNAUTHENTICATED_COUNT && !limits.authenticated) {
			return this.#fail(request, 'unauthenticated multibulk length');
		}
		if (count <= 0) {
			request.partial = false;
			request.end = this.#lineEnd;
			return EMPTY;
		}
		request.expected = count;
		return this.#bulks(request, region.bytes, this.#lineEnd, end);
	}

	/** Reads the arguments that are still missing, from `cursor` on. */
	#bulks(request: Request, bytes: Uint8Array, cursor: number, end: number): ParseStatus {
		const {expected} = request;
		let {offsets, lengths} = request;
		const {maxBulkBytes, authenticated} = this.limits;
		let count = request.count;
		let at = cursor;
		while (count < expected) {
			let length = CUT;
			let data = 0;
			// The shortest argument is six bytes, so that with six there the lengths up to 999 need no further check.
			if (at + 6 <= end && bytes[at] === DOLLAR) {
				const first = bytes[at + 1]! - 0x30;
				const second = bytes[at + 2]! - 0x30;
				if (first >= 0 && first <= 9) {
					if (second === CR - 0x30) {
						length = first;
						data = at + 4;
					} else if (first > 0 && second >= 0 && second <= 9) {
						const third = bytes[at + 3]! - 0x30;
						if (third === CR - 0x30) {
							length = first * 10 + second;
							data = at + 5;
						} else if (third >= 0 && third <= 9 && bytes[at + 4] === CR) {
							length = first * 100 + second * 10 + third;
							data = at + 6;
						}
					}
				}
			}
			if (length < 0) {
				length = this.#length(bytes, at, end);
				if (length === CUT) {
					request.needed = 1;
					return suspend(request, count, at, -1);
				}
				if (length === ENDLESS) return this.#fail(request, 'too big bulk count string');
				if (bytes[at] !== DOLLAR) return this.#fail(request, `expected '$', got '${printable(bytes[at]!)}'`);
				if (length < 0) return this.#fail(request, 'invalid bulk length');
				data = this.#lineEnd;
			}
			if (length > maxBulkBytes) return this.#fail(request, 'invalid bulk length');
			if (length > UNAUTHENTICATED_BULK_BYTES && !authenticated) {
				return this.#fail(request, 'unauthenticated bulk length');
			}
			const next = data + length + 2;
			if (next > end) {
				request.needed = next - end;
				return suspend(request, count, data, length);
			}
			if (count === offsets.length) {
				request.count = count;
				request.grow();
				({offsets, lengths} = request);
			}
			offsets[count] = data;
			lengths[count] = length;
			count++;
			at = next;
		}
		request.count = count;
		request.end = at;
		request.partial = false;
		return COMPLETE;
	}

	#add(request: Request, at: number, length: number): void {
		if (request.count === request.offsets.length) request.grow();
		request.offsets[request.count] = at;
		request.lengths[request.count] = length;
		request.count++;
	}

	/** Reads the number of a `*` or `$` line whose first byte is at `at`, and sets `#lineEnd`. */
	#length(bytes: Uint8Array, at: number, end: number): number {
		let cr = at;
		while (cr < end && bytes[cr] !== CR && bytes[cr] !== NUL) cr++;
		if (cr === end || bytes[cr] === NUL) return end - at > this.limits.maxInlineBytes ? ENDLESS : CUT;
		if (cr - at > this.limits.maxInlineBytes) return ENDLESS;
		if (cr + 2 > end) return CUT;
		this.#lineEnd = cr + 2;
		const value = parseInt64(bytes, at + 1, cr - at - 1);
		if (value === null) return INVALID;
		return value < 0 ? NEGATIVE : Number(value);
	}

	/** Reads a line of words from `request.start` on; what was searched before is not searched again. */
	#inline(request: Request, region: Region, end: number): ParseStatus {
		const {bytes} = region;
		const {start} = request;
		request.region = region;
		let lf = request.cursor;
		while (lf < end && bytes[lf] !== LF && bytes[lf] !== NUL) lf++;
		request.cursor = lf;
		if (lf - start > this.limits.maxInlineBytes) return this.#fail(request, 'too big inline request');
		if (lf === end || bytes[lf] === NUL) {
			if (end - start > this.limits.maxInlineBytes) return this.#fail(request, 'too big inline request');
			request.needed = 1;
			return INCOMPLETE;
		}
		request.end = lf + 1;
		request.partial = false;
		const lineEnd = lf > start && bytes[lf - 1] === CR ? lf - 1 : lf;
		if (!this.#words(request, bytes, start, lineEnd))
			return this.#fail(request, 'unbalanced quotes in request');
		return request.count === 0 ? EMPTY : COMPLETE;
	}

	/**
	 * Splits a line into words: they stand apart by white space, and may hold parts in double quotes (with
	 * `\n \r \t \b \a \xHH`, and a backslash before any other byte) or in single quotes (with `\'`). A closing quote
	 * ends its word. The decoded bytes are never more than the quoted ones, so they go to the same place.
	 */
	#words(request: Request, bytes: Uint8Array, start: number, end: number): boolean {
		let at = start;
		for (;;) {
			while (at < end && isSpace(bytes[at]!)) at++;
			if (at === end) return true;
			const word = at;
			let to = at;
			while (at < end) {
				const byte = bytes[at]!;
				if (byte === 0x20 || byte === CR || byte === 0x09) break;
				at++;
				if (byte !== 0x22 && byte !== 0x27) {
					bytes[to++] = byte;
					continue;
				}
				for (;;) {
					if (at === end) return false;
					let quoted = bytes[at++]!;
					if (quoted === byte) break;
					if (quoted === 0x5c && at < end) {
						if (byte === 0x27) {
							if (bytes[at] === 0x27) quoted = bytes[at++]!;
						} else if (bytes[at] === 0x78 && at + 2 < end && isHex(bytes[at + 1]!) && isHex(bytes[at + 2]!)) {
							quoted = hexValue(bytes[at + 1]!) * 16 + hexValue(bytes[at + 2]!);
							at += 3;
						} else {
							quoted = unescaped(bytes[at++]!);
						}
					}
					bytes[to++] = quoted;
				}
				if (at < end && !isSpace(bytes[at]!)) return false;
				break;
			}
			this.#add(request, word, to - word);
		}
	}

	#fail(request: Request, error: string): ParseStatus {
		this.error = error;
		request.partial = false;
		return PROTOCOL_ERROR;
	}
}

function suspend(request: Request, count: number, cursor: number, pendingLength: number): ParseStatus {
	request.count = count;
	request.cursor = cursor;
	request.pendingLength = pendingLength;
	request.partial = true;
	return INCOMPLETE;
}

/** A byte in an error line, where a line's end would break the protocol. */
function printable(byte: number): string {
	return byte === CR || byte === LF ? ' ' : String.fromCharCode(byte);
}

function isSpace(byte: number): boolean {
	return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function isHex(byte: number): boolean {
	return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function hexValue(byte: number): number {
	return byte <= 0x39 ? byte - 0x30 : (byte & 0x0f) + 9;
}

/** What a backslash and this byte mean in double quotes. */
function unescaped(byte: number): number {
	switch (byte) {
		case 0x6e:
			return LF;
		case 0x72:
			return CR;
		case 0x74:
			return 0x09;
		case 0x62:
			return 0x08;
		case 0x61:
			return 0x07;
		default:
			return byte;
	}
}
