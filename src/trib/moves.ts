/** What a move of slots is: as plans make it, as lines show it and as reports and journals carry it. Pure. */

import {formatSlotRanges, parseSlotRange, slotRanges, type SlotRange} from '../slots/slot-ranges.ts';

/** One slot that goes from one primary to another, both by their ids. */
export interface SlotMove {
	readonly slot: number;
	readonly source: string;
	readonly target: string;
}

/** The moves between two nodes, with their slots as ranges. */
export interface MoveGroup {
	readonly source: string;
	readonly target: string;
	readonly slots: readonly SlotRange[];
}

/** What a slot holds. */
export interface SlotLoad {
	readonly keyCount: number;
	/** Memory of its keys: exact where it holds few, else estimated from some of them. */
	readonly bytes: number;
}

/** What the slots of some moves hold together; a slot that was not measured counts as empty. */
export function loadOf(moves: readonly SlotMove[], loads: ReadonlyMap<number, SlotLoad>): SlotLoad {
	let keyCount = 0;
	let bytes = 0;
	for (const {slot} of moves) {
		keyCount += loads.get(slot)?.keyCount ?? 0;
		bytes += loads.get(slot)?.bytes ?? 0;
	}
	return {keyCount, bytes};
}

/** The moves by their pair of nodes, in the order in which pairs first come. */
export function groupMoves(moves: readonly SlotMove[]): MoveGroup[] {
	const groups = new Map<string, {source: string; target: string; slots: number[]}>();
	for (const {slot, source, target} of moves) {
		const key = `${source} ${target}`;
		const group = groups.get(key) ?? {source, target, slots: []};
		groups.set(key, group);
		group.slots.push(slot);
	}
	return [...groups.values()].map(({slots, ...pair}) => ({
		...pair,
		slots: slotRanges(slots.toSorted((a, b) => a - b)),
	}));
}

/** The moves of groups, group after group, slots in ascending order. */
export function ungroupMoves(groups: readonly MoveGroup[]): SlotMove[] {
	return groups.flatMap(({source, target, slots}) =>
		slots.flatMap(([start, end]) =>
			Array.from({length: end - start + 1}, (_, i) => ({slot: start + i, source, target})),
		),
	);
}

/** `0-5 7` */
export function formatSlots(slots: Iterable<number>): string {
	return formatSlotRanges(slotRanges([...slots].toSorted((a, b) => a - b)));
}

/** Reads `0-5 7`; null when a word of it is no range. */
export function parseSlots(text: string): SlotRange[] | null {
	const words = text.split(' ').filter((word) => word !== '');
	const ranges = words.map(parseSlotRange);
	return ranges.every((range) => range !== null) ? ranges : null;
}

/** `12 bytes`, `3.4 KB`, `5.6 MB` */
export function formatBytes(bytes: number): string {
	if (bytes < 1024) return `${Math.round(bytes)} bytes`;
	const units = ['KB', 'MB', 'GB', 'TB'];
	let value = bytes / 1024;
	let unit = 0;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${value.toFixed(1)} ${units[unit]}`;
}
