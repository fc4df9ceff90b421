/** What `trib fix` does to mend slots, as data that can be printed and carried out. Pure. */

import {formatSlotRange, slotRanges} from '../slots/slot-ranges.ts';
import type {Printer} from './printer.ts';
import {address, type NodeView} from './view.ts';

/** One thing after the other; the first that fails ends the repair. */
export type Act =
	/** A line, as redis-cli has it. */
	| {readonly do: 'say'; readonly style: 'info' | 'warning' | 'line'; readonly text: string}
	/** Commands to one node, sent together. */
	| {readonly do: 'call'; readonly node: NodeView; readonly commands: readonly (readonly string[])[]}
	/** All keys of the slot. */
	| {
			readonly do: 'move-keys';
			readonly slot: number;
			readonly from: NodeView;
			readonly to: NodeView;
			/** Keys that the source had when it was asked. */
			readonly keyCount: number;
	  };

export interface Repair {
	readonly problem: 'open' | 'uncovered' | 'multiple-owners';
	readonly slots: readonly number[];
	/** Who serves the slots afterwards. */
	readonly owner: NodeView;
	readonly acts: readonly Act[];
}

export const say = (style: 'info' | 'warning' | 'line', text: string): Act => ({do: 'say', style, text});

export const call = (node: NodeView, ...commands: readonly (readonly string[])[]): Act => ({
	do: 'call',
	node,
	commands,
});

export function setSlot(slot: number, ...words: readonly string[]): string[] {
	return ['CLUSTER', 'SETSLOT', String(slot), ...words];
}

/**
 * Makes `owner` serve the slot, whoever did before. `STABLE` first, as an importing node cannot take a slot for its own; the
 * epoch last, so that its claim is stronger than all others.
 */
export function takeSlots(owner: NodeView, slots: readonly number[]): Act {
	const names = (list: readonly number[]): string[] => list.map(String);
	const mine = slots.filter((slot) => owner.slots.has(slot));
	const missing = slots.filter((slot) => !owner.slots.has(slot));
	const open = slots.filter((slot) => owner.self.importing.has(slot) || owner.self.migrating.has(slot));
	// Those that it believes to be another node's; to delete one that it gives to nobody would be an error.
	const others = owner.lines.filter(({id}) => id !== owner.self.id).flatMap((line) => line.slots);
	const taken = missing.filter((slot) => others.some(([start, end]) => start <= slot && slot <= end));
	const commands = [
		...open.map((slot) => setSlot(slot, 'STABLE')),
		...(taken.length > 0 ? [['CLUSTER', 'DELSLOTS', ...names(taken)]] : []),
		...(missing.length > 0 ? [['CLUSTER', 'ADDSLOTS', ...names(missing)]] : []),
		...(mine.length + missing.length > 0 ? [['CLUSTER', 'BUMPEPOCH']] : []),
	];
	return call(owner, ...commands);
}

/**
 * Readies another node to give its keys away: it no longer serves the slot, and answers MIGRATE for it. This has to come before
 * the owner takes the slot: a node that serves it, and hears of the stronger claim first, deletes its keys.
 */
export function releaseSlot(node: NodeView, slot: number, owner: NodeView): Act {
	const commands = [
		...(node.slots.has(slot) ? [['CLUSTER', 'DELSLOTS', String(slot)]] : []),
		// For a slot that belongs to nobody it would answer CLUSTERDOWN.
		setSlot(slot, 'NODE', owner.self.id),
		setSlot(slot, 'IMPORTING', owner.self.id),
	];
	return call(node, ...commands);
}

/** What it would do, a line a step; lines of redis-cli as they are. */
export function formatRepair({acts}: Repair): string[] {
	return acts.flatMap((act): string[] => {
		switch (act.do) {
			case 'say':
				return [act.text];
			case 'call':
				return act.commands.map((words) => `    ${address(act.node)}> ${shortened(words)}`);
			case 'move-keys':
				return [
					`    move ${act.keyCount} key(s) of slot ${act.slot} from ${address(act.from)} to ${address(act.to)}`,
				];
		}
	});
}

/** `CLUSTER ADDSLOTS 0-5460`: long lists of slots as ranges. */
function shortened(words: readonly string[]): string {
	const [first = '', second = '', ...slots] = words;
	if (second !== 'ADDSLOTS' && second !== 'DELSLOTS') return words.join(' ');
	return [first, second, ...slotRanges(slots.map(Number)).map(formatSlotRange)].join(' ');
}

export function sayTo(printer: Printer, act: Extract<Act, {do: 'say'}>): void {
	printer[act.style](act.text);
}
