/**
 * CRC-64 with the polynomial of Jones (0xad93d23594c935a9, reflected, from zero), the checksum of RDB files and DUMP
 * payloads. The check value of `123456789` is 0xe9c6d914c4b8d9ca.
 *
 * Numbers are 32 bits wide here, so that the remainder is two of them. Eight bytes a step: a table for each of them says
 * what the byte contributes once the later ones have been shifted in. About 1 GB/s on Node 20.
 */

/** The polynomial with its bits reflected: lower and upper half. */
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;

/** Entry `(table << 9) + (byte << 1)` is the lower half, the next one the upper: both share a cache line. */
const TABLE_SHIFT = 9;
const TABLES = makeTables();

export class Crc64 {
	#low = 0;
	#high = 0;

	/** Takes in `bytes[from, to)`, which follow those taken in before. */
	update(bytes: Uint8Array, from = 0, to = bytes.length): void {
		const tables = TABLES;
		let low = this.#low;
		let high = this.#high;
		let at = from;
		for (const steppedEnd = to - 8; at <= steppedEnd; at += 8) {
			const a = ((low ^ bytes[at]!) & 0xff) << 1;
			const b = (((low >>> 8) ^ bytes[at + 1]!) & 0xff) << 1;
			const c = (((low >>> 16) ^ bytes[at + 2]!) & 0xff) << 1;
			const d = ((low >>> 24) ^ bytes[at + 3]!) << 1;
			const e = ((high ^ bytes[at + 4]!) & 0xff) << 1;
			const f = (((high >>> 8) ^ bytes[at + 5]!) & 0xff) << 1;
			const g = (((high >>> 16) ^ bytes[at + 6]!) & 0xff) << 1;
			const h = ((high >>> 24) ^ bytes[at + 7]!) << 1;
			low =
				tables[0xe00 + a]! ^
				tables[0xc00 + b]! ^
				tables[0xa00 + c]! ^
				tables[0x800 + d]! ^
				tables[0x600 + e]! ^
				tables[0x400 + f]! ^
				tables[0x200 + g]! ^
				tables[h]!;
			high =
				tables[0xe01 + a]! ^
				tables[0xc01 + b]! ^
				tables[0xa01 + c]! ^
				tables[0x801 + d]! ^
				tables[0x601 + e]! ^
				tables[0x401 + f]! ^
				tables[0x201 + g]! ^
				tables[h + 1]!;
		}
		for (; at < to; at++) {
			const entry = ((low ^ bytes[at]!) & 0xff) << 1;
			low = (low >>> 8) ^ (high << 24) ^ tables[entry]!;
			high = (high >>> 8) ^ tables[entry + 1]!;
		}
		this.#low = low;
		this.#high = high;
	}

	/** Begins anew. */
	reset(): void {
		this.#low = 0;
		this.#high = 0;
	}

	/** The checksum of what was taken in so far. */
	value(): bigint {
		return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
	}

	/** Writes the checksum as eight bytes, the lowest first. */
	writeTo(bytes: Uint8Array, at: number): void {
		for (let i = 0; i < 4; i++) {
			bytes[at + i] = this.#low >>> (i << 3);
			bytes[at + 4 + i] = this.#high >>> (i << 3);
		}
	}

	/** Whether the eight bytes there are the checksum. */
	equals(bytes: Uint8Array, at: number): boolean {
		for (let i = 0; i < 4; i++) {
			if (bytes[at + i] !== ((this.#low >>> (i << 3)) & 0xff)) return false;
			if (bytes[at + 4 + i] !== ((this.#high >>> (i << 3)) & 0xff)) return false;
		}
		return true;
	}
}

/** Table 0 is that of one byte; table n says what the byte has become after n further zero bytes. */
function makeTables(): Int32Array {
	const tables = new Int32Array(8 << TABLE_SHIFT);
	for (let byte = 0; byte < 256; byte++) {
		let low = byte;
		let high = 0;
		for (let bit = 0; bit < 8; bit++) {
			const carry = low & 1;
			low = (low >>> 1) | (high << 31);
			high >>>= 1;
			if (carry !== 0) {
				low ^= POLYNOMIAL_LOW;
				high ^= POLYNOMIAL_HIGH;
			}
		}
		tables[byte << 1] = low;
		tables[(byte << 1) + 1] = high;
	}
	for (let at = 1 << TABLE_SHIFT; at < tables.length; at += 2) {
		const low = tables[at - (1 << TABLE_SHIFT)]!;
		const high = tables[at - (1 << TABLE_SHIFT) + 1]!;
		const entry = (low & 0xff) << 1;
		tables[at] = (low >>> 8) ^ (high << 24) ^ tables[entry]!;
		tables[at + 1] = (high >>> 8) ^ tables[entry + 1]!;
	}
	return tables;
}
