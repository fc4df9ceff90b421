/**
 * Replies for which the kernel had no room yet, in order. Small ones are gathered in blocks, so that a client which is
 * sent much and reads nothing costs memory by the byte, and few writes when it reads again.
 */

/** As large as a write that still fits the kernel's buffer of a slow reader. */
const BLOCK_BYTES = 64 * 1024;

export class OutputBacklog {
	/** Bytes that wait. */
	length = 0;
	/** All but the last are full. */
	readonly #blocks: Uint8Array[] = [];
	/** Bytes in the last block. */
	#lastLength = 0;

	get blockCount(): number {
		return this.#blocks.length;
	}

	/** Copies `bytes[from, to)` behind what waits. */
	append(bytes: Uint8Array, from: number, to: number): void {
		this.length += to - from;
		const last = this.#blocks.at(-1);
		if (last !== undefined) {
			const fitting = Math.min(to - from, last.length - this.#lastLength);
			last.set(bytes.subarray(from, from + fitting), this.#lastLength);
			this.#lastLength += fitting;
			from += fitting;
		}
		if (from === to) return;
		const block = new Uint8Array(Math.max(BLOCK_BYTES, to - from));
		block.set(bytes.subarray(from, to));
		this.#blocks.push(block);
		this.#lastLength = to - from;
	}

	/** The oldest bytes, which are the caller's from now on; null when nothing waits. */
	take(): Uint8Array | null {
		const block = this.#blocks.shift();
		if (block === undefined) return null;
		const taken = this.#blocks.length === 0 ? block.subarray(0, this.#lastLength) : block;
		this.length -= taken.length;
		return taken;
	}

	clear(): void {
		this.#blocks.length = 0;
		this.length = 0;
	}
}
