/** "Did you mean": the known word that a mistyped one was probably meant to be. */

/** `; did you mean "shards"?`, or nothing when no word is near. */
export function nearest(word: string, known: readonly string[]): string {
	let best: string | undefined;
	// A third of the letters may be wrong, two at least: `shard`, `base_port`, `replicsa`.
	let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
	for (const candidate of known) {
		const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
		if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
	}
	return best === undefined ? '' : `; did you mean "${best}"?`;
}

/** Letters to insert, delete, replace or swap with their neighbour to make one word the other. */
function editDistance(a: string, b: string): number {
	const rows: number[][] = [Array.from({length: b.length + 1}, (_, j) => j)];
	const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		rows.push(row);
		for (let j = 1; j <= b.length; j++) {
			const same = a[i - 1] === b[j - 1];
			let cost = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
				cost = Math.min(cost, at(i - 2, j - 2) + 1);
			row.push(cost);
		}
	}
	return at(a.length, b.length);
}
