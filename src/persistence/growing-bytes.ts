/** A byte buffer that is appended to and grows as needed. Who appends writes into `region` after `reserve`. */

import {allocateRegion, type Region} from '../lib/region.ts';

/** Up to here a buffer doubles; a longer one grows by what is needed and a quarter. */
const DOUBLING_LIMIT = 64 << 20;
/** A longer buffer is given back when it is cleared, if it did not begin as one. */
const KEPT_BYTES = 4 << 20;

export class GrowingBytes {
	/** Replaced when the buffer grows: read it anew after `reserve`. */
	region: Region;
	/** How many bytes were written. */
	length = 0;
	readonly #initialBytes: number;

	constructor(initialBytes: number) {
		this.#initialBytes = initialBytes;
		this.region = allocateRegion(initialBytes);
	}

	/** Makes room for so many bytes behind `length`. */
	reserve(bytes: number): void {
		if (this.length + bytes > this.region.bytes.length) this.#grow(this.length + bytes);
	}

	/** Copies `bytes[from, to)` behind what was written. */
	append(bytes: Uint8Array, from: number, to: number): void {
		this.reserve(to - from);
		this.region.bytes.set(bytes.subarray(from, to), this.length);
		this.length += to - from;
	}

	/** A view of what was written, valid until the next change. */
	view(): Uint8Array {
		return this.region.bytes.subarray(0, this.length);
	}

	/** What was written, for the caller to keep or to transfer; the buffer is empty then. */
	take(): Uint8Array<ArrayBuffer> {
		const taken = this.view();
		this.region = allocateRegion(this.#initialBytes);
		this.length = 0;
		return taken as Uint8Array<ArrayBuffer>;
	}

	/** Forgets what was written, and keeps the memory unless it had to become very long. */
	clear(): void {
		this.length = 0;
		const {length} = this.region.bytes;
		if (length > KEPT_BYTES && length > this.#initialBytes) this.region = allocateRegion(this.#initialBytes);
	}

	#grow(needed: number): void {
		const doubled = this.region.bytes.length * 2;
		const larger = doubled <= DOUBLING_LIMIT ? doubled : needed + (needed >>> 2);
		const region = allocateRegion(Math.max(larger, needed));
		region.bytes.set(this.view());
		this.region = region;
	}
}
