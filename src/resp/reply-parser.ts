/**
 * Turns what a server sends, RESP2 or RESP3, into JavaScript values. Incremental: a reply may be cut anywhere, every
 * byte is looked at once, and nesting costs no call stack. Client side only; the server never reads replies.
 */

import {concat, EMPTY_BYTES, latin1, utf8} from '../lib/bytes.ts';

/** An error reply. It is a value, not thrown here: inside an array it is one element among others. */
export class RespError extends Error {
	override readonly name = 'RespError';

	/** The first word, which tells the kind: `ERR`, `MOVED`, `WRONGTYPE` ... */
	get code(): string {
		return this.message.split(' ', 1)[0] ?? '';
	}
}

/** An out-of-band message (RESP3 push): no answer to a command. */
export class PushMessage {
	readonly elements: readonly Reply[];

	constructor(elements: readonly Reply[]) {
		this.elements = elements;
	}
}

/**
 * Integers are numbers where that is exact and bigints beyond, big numbers always bigints. Bulk strings are strings
 * read as UTF-8, or bytes that the receiver owns when the parser is binary; status lines are strings either way.
 */
export type Reply =
	| string
	| number
	| bigint
	| boolean
	| null
	| Uint8Array
	| RespError
	| PushMessage
	| Reply[]
	| Map<Reply, Reply>
	| Set<Reply>;

/** The bytes are not RESP: nothing that follows can be understood. */
export class ReplyProtocolError extends Error {
	override readonly name = 'ReplyProtocolError';
}

export interface ReplyParserOptions {
	/** Bulk strings as Uint8Array instead of text. */
	readonly binary?: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
/** Longer than a bulk string can be anywhere. */
const MAX_LENGTH = 2 ** 32;

interface Frame {
	/** First byte of the aggregate's header. */
	readonly type: string;
	readonly items: Reply[];
	/** Elements to come; a pair of a map is two. */
	remaining: number;
}

/** One for a connection: it holds what a cut reply has left. */
export class ReplyParser {
	readonly #binary: boolean;
	/** A line whose end is still to come. */
	#tail: Uint8Array = EMPTY_BYTES;
	/** A bulk string, its CR LF included, of which `#bulkFilled` bytes are there. */
	#bulk: Uint8Array | null = null;
	#bulkFilled = 0;
	#bulkType = '';
	/** The aggregates that are open, the innermost last. */
	readonly #open: Frame[] = [];

	constructor({binary = false}: ReplyParserOptions = {}) {
		this.#binary = binary;
	}

	/**
	 * Takes the next bytes of the connection and calls `onReply` for each reply that they complete, in order.
	 * @throws {ReplyProtocolError} when they are not RESP; the parser is of no use after that.
	 */
	feed(chunk: Uint8Array, onReply: (reply: Reply) => void): void {
		let bytes = chunk;
		if (this.#tail.length > 0) {
			bytes = concat([this.#tail, chunk]);
			this.#tail = EMPTY_BYTES;
		}
		let at = 0;
		while (at < bytes.length) {
			if (this.#bulk !== null) {
				const part = bytes.subarray(at, at + this.#bulk.length - this.#bulkFilled);
				this.#bulk.set(part, this.#bulkFilled);
				this.#bulkFilled += part.length;
				at += part.length;
				if (this.#bulkFilled < this.#bulk.length) return;
				const whole = this.#bulk;
				this.#bulk = null;
				this.#add(this.#bulkValue(this.#bulkType, whole, 0, whole.length - 2), onReply);
				continue;
			}
			const lf = bytes.indexOf(LF, at);
			if (lf < 0) {
				this.#tail = bytes.slice(at);
				return;
			}
			if (bytes[lf - 1] !== CR || lf - 1 === at) throw new ReplyProtocolError('a line without CR LF');
			at = this.#line(bytes, at, lf, onReply);
		}
	}

	/** Handles the line from `at` to the LF at `lf`, with its data when that is there; returns where to go on. */
	#line(bytes: Uint8Array, at: number, lf: number, onReply: (reply: Reply) => void): number {
		const type = String.fromCharCode(bytes[at]!);
		const next = lf + 1;
		switch (type) {
			case '$':
			case '=':
			case '!': {
				const length = lengthOf(bytes, at, lf);
				if (length < 0) {
					this.#add(null, onReply);
					return next;
				}
				const end = next + length + 2;
				if (end <= bytes.length) {
					this.#add(this.#bulkValue(type, bytes, next, next + length), onReply);
					return end;
				}
				this.#bulk = new Uint8Array(length + 2);
				this.#bulk.set(bytes.subarray(next));
				this.#bulkFilled = bytes.length - next;
				this.#bulkType = type;
				return bytes.length;
			}
			case '*':
			case '%':
			case '~':
			case '>':
			case '|': {
				const length = lengthOf(bytes, at, lf);
				if (length < 0) {
					this.#add(null, onReply);
					return next;
				}
				this.#open.push({type, items: [], remaining: type === '%' || type === '|' ? length * 2 : length});
				this.#closeFull(onReply);
				return next;
			}
			default:
				this.#add(scalar(type, utf8(bytes, at + 1, lf - 1)), onReply);
				return next;
		}
	}

	#bulkValue(type: string, bytes: Uint8Array, start: number, end: number): Reply {
		if (bytes[end] !== CR || bytes[end + 1] !== LF)
			throw new ReplyProtocolError('a bulk string without CR LF');
		if (type === '!') return new RespError(utf8(bytes, start, end));
		// A verbatim text begins with its format, `txt:`.
		const from = type === '=' ? Math.min(start + 4, end) : start;
		return this.#binary ? bytes.slice(from, end) : utf8(bytes, from, end);
	}

	/** Puts a value where it belongs: into the innermost open aggregate, or out. */
	#add(value: Reply, onReply: (reply: Reply) => void): void {
		const frame = this.#open.at(-1);
		if (frame === undefined) {
			onReply(value);
			return;
		}
		frame.items.push(value);
		frame.remaining--;
		this.#closeFull(onReply);
	}

	/** Closes the aggregates that have all their elements, from the inside out. */
	#closeFull(onReply: (reply: Reply) => void): void {
		for (;;) {
			const frame = this.#open.at(-1);
			if (frame === undefined || frame.remaining > 0) return;
			this.#open.pop();
			// An attribute describes the value after it, which takes its place.
			if (frame.type === '|') return;
			const value = aggregate(frame);
			const outer = this.#open.at(-1);
			if (outer === undefined) {
				onReply(value);
				return;
			}
			outer.items.push(value);
			outer.remaining--;
		}
	}
}

function aggregate({type, items}: Frame): Reply {
	switch (type) {
		case '%': {
			const map = new Map<Reply, Reply>();
			for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
			return map;
		}
		case '~':
			return new Set(items);
		case '>':
			return new PushMessage(items);
		default:
			return items;
	}
}

function scalar(type: string, text: string): Reply {
	switch (type) {
		case '+':
			return text;
		case '-':
			return new RespError(text);
		case ':':
			return integer(text);
		case '(':
			return bigInteger(text);
		case ',':
			return double(text);
		case '#':
			if (text !== 't' && text !== 'f') throw new ReplyProtocolError(`not a boolean: ${text}`);
			return text === 't';
		case '_':
			return null;
		default:
			throw new ReplyProtocolError(`unknown reply type ${JSON.stringify(type)}`);
	}
}

function integer(text: string): number | bigint {
	const exact = bigInteger(text);
	const value = Number(exact);
	return Number.isSafeInteger(value) ? value : exact;
}

function bigInteger(text: string): bigint {
	if (!/^[+-]?\d+$/.test(text)) throw new ReplyProtocolError(`not an integer: ${text}`);
	return BigInt(text.replace('+', ''));
}

function double(text: string): number {
	switch (text) {
		case 'inf':
			return Infinity;
		case '-inf':
			return -Infinity;
		case 'nan':
		case '-nan':
			return Number.NaN;
		default: {
			const value = Number(text);
			if (text === '' || Number.isNaN(value)) throw new ReplyProtocolError(`not a double: ${text}`);
			return value;
		}
	}
}

/** The length that a header line announces; -1 is null. */
function lengthOf(bytes: Uint8Array, at: number, lf: number): number {
	const text = latin1(bytes, at + 1, lf - 1);
	if (text === '-1') return -1;
	const length = /^\d{1,10}$/.test(text) ? Number(text) : MAX_LENGTH;
	if (length >= MAX_LENGTH) throw new ReplyProtocolError(`not a length: ${text}`);
	return length;
}
