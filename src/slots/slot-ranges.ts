/** Runs of slots, as `CLUSTER NODES`, `CLUSTER SLOTS`, nodes.conf and the manager speak of them. */

import {isSlot} from './key-slot.ts';

/** First and last slot of a run, both included. */
export type SlotRange = readonly [start: number, end: number];

/** The runs of a set of slots. @param slots in ascending order, as a `SlotBitmap` gives them */
export function slotRanges(slots: Iterable<number>): SlotRange[] {
	const ranges: SlotRange[] = [];
	let start = -1;
	let end = -1;
	for (const slot of slots) {
		if (slot !== end + 1 || start < 0) {
			if (start >= 0) {
				ranges.push([start, end]);
			}
			start = slot;
		}
		end = slot;
	}
	if (start >= 0) {
		ranges.push([start, end]);
	}
	return ranges;
}

/** `0-5460 7000 9000-9001`: runs parted by a space, a run of one slot as that slot alone. */
export function formatSlotRanges(ranges: Iterable<SlotRange>, separator = ' '): string {
	return Array.from(ranges, formatSlotRange).join(separator);
}

/** `0-5460`, or `7000` for a run of one slot. */
export function formatSlotRange([start, end]: SlotRange): string {
	return start === end ? String(start) : `${start}-${end}`;
}

/** Reads `0-5460` or `7000`; `null` when it is neither, a slot is out of range or the end stands before the start. */
export function parseSlotRange(text: string): SlotRange | null {
	const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
	if (match === null) {
		return null;
	}
	const start = Number(match[1]);
	const end = match[2] === undefined ? start : Number(match[2]);
	return isSlot(start) && isSlot(end) && start <= end ? [start, end] : null;
}
