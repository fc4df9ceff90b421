/**
 * Runs of equal values in typed arrays, found by comparing a piece of memory with itself one place further: a few native
 * calls where a loop over 16384 slots takes a thread that has just started a millisecond, and its compiler ten.
 */

/** Up to this length a loop is faster: the slots of a cluster may be scattered. */
const SHORT_RUN = 16;

/** Where the run that begins at `first` ends: the place of the first other value, or `end`. */
export function endOfRun(
	values: Uint8Array | Uint16Array,
	first: number,
	end: number = values.length,
): number {
	const value = values[first];
	for (let at = first + 1; ; at++) {
		if (at >= end || values[at] !== value) return at;
		if (at - first >= SHORT_RUN) break;
	}
	const size = values.BYTES_PER_ELEMENT;
	const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
	let known = first + SHORT_RUN;
	let limit = end;
	// Often all of it is one run; else the end is found by halving.
	for (let probe = end; known < limit; probe = (known + limit + 1) >>> 1) {
		const from = (known - 1) * size;
		const to = (probe - 1) * size;
		if (bytes.compare(bytes, from, to, from + size, to + size) === 0) known = probe;
		else limit = probe - 1;
	}
	return known;
}
