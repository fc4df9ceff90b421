/**
 * The bytes of an RDB file, or of a dump, under a cursor: numbers, lengths and strings as the format has them.
 *
 * Reading in pieces: a method that finds too few bytes gives CUT (or false) and says in `needed` how many more there must
 * be at least. Whoever reads then goes back to the entry's begin and comes again when they are there. So nothing is ever
 * allocated for bytes that were announced and did not come.
 */

import {writeInteger} from '../lib/integers.ts';
import {decompressLzf, LZF_MAX_EXPANSION} from '../lib/lzf.ts';
import {allocateRegion, type Region} from '../lib/region.ts';
import {
	ENCODED_INT16,
	ENCODED_INT32,
	ENCODED_INT8,
	ENCODED_LZF,
	LENGTH_14,
	LENGTH_32,
	LENGTH_6,
	LENGTH_64,
	LENGTH_ENCODED,
	RdbError,
} from './rdb-format.ts';

/** The bytes end here. */
export const CUT = -1;
/** Of `length`: no length, but a string encoded in another way; `ENCODED - length` is which. */
const ENCODED = -2;

/** Lengths of the arena's records, and offsets in a buffer, are 32-bit integers. */
const MAX_STRING_BYTES = 0x7fff_ffff;
/** A larger room for decoded strings is not kept for the next. */
const KEPT_ROOM_BYTES = 1 << 20;
const INITIAL_ROOM_BYTES = 64;

/** A string that was read: where it stands in the input, or decoded in a room of its own. Valid until the next one is read. */
export class RdbString {
	region: Region;
	at = 0;
	length = 0;
	#room = allocateRegion(INITIAL_ROOM_BYTES);

	constructor() {
		this.region = this.#room;
	}

	/** A view of the bytes, valid as long as the string is. */
	bytes(): Uint8Array {
		return this.region.bytes.subarray(this.at, this.at + this.length);
	}

	/** Makes it a string of `length` bytes that the caller writes into `region`, from 0 on. */
	decoded(length: number): void {
		const kept = this.#room.bytes.length;
		if (length > kept || (kept > KEPT_ROOM_BYTES && length <= KEPT_ROOM_BYTES)) {
			this.#room = allocateRegion(Math.max(length, INITIAL_ROOM_BYTES));
		}
		this.region = this.#room;
		this.at = 0;
		this.length = length;
	}
}

export class RdbInput {
	region: Region = allocateRegion(0);
	/** The cursor, and where the bytes end. */
	at = 0;
	end = 0;
	/** After CUT: how many bytes are missing at least. */
	needed = 0;
	/** Where the first byte of `region` stands in the file. */
	fileOffset = 0;

	/** @throws RdbError always */
	fail(what: string, at = this.at): never {
		throw new RdbError(what, this.fileOffset + at);
	}

	/** Whether so many bytes are there. */
	has(bytes: number): boolean {
		if (this.at + bytes <= this.end) return true;
		this.needed = this.at + bytes - this.end;
		return false;
	}

	/** The next byte, or CUT. */
	byte(): number {
		return this.has(1) ? this.region.bytes[this.at++]! : CUT;
	}

	/** A length, or a number in the same form: up to 2^64, the nearest number beyond 2^53. Or CUT. */
	number(): number {
		const begin = this.at;
		const length = this.#length();
		if (length <= ENCODED) this.fail('A string stands where a number is due', begin);
		return length;
	}

	/** Reads a string. False when it is cut. @throws RdbError */
	string(into: RdbString): boolean {
		const begin = this.at;
		const length = this.#length();
		if (length >= 0) {
			if (length > MAX_STRING_BYTES) this.fail(`A string of ${length} bytes is longer than any value`, begin);
			if (!this.has(length)) return false;
			into.region = this.region;
			into.at = this.at;
			into.length = length;
			this.at += length;
			return true;
		}
		switch (ENCODED - length) {
			case ENCODED_INT8:
				return this.#integer(into, 1);
			case ENCODED_INT16:
				return this.#integer(into, 2);
			case ENCODED_INT32:
				return this.#integer(into, 4);
			case ENCODED_LZF:
				return this.#compressed(into);
		}
		if (length === CUT) return false;
		return this.fail(`Unknown string encoding ${ENCODED - length}`, begin);
	}

	/** A length; CUT; or ENCODED less the encoding. */
	#length(): number {
		if (!this.has(1)) return CUT;
		const {bytes, view} = this.region;
		const first = bytes[this.at]!;
		switch (first >>> 6) {
			case LENGTH_6:
				this.at++;
				return first;
			case LENGTH_14:
				if (!this.has(2)) return CUT;
				this.at += 2;
				return ((first & 0x3f) << 8) | bytes[this.at - 1]!;
			case LENGTH_ENCODED:
				this.at++;
				return ENCODED - (first & 0x3f);
		}
		if (first === LENGTH_32) {
			if (!this.has(5)) return CUT;
			this.at += 5;
			return view.getUint32(this.at - 4);
		}
		if (first === LENGTH_64) {
			if (!this.has(9)) return CUT;
			this.at += 9;
			return view.getUint32(this.at - 8) * 2 ** 32 + view.getUint32(this.at - 4);
		}
		return this.fail(`Unknown length encoding ${first}`);
	}

	#integer(into: RdbString, bytes: 1 | 2 | 4): boolean {
		if (!this.has(bytes)) return false;
		const {view} = this.region;
		const value =
			bytes === 1
				? view.getInt8(this.at)
				: bytes === 2
					? view.getInt16(this.at, true)
					: view.getInt32(this.at, true);
		this.at += bytes;
		into.decoded(0);
		into.length = writeInteger(into.region.bytes, 0, value);
		return true;
	}

	#compressed(into: RdbString): boolean {
		const begin = this.at;
		const compressed = this.number();
		if (compressed === CUT) return false;
		const length = this.number();
		if (length === CUT) return false;
		if (compressed > MAX_STRING_BYTES || length > MAX_STRING_BYTES) {
			this.fail(`A string of ${length} bytes is longer than any value`, begin);
		}
		// So no room is made for more than the bytes that are there can become.
		if (length > compressed * LZF_MAX_EXPANSION) this.fail('Invalid LZF compressed string', begin);
		if (!this.has(compressed)) return false;
		into.decoded(length);
		if (!decompressLzf(this.region.bytes, this.at, compressed, into.region.bytes, 0, length)) {
			this.fail('Invalid LZF compressed string', begin);
		}
		this.at += compressed;
		return true;
	}
}
