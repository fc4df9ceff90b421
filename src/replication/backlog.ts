/**
 * The last bytes of the replication stream, kept so that a replica which lost its link can go on where it stopped.
 *
 *     offsets   startOffset                    endOffset
 *                    |  held, `length` bytes       |
 *     ring      | newest . | oldest ............ | ...
 *
 * An offset is a number of bytes of the stream: a replica at offset n has the first n bytes and wants those after them.
 */
import {assert} from '../lib/assert.ts';

export class Backlog {
	#ring: Uint8Array;
	/** Where the next byte goes. */
	#next = 0;
	#length = 0;
	#endOffset: number;

	/** @param endOffset bytes of the stream before the first one that will be appended */
	constructor(sizeBytes: number, endOffset: number) {
		this.#ring = new Uint8Array(sizeBytes);
		this.#endOffset = endOffset;
	}

	get sizeBytes(): number {
		return this.#ring.length;
	}

	/** Bytes held. */
	get length(): number {
		return this.#length;
	}

	get startOffset(): number {
		return this.#endOffset - this.#length;
	}

	get endOffset(): number {
		return this.#endOffset;
	}

	/** Copies `bytes[from, to)`. */
	append(bytes: Uint8Array, from: number, to: number): void {
		const ring = this.#ring;
		const size = ring.length;
		this.#endOffset += to - from;
		this.#length = Math.min(size, this.#length + to - from);
		// Of more than fits only the end will be asked for.
		let at = Math.max(from, to - size);
		if (at > from) this.#next = 0;
		while (at < to) {
			const count = Math.min(to - at, size - this.#next);
			ring.set(bytes.subarray(at, at + count), this.#next);
			at += count;
			this.#next = (this.#next + count) % size;
		}
	}

	/** Whether a replica at that offset can be given all that it lacks. */
	holds(offset: number): boolean {
		return offset >= this.startOffset && offset <= this.#endOffset;
	}

	/** A copy of all bytes behind an offset that it `holds`. */
	since(offset: number): Uint8Array {
		assert(this.holds(offset), 'the backlog holds what is asked of it');
		const size = this.#ring.length;
		const wanted = this.#endOffset - offset;
		const bytes = new Uint8Array(wanted);
		const start = (this.#next - wanted + size) % size;
		const first = Math.min(wanted, size - start);
		bytes.set(this.#ring.subarray(start, start + first));
		bytes.set(this.#ring.subarray(0, wanted - first), first);
		return bytes;
	}

	/** Keeps the newest bytes that fit. */
	resize(sizeBytes: number): void {
		const kept = this.since(this.#endOffset - Math.min(this.#length, sizeBytes));
		this.#ring = new Uint8Array(sizeBytes);
		this.#endOffset -= kept.length;
		this.#length = 0;
		this.#next = 0;
		this.append(kept, 0, kept.length);
	}
}
