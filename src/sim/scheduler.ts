/**
 * Virtual time: what is to happen, in the order of its time, and in the order it was asked for at the same time.
 */

interface Entry {
	readonly at: number;
	readonly sequence: number;
	readonly run: () => void;
}

export class Scheduler {
	/** Whole milliseconds. */
	now: number;
	/** A binary heap: no entry is later than those at twice its place. */
	readonly #heap: Entry[] = [];
	#sequence = 0;

	constructor(startAt: number) {
		this.now = startAt;
	}

	/** Runs it after `delayMs`; at once means after all that is to happen now already. */
	after(delayMs: number, run: () => void): void {
		this.at(this.now + delayMs, run);
	}

	at(time: number, run: () => void): void {
		const heap = this.#heap;
		const entry = {at: Math.max(time, this.now), sequence: this.#sequence++, run};
		let place = heap.length;
		heap.push(entry);
		while (place > 0) {
			const parent = (place - 1) >> 1;
			if (!isBefore(entry, heap[parent]!)) break;
			heap[place] = heap[parent]!;
			place = parent;
		}
		heap[place] = entry;
	}

	/** Runs the next thing that is due until `limit`; false when there is none, and the time is `limit` then. */
	step(limit: number): boolean {
		const next = this.#heap[0];
		if (next === undefined || next.at > limit) {
			this.now = limit;
			return false;
		}
		this.#removeFirst();
		this.now = next.at;
		next.run();
		return true;
	}

	#removeFirst(): void {
		const heap = this.#heap;
		const last = heap.pop()!;
		const {length} = heap;
		if (length === 0) return;
		let place = 0;
		for (;;) {
			let child = place * 2 + 1;
			if (child >= length) break;
			if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++;
			if (!isBefore(heap[child]!, last)) break;
			heap[place] = heap[child]!;
			place = child;
		}
		heap[place] = last;
	}
}

function isBefore(one: Entry, other: Entry): boolean {
	return one.at < other.at || (one.at === other.at && one.sequence < other.sequence);
}
