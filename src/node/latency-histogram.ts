/**
 * Durations of one command in a histogram with high dynamic range: two significant digits from 1 ns to 1 s, as LATENCY HISTOGRAM
 * and INFO latencystats of redis 7.0 report them. Buckets double in width; each has 128 cells (the first one 256), so a cell is
 * never wider than 1/128 of its value.
 *
 * ```
 *  cell     0 … 255      256 … 383     384 … 511    …
 *  value    0 … 255 ns   256 … 511     512 … 1023   …
 *  width    1 ns         2 ns          4 ns         …
 * ```
 */
import type {LatencyHistogram} from '../commands/services.ts';

const HALF_CELLS = 128;
const HALF_CELLS_BITS = 7;
const LEAST_NS = 1;
const MOST_NS = 1_000_000_000;
/** The 23 buckets that reach 1 s. */
const CELL_COUNT = 24 * HALF_CELLS;
/** The bounds of `cumulative` begin here and double. */
const FIRST_LEVEL_NS = 1024;
/** Where the cells end. */
const LAST_BOUND_US = Math.floor((2 ** 30 - 1) / 1000);

export class CommandHistogram implements LatencyHistogram {
	count = 0;
	readonly #cells = new Uint32Array(CELL_COUNT);

	/** `times` durations. Those outside 1 ns to 1 s count as these. */
	record(ns: number, times = 1): void {
		const value = ns < LEAST_NS ? LEAST_NS : ns > MOST_NS ? MOST_NS : ns | 0;
		this.#cells[cellOf(value)]! += times;
		this.count += times;
	}

	percentileNs(percentile: number): number {
		const wanted = Math.max(1, Math.floor((percentile / 100) * this.count + 0.5));
		let counted = 0;
		for (let cell = 0; cell < CELL_COUNT; cell++) {
			counted += this.#cells[cell]!;
			if (counted >= wanted) return percentile === 0 ? lowestOf(cell) : highestOf(cell);
		}
		return 0;
	}

	cumulative(): readonly (readonly [boundUs: number, calls: number])[] {
		const bounds: [number, number][] = [];
		let counted = 0;
		let reported = 0;
		let level = FIRST_LEVEL_NS;
		for (let cell = 0; cell < CELL_COUNT && reported < this.count; cell++) {
			counted += this.#cells[cell]!;
			while (lowestOf(cell) >= level) {
				if (counted > reported) bounds.push([Math.floor(highestOf(cell) / 1000), counted]);
				reported = counted;
				level *= 2;
			}
		}
		if (counted > reported) bounds.push([LAST_BOUND_US, counted]);
		return bounds;
	}

	reset(): void {
		this.count = 0;
		this.#cells.fill(0);
	}
}

function cellOf(value: number): number {
	const bucket = Math.max(0, 31 - Math.clz32(value) - HALF_CELLS_BITS);
	return bucket * HALF_CELLS + (value >>> bucket);
}

function bucketOf(cell: number): number {
	return Math.max(0, (cell >>> HALF_CELLS_BITS) - 1);
}

function lowestOf(cell: number): number {
	const bucket = bucketOf(cell);
	return (cell - bucket * HALF_CELLS) * 2 ** bucket;
}

function highestOf(cell: number): number {
	return lowestOf(cell) + 2 ** bucketOf(cell) - 1;
}
