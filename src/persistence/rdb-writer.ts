/**
 * Writes RDB files in the version of redis-server 7.0, in pieces: what was written so far can be taken at any time between
 * two calls. Writes single values too, for DUMP. Knows no clock and no files; strings are the one type so far.
 */

import {Crc64} from '../lib/crc64.ts';
import {parseSafeInteger} from '../lib/integers.ts';
import {latin1ToBytes} from '../lib/bytes.ts';
import {LzfCompressor} from '../lib/lzf.ts';
import {copyRegion, regionOf, type Region} from '../lib/region.ts';
import {GrowingBytes} from './growing-bytes.ts';
import {
	type AccessKind,
	AUX,
	CHECKSUM_BYTES,
	DUMP_FOOTER_BYTES,
	ENCODED_INT16,
	ENCODED_INT32,
	ENCODED_INT8,
	ENCODED_LZF,
	END,
	EXPIRY_MS,
	FREQUENCY,
	FREQUENCY_ACCESS,
	IDLE,
	IDLE_ACCESS,
	LENGTH_14,
	LENGTH_32,
	LENGTH_64,
	LENGTH_ENCODED,
	MAGIC,
	RDB_VERSION,
	RESIZE_DB,
	SELECT_DB,
	STRING_VALUE,
} from './rdb-format.ts';

/** Read anew for each value: they may change while the writer is in use. */
export interface RdbWriterOptions {
	/** `rdbcompression`: strings of more than 20 bytes are compressed where that saves something. */
	readonly compress: boolean;
	/** `rdbchecksum`: else the checksum at the end is zero, which says that there is none. */
	readonly checksum: boolean;
}

/** Longer strings are no 32-bit integer: minus and ten digits. */
const MAX_INTEGER_LENGTH = 11;
/** Longer strings are compressed if that saves four bytes, which the two lengths may take. */
const MIN_COMPRESSED_LENGTH = 20;
const LEAST_SAVING_BYTES = 4;
/** What the longest form of a length takes. */
const MAX_LENGTH_BYTES = 9;
const INITIAL_BYTES = 64 << 10;

export class RdbWriter {
	readonly #out: GrowingBytes;
	readonly #options: RdbWriterOptions;
	readonly #crc = new Crc64();
	readonly #lzf = new LzfCompressor();
	readonly #compressed = new GrowingBytes(1 << 10);
	/** Up to here the bytes in the buffer went into the checksum. */
	#summed = 0;

	/** @param initialBytes room for what is written between two calls of `take`, as a rule */
	constructor(options: RdbWriterOptions, initialBytes = INITIAL_BYTES) {
		this.#options = options;
		this.#out = new GrowingBytes(initialBytes);
	}

	/** Bytes that were written since the last `take` or `clear`. */
	get length(): number {
		return this.#out.length;
	}

	/** A view of them, valid until the next call. */
	view(): Uint8Array {
		return this.#out.view();
	}

	/** The bytes written so far are the caller's to keep; writing goes on in a new buffer. */
	take(): Uint8Array<ArrayBuffer> {
		this.#sum();
		return this.#out.take();
	}

	/** The bytes written so far were used; their memory is written over. */
	clear(): void {
		this.#sum();
		this.#out.clear();
	}

	/** The begin of a file. @param aux names and values of what is told about it, one character a byte */
	header(aux: Iterable<readonly [name: string, value: string]>): void {
		this.#crc.reset();
		const magic = latin1ToBytes(MAGIC + String(RDB_VERSION).padStart(4, '0'));
		this.#out.append(magic, 0, magic.length);
		for (const [name, value] of aux) {
			this.#byte(AUX);
			this.#text(name);
			this.#text(value);
		}
	}

	/** What follows belongs to this database. */
	selectDb(index: number): void {
		this.#byte(SELECT_DB);
		this.#length(index);
	}

	/** A hint: how many keys the database has, and how many of them expire. */
	resizeDb(keys: number, volatileKeys: number): void {
		this.#byte(RESIZE_DB);
		this.#length(keys);
		this.#length(volatileKeys);
	}

	/**
	 * A key with its string.
	 * @param expireAt unix ms, or -1
	 * @param access what `accessKind` says, 0 without
	 */
	string(
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		expireAt: number,
		accessKind: AccessKind,
		access: number,
	): void {
		if (expireAt >= 0) this.#expiry(expireAt);
		if (accessKind === IDLE_ACCESS) {
			this.#byte(IDLE);
			this.#length(access);
		} else if (accessKind === FREQUENCY_ACCESS) {
			this.#byte(FREQUENCY);
			this.#byte(access);
		}
		this.#byte(STRING_VALUE);
		this.stringValue(keyRegion, keyAt, keyLength);
		this.stringValue(valueRegion, valueAt, valueLength);
	}

	/** A string by itself, in the shortest of its forms. */
	stringValue(region: Region, at: number, length: number): void {
		if (length <= MAX_INTEGER_LENGTH) {
			const value = parseSafeInteger(region.bytes, at, length);
			// NaN is no integer.
			if ((value | 0) === value) {
				this.#integer(value);
				return;
			}
		} else if (length > MIN_COMPRESSED_LENGTH && this.#options.compress) {
			if (this.#compressedString(region, at, length)) return;
		}
		this.#length(length);
		const out = this.#out;
		out.reserve(length);
		copyRegion(region, at, out.region, out.length, length);
		out.length += length;
	}

	/** A string as the payload of DUMP: a value by itself, with its version and a checksum of its own. */
	dumpString(region: Region, at: number, length: number): void {
		const out = this.#out;
		const begin = out.length;
		this.#byte(STRING_VALUE);
		this.stringValue(region, at, length);
		out.reserve(DUMP_FOOTER_BYTES);
		out.region.view.setUint16(out.length, RDB_VERSION, true);
		out.length += 2;
		const crc = new Crc64();
		crc.update(out.region.bytes, begin, out.length);
		crc.writeTo(out.region.bytes, out.length);
		out.length += CHECKSUM_BYTES;
	}

	/** The end of the file. */
	end(): void {
		this.#byte(END);
		this.#sum();
		const out = this.#out;
		out.reserve(CHECKSUM_BYTES);
		if (this.#options.checksum) this.#crc.writeTo(out.region.bytes, out.length);
		else out.region.bytes.fill(0, out.length, out.length + CHECKSUM_BYTES);
		out.length += CHECKSUM_BYTES;
		this.#summed = out.length;
	}

	/** Takes what was written since the last time into the checksum; the buffer is about to be given away. */
	#sum(): void {
		const {region, length} = this.#out;
		if (this.#options.checksum) this.#crc.update(region.bytes, this.#summed, length);
		this.#summed = 0;
	}

	#expiry(atMs: number): void {
		const out = this.#out;
		out.reserve(9);
		const {view} = out.region;
		view.setUint8(out.length, EXPIRY_MS);
		// Beyond 2^53 expiries are rounded, and may have become one more than a signed 64-bit integer holds.
		const isLast = atMs >= 2 ** 63;
		view.setUint32(out.length + 1, isLast ? 0xffff_ffff : atMs % 2 ** 32, true);
		view.setInt32(out.length + 5, isLast ? 0x7fff_ffff : Math.floor(atMs / 2 ** 32), true);
		out.length += 9;
	}

	#integer(value: number): void {
		const out = this.#out;
		out.reserve(5);
		const {view} = out.region;
		const at = out.length;
		if (value >= -0x80 && value < 0x80) {
			view.setUint8(at, (LENGTH_ENCODED << 6) | ENCODED_INT8);
			view.setInt8(at + 1, value);
			out.length += 2;
		} else if (value >= -0x8000 && value < 0x8000) {
			view.setUint8(at, (LENGTH_ENCODED << 6) | ENCODED_INT16);
			view.setInt16(at + 1, value, true);
			out.length += 3;
		} else {
			view.setUint8(at, (LENGTH_ENCODED << 6) | ENCODED_INT32);
			view.setInt32(at + 1, value, true);
			out.length += 5;
		}
	}

	#compressedString(region: Region, at: number, length: number): boolean {
		const room = this.#compressed;
		const limit = length - LEAST_SAVING_BYTES;
		room.reserve(limit);
		const compressed = this.#lzf.compress(region.bytes, at, length, room.region.bytes, 0, limit);
		if (compressed > 0) {
			this.#byte((LENGTH_ENCODED << 6) | ENCODED_LZF);
			this.#length(compressed);
			this.#length(length);
			const out = this.#out;
			out.reserve(compressed);
			copyRegion(room.region, 0, out.region, out.length, compressed);
			out.length += compressed;
		}
		room.clear();
		return compressed > 0;
	}

	#byte(value: number): void {
		const out = this.#out;
		out.reserve(1);
		out.region.bytes[out.length++] = value;
	}

	#length(length: number): void {
		const out = this.#out;
		out.reserve(MAX_LENGTH_BYTES);
		const {view} = out.region;
		const at = out.length;
		if (length < 1 << 6) {
			view.setUint8(at, length);
			out.length += 1;
		} else if (length < 1 << 14) {
			view.setUint16(at, (LENGTH_14 << 14) | length);
			out.length += 2;
		} else if (length < 2 ** 32) {
			view.setUint8(at, LENGTH_32);
			view.setUint32(at + 1, length);
			out.length += 5;
		} else {
			view.setUint8(at, LENGTH_64);
			view.setUint32(at + 1, Math.floor(length / 2 ** 32));
			view.setUint32(at + 5, length % 2 ** 32);
			out.length += 9;
		}
	}

	#text(text: string): void {
		const region = regionOf(latin1ToBytes(text));
		this.stringValue(region, 0, region.bytes.length);
	}
}
