/**
 * Appends replies in RESP2 or RESP3 to one shared buffer: no reply objects, no strings for numbers, nothing that
 * must be joined later. The connection takes the bytes from the buffer once a turn.
 *
 * Forms and fallbacks are those of Redis 7.0 networking.c. What exists only in RESP3 has a RESP2 form: maps are flat
 * arrays, sets and pushes arrays, booleans `:1` and `:0`, doubles, big numbers and verbatim texts bulk strings.
 */

import {assert} from '../lib/assert.ts';
import {formatDouble} from '../lib/format-double.ts';
import {decimalLength, writeInteger} from '../lib/integers.ts';
import {copyRegion, type Region, regionOf} from '../lib/region.ts';

const CR = 0x0d;
const LF = 0x0a;
const SIMPLE = 0x2b;
const ERROR = 0x2d;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;
const MAP = 0x25;
const SET = 0x7e;
const PUSH = 0x3e;
const ATTRIBUTE = 0x7c;

const INITIAL_BYTES = 64 * 1024;
/** A buffer that grew above this is given back once it has been written out. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** A prefix, 20 characters of an int64, CR LF: no header is longer. */
const HEADER_BYTES = 23;

/**
 * Headers of numbers below this are two words in a table: `?123␍␊` with a zero where the prefix goes. Four digits
 * still fit the eight bytes; more entries would only push other things out of the cache. An entry is made at its first
 * use: all of them at once would cost a starting thread two milliseconds.
 */
const TABLE_SIZE = 1024;
const HEADER_WORDS = new Int32Array(TABLE_SIZE * 2);

/** Bytes left free for the header of a deferred aggregate: one digit, as most have, needs no move. */
const DEFERRED_BYTES = 4;

const OK = 0x0d4b4f2b; // "+OK␍", little-endian
const NULL_BULK = 0x0d312d24; // "$-1␍"
const NULL_ARRAY = 0x0d312d2a; // "*-1␍"

/** One for a node. Public fields, because the connection reads them for each chunk. */
export class ReplyWriter {
	/** As the client at hand negotiated with HELLO; set before each command. */
	protocol: 2 | 3 = 2;
	/** The bytes written are `region.bytes[0..length)`. Another buffer may stand here after any call that writes. */
	region: Region = freshRegion(INITIAL_BYTES);
	length = 0;
	/** Error replies written since the start; a rewound one counts too unless the caller takes it back. */
	errorCount = 0;

	// Views of common lengths that `view` made before, of the present buffer.
	#views: (Uint8Array | undefined)[] = [];

	/** `+OK` */
	ok(): void {
		this.#reserve(HEADER_BYTES);
		this.region.view.setInt32(this.length, OK, true);
		this.region.bytes[this.length + 4] = LF;
		this.length += 5;
	}

	/** The null value: `$-1`, in RESP3 `_`. */
	null(): void {
		if (this.protocol === 3) this.#null3();
		else this.#null2(NULL_BULK);
	}

	/** The null that stands for an array: `*-1`, in RESP3 `_`. */
	nullArray(): void {
		if (this.protocol === 3) this.#null3();
		else this.#null2(NULL_ARRAY);
	}

	/** A safe integer. */
	integer(value: number): void {
		this.#header(INTEGER, value);
	}

	/** An int64. */
	bigInteger(value: bigint): void {
		this.#line(INTEGER, value.toString());
	}

	/** Header of `length` elements, which the caller writes next. */
	array(length: number): void {
		this.#header(ARRAY, length);
	}

	/** Header of `length` pairs, which the caller writes next. */
	map(length: number): void {
		if (this.protocol === 3) this.#header(MAP, length);
		else this.#header(ARRAY, length * 2);
	}

	/** Header of `length` distinct elements, which the caller writes next. */
	set(length: number): void {
		this.#header(this.protocol === 3 ? SET : ARRAY, length);
	}

	/** Header of an out-of-band message of `length` elements, which the caller writes next. */
	push(length: number): void {
		this.#header(this.protocol === 3 ? PUSH : ARRAY, length);
	}

	/** Header of `length` pairs that describe the reply after them. RESP3 only: clients of RESP2 have no place for it. */
	attribute(length: number): void {
		assert(this.protocol === 3, 'an attribute in RESP2');
		this.#header(ATTRIBUTE, length);
	}

	/** A bulk string that stands in a region. */
	bulkRegion(from: Region, at: number, length: number): void {
		this.#reserve(length + HEADER_BYTES + 2);
		this.#put(BULK, length);
		const to = this.length;
		copyRegion(from, at, this.region, to, length);
		this.region.view.setInt16(to + length, 0x0a0d, true);
		this.length = to + length + 2;
	}

	/** A bulk string. */
	bulk(value: Uint8Array): void {
		this.#reserve(value.length + HEADER_BYTES + 2);
		this.#put(BULK, value.length);
		this.region.bytes.set(value, this.length);
		this.length += value.length;
		this.#crlf();
	}

	/** A text as a bulk string, in UTF-8. */
	bulkText(text: string): void {
		const length = Buffer.byteLength(text);
		this.#reserve(length + HEADER_BYTES + 2);
		this.#put(BULK, length);
		this.#text(text, length);
		this.#crlf();
	}

	/** A safe integer printed as a bulk string. */
	integerBulk(value: number): void {
		this.#reserve(HEADER_BYTES * 2);
		this.#put(BULK, decimalLength(value));
		this.length += writeInteger(this.region.bytes, this.length, value);
		this.#crlf();
	}

	/** A status line, one byte a character. */
	simple(line: string): void {
		this.#line(SIMPLE, line);
	}

	/** `+QUEUED` */
	queued(): void {
		this.#line(SIMPLE, 'QUEUED');
	}

	/**
	 * An error line without its `-`, for example `ERR syntax error`. One byte a character, so that what a client sent
	 * comes back as it was; characters above 0xff are written in UTF-8. Ends of lines become spaces.
	 */
	error(line: string): void {
		this.errorCount++;
		this.#line(ERROR, line);
	}

	/** A double: `,3.14`, in RESP2 a bulk string. 17 significant digits, as `%.17g`. */
	double(value: number): void {
		this.doubleText(formatDouble(value));
	}

	/** A double that is printed already. */
	doubleText(text: string): void {
		if (this.protocol === 3) this.#line(0x2c, text);
		else this.bulkText(text);
	}

	/** An integer of any size, in decimal digits: `(123`, in RESP2 a bulk string. */
	bignum(text: string): void {
		if (this.protocol === 3) this.#line(0x28, text);
		else this.bulkText(text);
	}

	/** `#t` or `#f`, in RESP2 `:1` or `:0`. */
	bool(value: boolean): void {
		if (this.protocol === 3) this.#line(0x23, value ? 't' : 'f');
		else this.integer(value ? 1 : 0);
	}

	/** A text for people with its format, three characters such as `txt`; in RESP2 a bulk string without it. */
	verbatim(format: string, text: string): void {
		if (this.protocol === 2) {
			this.bulkText(text);
			return;
		}
		assert(format.length === 3, 'a verbatim format has three characters');
		const length = Buffer.byteLength(text);
		this.#reserve(length + 4 + HEADER_BYTES + 2);
		this.#put(0x3d, length + 4);
		this.#text(`${format}:`, 4);
		this.#text(text, length);
		this.#crlf();
	}

	/** Bytes that are RESP already. */
	raw(encoded: Uint8Array): void {
		this.#reserve(encoded.length);
		this.region.bytes.set(encoded, this.length);
		this.length += encoded.length;
	}

	/** The same for bytes that stand in a region. */
	rawRegion(from: Region, at: number, length: number): void {
		this.#reserve(length);
		copyRegion(from, at, this.region, this.length, length);
		this.length += length;
	}

	/** Position to return to when a command fails after it began to reply. */
	mark(): number {
		return this.length;
	}

	/** Takes back everything written since `mark`. */
	rewind(mark: number): void {
		this.length = mark;
	}

	/** Begins an array whose length is not known yet; returns the token to close it with. The inner ones are closed first. */
	deferArray(): number {
		return this.#defer();
	}

	/** Ends a deferred array with its number of elements. */
	closeArray(token: number, length: number): void {
		this.#close(token, ARRAY, length);
	}

	/** Begins a map whose length is not known yet. */
	deferMap(): number {
		return this.#defer();
	}

	/** Ends a deferred map with its number of pairs. */
	closeMap(token: number, length: number): void {
		if (this.protocol === 3) this.#close(token, MAP, length);
		else this.#close(token, ARRAY, length * 2);
	}

	/** Begins a set whose length is not known yet. */
	deferSet(): number {
		return this.#defer();
	}

	/** Ends a deferred set with its number of elements. */
	closeSet(token: number, length: number): void {
		this.#close(token, this.protocol === 3 ? SET : ARRAY, length);
	}

	/** The written bytes from `from` to `to`, in place: valid until the writer is cleared or writes more. */
	view(from: number, to: number): Uint8Array {
		if (from !== 0 || to > 8192) return this.region.bytes.subarray(from, to);
		return (this.#views[to] ??= this.region.bytes.subarray(0, to));
	}

	/** Starts over at 0. The bytes written before may be overwritten from now on: nobody may still need them. */
	clear(): void {
		this.length = 0;
		if (this.region.bytes.length > KEPT_BYTES) this.detach();
	}

	/** Hands over the buffer, which somebody still reads from, and starts over in a fresh one. */
	detach(): Region {
		const {region} = this;
		this.region = freshRegion(INITIAL_BYTES);
		this.length = 0;
		this.#views = [];
		return region;
	}

	#null2(word: number): void {
		this.#reserve(HEADER_BYTES);
		this.region.view.setInt32(this.length, word, true);
		this.region.bytes[this.length + 4] = LF;
		this.length += 5;
	}

	#null3(): void {
		this.#reserve(HEADER_BYTES);
		const {bytes} = this.region;
		const at = this.length;
		bytes[at] = 0x5f;
		bytes[at + 1] = CR;
		bytes[at + 2] = LF;
		this.length = at + 3;
	}

	#header(prefix: number, value: number): void {
		this.#reserve(HEADER_BYTES);
		this.#put(prefix, value);
	}

	/** Prefix, number, CR LF; there is room for them. */
	#put(prefix: number, value: number): void {
		if (value >= 0 && value < TABLE_SIZE) {
			const {view} = this.region;
			const at = this.length;
			if (HEADER_WORDS[value * 2] === 0) makeHeader(value);
			view.setInt32(at, HEADER_WORDS[value * 2]! | prefix, true);
			view.setInt32(at + 4, HEADER_WORDS[value * 2 + 1]!, true);
			this.length = at + (value < 10 ? 4 : value < 100 ? 5 : value < 1000 ? 6 : 7);
			return;
		}
		this.region.bytes[this.length++] = prefix;
		this.length += writeInteger(this.region.bytes, this.length, value);
		this.#crlf();
	}

	/** Prefix, text of one byte a character, CR LF. */
	#line(prefix: number, text: string): void {
		this.#reserve(text.length * 3 + 3);
		const {bytes} = this.region;
		const start = this.length;
		let at = start;
		bytes[at++] = prefix;
		for (let i = 0; i < text.length; i++) {
			const code = text.charCodeAt(i);
			if (code > 0xff) {
				at += Buffer.from(bytes.buffer, bytes.byteOffset).write(text.slice(i), at, 'utf8');
				break;
			}
			bytes[at++] = code === CR || code === LF ? 0x20 : code;
		}
		this.length = at;
		this.#crlf();
	}

	/** A text whose UTF-8 form has `length` bytes; there is room for it. */
	#text(text: string, length: number): void {
		const {bytes} = this.region;
		const at = this.length;
		if (length === text.length && length < 64) {
			for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
		} else {
			Buffer.from(bytes.buffer, bytes.byteOffset + at, length).write(text, 'utf8');
		}
		this.length = at + length;
	}

	#crlf(): void {
		const {bytes} = this.region;
		bytes[this.length] = CR;
		bytes[this.length + 1] = LF;
		this.length += 2;
	}

	#defer(): number {
		this.#reserve(DEFERRED_BYTES);
		const token = this.length;
		this.length += DEFERRED_BYTES;
		return token;
	}

	#close(token: number, prefix: number, length: number): void {
		const end = this.length;
		const start = token + DEFERRED_BYTES;
		if (length < 10) {
			const header = prefix | ((0x30 + length) << 8) | (CR << 16) | (LF << 24);
			this.region.view.setInt32(token, header, true);
			return;
		}
		const shift = decimalLength(length) - 1;
		this.#reserve(shift + HEADER_BYTES);
		this.region.bytes.copyWithin(start + shift, start, end);
		this.region.bytes[token] = prefix;
		this.length = token + 1;
		this.length += writeInteger(this.region.bytes, this.length, length);
		this.#crlf();
		this.length = end + shift;
	}

	/** Makes room for `size` more bytes. */
	#reserve(size: number): void {
		if (this.length + size > this.region.bytes.length) this.#grow(size);
	}

	#grow(size: number): void {
		const {bytes} = this.region;
		const grown = freshRegion(Math.max(this.length + size, bytes.length * 2));
		grown.bytes.set(bytes.subarray(0, this.length));
		this.region = grown;
		this.#views = [];
	}
}

/** A plain Uint8Array over uncleared memory: a Buffer's hidden class would make every access polymorphic. */
function freshRegion(size: number): Region {
	const memory = Buffer.allocUnsafeSlow(size);
	return regionOf(new Uint8Array(memory.buffer, memory.byteOffset, size));
}

function makeHeader(value: number): void {
	const text = `\0${value}\r\n`;
	for (let i = 0; i < text.length; i++) {
		HEADER_WORDS[value * 2 + (i >> 2)]! |= text.charCodeAt(i) << ((i & 3) * 8);
	}
}
