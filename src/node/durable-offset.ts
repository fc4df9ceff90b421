/**
 * How far the primary's stream is on this replica's disk, for REPLCONF ACK ... FACK. The append-only file counts in positions
 * of this node's own stream, the primary in offsets of its: pairs of both are noted while commands are applied, and each
 * counts when the file is flushed that far.
 *
 *     applied    offset 70    90    120          noted, at most one pair in ten milliseconds
 *                position 5   18    40
 *     flushed                 ^ 20               durable: offset 90
 */

/** Nothing is known to be on the disk. */
export const NOT_DURABLE = -1;

const PAIR_MS = 10;

interface Pair {
	offset: number;
	position: number;
	readonly atMs: number;
}

export class DurableOffset {
	#offset = NOT_DURABLE;
	#pairs: Pair[] = [];
	readonly #durablePosition: () => number;
	readonly #nowMs: () => number;

	/** @param durablePosition position up to which this node's stream is on the disk; negative while there is no file */
	constructor(durablePosition: () => number, nowMs: () => number) {
		this.#durablePosition = durablePosition;
		this.#nowMs = nowMs;
	}

	/** The data are of another history, or a file begins anew with them. */
	restart(offset: number, position: number): void {
		this.#offset = NOT_DURABLE;
		this.#pairs = [];
		this.applied(offset, position);
	}

	/** All of the primary's stream up to `offset` is in this node's up to `position`. */
	applied(offset: number, position: number): void {
		// Without a file only where it would begin counts.
		if (this.#durablePosition() < 0) this.#pairs = [];
		const last = this.#pairs.at(-1);
		const nowMs = this.#nowMs();
		if (last !== undefined && (last.position === position || nowMs - last.atMs < PAIR_MS)) {
			last.offset = offset;
			last.position = position;
			return;
		}
		this.#pairs.push({offset, position, atMs: nowMs});
	}

	/** Offset of the primary's stream that is on the disk; NOT_DURABLE when none is, or there is no file. */
	get value(): number {
		const position = this.#durablePosition();
		if (position < 0) return NOT_DURABLE;
		let count = 0;
		for (const pair of this.#pairs) {
			if (pair.position > position) break;
			this.#offset = pair.offset;
			count++;
		}
		this.#pairs.splice(0, count);
		return this.#offset;
	}
}
