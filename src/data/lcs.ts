/** The longest common subsequence of two byte strings, by the table of dynamic programming: time and place are a·b. */

/** A run of equal bytes in both strings; the ends are included. */
export interface CommonRange {
	readonly aStart: number;
	readonly aEnd: number;
	readonly bStart: number;
	readonly bEnd: number;
}

/** Bytes that the table takes for strings of these lengths. */
export function lcsTableBytes(aLength: number, bLength: number): number {
	return (aLength + 1) * (bLength + 1) * 4;
}

/** Length of the longest common subsequence. Two rows of the table are enough for it. */
export function lcsLength(a: Uint8Array, b: Uint8Array): number {
	let above = new Uint32Array(b.length + 1);
	let row = new Uint32Array(b.length + 1);
	for (let i = 0; i < a.length; i++) {
		fillRow(a[i]!, b, above, row);
		[above, row] = [row, above];
	}
	return above[b.length]!;
}

/**
 * The subsequence itself and the ranges it consists of, the last range first. Of several subsequences of the same length it is
 * the one that Redis shows.
 */
export function longestCommonSubsequence(
	a: Uint8Array,
	b: Uint8Array,
): {readonly bytes: Uint8Array; readonly ranges: readonly CommonRange[]} {
	const width = b.length + 1;
	const table = new Uint32Array((a.length + 1) * width);
	for (let i = 1; i <= a.length; i++) {
		fillRow(
			a[i - 1]!,
			b,
			table.subarray((i - 1) * width, i * width),
			table.subarray(i * width, (i + 1) * width),
		);
	}
	const bytes = new Uint8Array(table[table.length - 1]!);
	const ranges: CommonRange[] = [];
	let left = bytes.length;
	let i = a.length;
	let j = b.length;
	while (i > 0 && j > 0) {
		if (a[i - 1] !== b[j - 1]) {
			if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i--;
			else j--;
			continue;
		}
		const aEnd = i - 1;
		const bEnd = j - 1;
		while (i > 0 && j > 0 && a[i - 1] === b[j - 1]) {
			bytes[--left] = a[i - 1]!;
			i--;
			j--;
		}
		ranges.push({aStart: i, aEnd, bStart: j, bEnd});
	}
	return {bytes, ranges};
}

/** One row of the table: the lengths for one more byte of the first string. */
function fillRow(byte: number, b: Uint8Array, above: Uint32Array, row: Uint32Array): void {
	let before = 0;
	let diagonal = 0;
	for (let j = 0; j < b.length; j++) {
		const up = above[j + 1]!;
		before = byte === b[j] ? diagonal + 1 : up > before ? up : before;
		row[j + 1] = before;
		diagonal = up;
	}
}
