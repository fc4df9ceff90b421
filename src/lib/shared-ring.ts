/**
 * A stream of bytes between two threads in shared memory: one writes, one reads, neither waits. What was written is there for the
 * reader also when the writer's thread has ended.
 *
 *     byte 0   Int32  bytes written, modulo 2^32
 *     byte 4   Int32  bytes read, modulo 2^32
 *     byte 8   Int32  1: the writer wants to hear when half of the ring is free
 *     byte 64  the ring: byte n of the stream stands at n modulo its size
 */
import {assert} from './assert.ts';

const WRITTEN = 0;
const READ = 1;
const WAITS = 2;
const HEADER_BYTES = 64;
/** A power of two, so that positions may overflow. */
export const RING_BYTES = 1024 * 1024;

export class SharedRing {
	readonly memory: SharedArrayBuffer;
	readonly #words: Int32Array;
	readonly #bytes: Uint8Array;

	/** @param memory of the other thread's ring; a new one without it */
	constructor(memory = new SharedArrayBuffer(HEADER_BYTES + RING_BYTES)) {
		assert(SharedRing.isRing(memory), 'a ring has one size');
		this.memory = memory;
		this.#words = new Int32Array(memory, 0, HEADER_BYTES / 4);
		this.#bytes = new Uint8Array(memory, HEADER_BYTES);
	}

	/** Whether what came from another thread can be one. */
	static isRing(value: unknown): value is SharedArrayBuffer {
		return value instanceof SharedArrayBuffer && value.byteLength === HEADER_BYTES + RING_BYTES;
	}

	/** Bytes that were written and not read. */
	get length(): number {
		return (Atomics.load(this.#words, WRITTEN) - Atomics.load(this.#words, READ)) >>> 0;
	}

	/** The writer's: puts in as much of `bytes[from, to)` as there is room for; how much that was. */
	write(bytes: Uint8Array, from: number, to: number): number {
		const count = Math.min(to - from, RING_BYTES - this.length);
		const at = Atomics.load(this.#words, WRITTEN) & (RING_BYTES - 1);
		const first = Math.min(count, RING_BYTES - at);
		this.#bytes.set(bytes.subarray(from, from + first), at);
		if (first < count) this.#bytes.set(bytes.subarray(from + first, from + count), 0);
		Atomics.add(this.#words, WRITTEN, count);
		return count;
	}

	/** The writer's: true when it must wait, and will be told (see `read`); false when half of the ring is free by now. */
	await(): boolean {
		Atomics.store(this.#words, WAITS, 1);
		if (this.length > RING_BYTES / 2) return true;
		// The reader came before it could see that somebody waits.
		Atomics.store(this.#words, WAITS, 0);
		return false;
	}

	/** The reader's: takes out the next bytes, as many as there are and `target` holds; how many. */
	read(target: Uint8Array): number {
		const count = Math.min(target.length, this.length);
		const at = Atomics.load(this.#words, READ) & (RING_BYTES - 1);
		const first = Math.min(count, RING_BYTES - at);
		target.set(this.#bytes.subarray(at, at + first));
		if (first < count) target.set(this.#bytes.subarray(0, count - first), first);
		Atomics.add(this.#words, READ, count);
		return count;
	}

	/** The reader's, after `read`: whether the writer is to be told now that there is room. */
	isAwaited(): boolean {
		if (Atomics.load(this.#words, WAITS) === 0 || this.length > RING_BYTES / 2) return false;
		return Atomics.exchange(this.#words, WAITS, 0) === 1;
	}
}
