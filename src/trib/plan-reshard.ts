/**
 * Which slots a reshard takes from which node, in the proportions and the order of redis-trib: from each source as many as
 * its share of all the sources' slots, the largest source first, its lowest slots first. Pure.
 */

import type {SlotBitmap} from '../slots/slot-bitmap.ts';

export interface ReshardSource {
	readonly id: string;
	readonly slots: SlotBitmap;
}

export interface TakenSlot {
	readonly slot: number;
	readonly source: string;
}

/**
 * The first share is rounded up and the others down, as redis-trib does. What rounding leaves over redis-trib does not move at
 * all (10 slots of four equal nodes: 9); here every source gives one more, in order, until the count is full.
 * @param count of slots wanted; all are taken where there are fewer
 */
export function planReshard(sources: readonly ReshardSource[], count: number): TakenSlot[] {
	const ordered = sources.toSorted((a, b) => b.slots.count - a.slots.count);
	const total = ordered.reduce((sum, {slots}) => sum + slots.count, 0);
	if (total === 0) return [];
	const wanted = Math.min(count, total);
	let left = wanted;
	const shares = ordered.map(({slots}, i) => {
		const exact = (wanted * slots.count) / total;
		const share = Math.min(i === 0 ? Math.ceil(exact) : Math.floor(exact), left);
		left -= share;
		return share;
	});
	for (let i = 0; left > 0; i = (i + 1) % ordered.length) {
		if (shares[i]! < ordered[i]!.slots.count) {
			shares[i]!++;
			left--;
		}
	}
	return ordered.flatMap(({id, slots}, i) =>
		[...slots].slice(0, shares[i]).map((slot) => ({slot, source: id})),
	);
}
