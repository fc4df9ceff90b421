/**
 * What to do about slots that are open, that nobody serves, or that several nodes serve or hold keys of. Pure. The cases are
 * those of redis-cli 7.0, with three differences: a node that must give its keys away stops serving the slot before another one
 * takes it (`releaseSlot`), keys are moved out of nodes that have not opened the slot, too, and slots without keys go to the
 * primaries with the fewest slots instead of random ones.
 */

import {assert} from '../lib/assert.ts';
import {slotRanges, type SlotRange} from '../slots/slot-ranges.ts';
import {call, releaseSlot, say, setSlot, takeSlots, type Act, type Repair} from './repairs.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

/** Keys that primaries hold of a slot, by the id of the node. A node that is not in it has none. */
export type KeyCounts = ReadonlyMap<string, number>;

/** Closes an open slot, with one owner that has all of its keys. */
export function repairOpenSlot(view: ClusterView, slot: number, keys: KeyCounts): Repair {
	const primaries = view.nodes.filter(isPrimary);
	const keyCount = ({self}: NodeView): number => keys.get(self.id) ?? 0;
	const acts: Act[] = [say('info', `>>> Fixing open slot ${slot}`)];
	const claimants = primaries.filter((node) => node.slots.has(slot) || keyCount(node) > 0);
	for (const node of claimants) {
		if (node.slots.has(slot)) continue;
		acts.push(say('warning', `*** Found keys about slot ${slot} in non-owner node ${address(node)}!`));
	}
	const clear = claimants.length === 1 ? claimants[0]! : null;

	let migrating = primaries.filter(({self}) => self.migrating.has(slot));
	let importing = primaries.filter((node) => {
		if (migrating.includes(node)) return false;
		if (node.self.importing.has(slot)) return true;
		if (node === clear || keyCount(node) === 0) return false;
		acts.push(say('warning', `*** Found keys about slot ${slot} in node ${address(node)}!`));
		return true;
	});
	if (migrating.length > 0) acts.push(say('line', `Set as migrating in: ${addresses(migrating)}`));
	if (importing.length > 0) acts.push(say('line', `Set as importing in: ${addresses(importing)}`));

	const owner = clear ?? withMostKeys(primaries, slot, keys);
	if (clear === null) {
		const others = claimants.filter((node) => node !== owner);
		acts.push(
			say('info', '>>> No single clear owner for the slot, selecting an owner by # of keys...'),
			say('warning', `*** Configuring ${address(owner)} as the slot owner`),
			...others.map((node) => releaseSlot(node, slot, owner)),
			takeSlots(owner, [slot]),
		);
		const isSettled = (node: NodeView): boolean => node === owner || others.includes(node);
		migrating = migrating.filter((node) => !isSettled(node));
		importing = [...importing.filter((node) => !isSettled(node)), ...others];
	} else if (!owner.slots.has(slot)) {
		// Nobody serves it, and one node has all of its keys.
		importing = importing.filter((node) => node !== owner);
		acts.push(takeSlots(owner, [slot]));
	}
	acts.push(...closingActs(slot, {owner, migrating, importing, primaries, keyCount}));
	return {problem: 'open', slots: [slot], owner: finalOwner(slot, owner, migrating, importing), acts};
}

interface OpenSlot {
	readonly owner: NodeView;
	readonly migrating: readonly NodeView[];
	readonly importing: readonly NodeView[];
	readonly primaries: readonly NodeView[];
	keyCount(node: NodeView): number;
}

function closingActs(slot: number, open: OpenSlot): Act[] {
	const {owner, migrating, importing, primaries, keyCount} = open;
	const [source] = migrating;
	const others = importing.filter((node) => node !== owner);
	if (migrating.length === 1 && importing.length === 1) {
		assert(source !== undefined && importing[0] !== undefined, 'one of each');
		const target = importing[0];
		const where = `slot ${slot} from ${address(source)} to ${address(target)}`;
		return [say('info', `>>> Case 1: Moving ${where}`), ...moveSlot(slot, source, target, open)];
	}
	if (migrating.length === 0 && others.length > 0) {
		return [
			say('info', `>>> Case 2: Moving all the ${slot} slot keys to its owner ${address(owner)}`),
			...others.flatMap((node) => [
				...(node.self.importing.has(slot) || node.slots.has(slot) || keyCount(node) === 0
					? []
					: [releaseSlot(node, slot, owner)]),
				{do: 'move-keys', slot, from: node, to: owner, keyCount: keyCount(node)} as const,
				say('info', `>>> Setting ${slot} as STABLE in ${address(node)}`),
				call(node, setSlot(slot, 'STABLE')),
			]),
			...tellAll(slot, owner, primaries),
		];
	}
	if (source !== undefined && importing.length > 1) {
		const targetId = migrating.length === 1 ? source.self.migrating.get(slot) : undefined;
		const target = importing.find(({self}) => self.id === targetId);
		if (target !== undefined) {
			const where = `slot ${slot} from ${address(source)} to ${address(target)}`;
			return [
				say('info', `>>> Case 3: Moving ${where} and closing it on all the other importing nodes.`),
				...moveSlot(slot, source, target, open),
				...others.filter((node) => node !== target).map((node) => call(node, setSlot(slot, 'STABLE'))),
			];
		}
	}
	if (importing.length > 0) {
		return [
			say('info', `>>> Case 3: Closing slot ${slot} on both migrating and importing nodes.`),
			...[...migrating, ...importing].map((node) => call(node, setSlot(slot, 'STABLE'))),
		];
	}
	return migrating.flatMap((node) => [
		say('info', `>>> Case 4: Closing slot ${slot} on ${address(node)}`),
		call(node, setSlot(slot, 'STABLE')),
	]);
}

/** Who serves the slot in the end: cases 1 and 3 go on with the move that was begun. */
function finalOwner(
	slot: number,
	owner: NodeView,
	migrating: readonly NodeView[],
	importing: readonly NodeView[],
): NodeView {
	if (migrating.length !== 1 || importing.length === 0) return owner;
	if (importing.length === 1) return importing[0]!;
	const targetId = migrating[0]!.self.migrating.get(slot);
	return importing.find(({self}) => self.id === targetId) ?? owner;
}

/** The whole way of a slot: opened on both ends, keys moved, and the new owner told to the target first. */
function moveSlot(slot: number, from: NodeView, to: NodeView, {primaries, keyCount}: OpenSlot): Act[] {
	return [
		call(to, setSlot(slot, 'IMPORTING', from.self.id)),
		call(from, setSlot(slot, 'MIGRATING', to.self.id)),
		{do: 'move-keys', slot, from, to, keyCount: keyCount(from)},
		call(to, setSlot(slot, 'NODE', to.self.id)),
		call(from, setSlot(slot, 'NODE', to.self.id)),
		...tellAll(
			slot,
			to,
			primaries.filter((node) => node !== from),
		),
	];
}

function tellAll(slot: number, owner: NodeView, primaries: readonly NodeView[]): Act[] {
	return primaries
		.filter((node) => node !== owner)
		.map((node) => call(node, setSlot(slot, 'NODE', owner.self.id)));
}

/** Uncovered slots in three groups, by how many nodes hold keys of them. */
export interface Coverage {
	readonly none: readonly number[];
	readonly one: readonly number[];
	readonly several: readonly number[];
}

export function groupUncovered(slots: readonly number[], keysOf: (slot: number) => KeyCounts): Coverage {
	const holders = (slot: number): number => keysOf(slot).size;
	return {
		none: slots.filter((slot) => holders(slot) === 0),
		one: slots.filter((slot) => holders(slot) === 1),
		several: slots.filter((slot) => holders(slot) > 1),
	};
}

/** Runs of slots without keys, each to the primary that serves the fewest slots then. */
export function coverEmptySlots(view: ClusterView, slots: readonly number[]): Repair[] {
	const primaries = view.nodes.filter(isPrimary);
	const counts = new Map(primaries.map((node) => [node, node.slots.count]));
	return slotRanges(slots).flatMap((range): Repair[] => {
		const owner = primaries.toSorted((a, b) => counts.get(a)! - counts.get(b)!)[0];
		if (owner === undefined) return [];
		const run = slotsOf(range);
		counts.set(owner, counts.get(owner)! + run.length);
		return [cover(owner, run)];
	});
}

/** Slots of which one node holds keys, to that node. */
export function coverWithHolders(
	view: ClusterView,
	slots: readonly number[],
	keysOf: (slot: number) => KeyCounts,
): Repair[] {
	return slots.map((slot) => cover(withMostKeys(view.nodes.filter(isPrimary), slot, keysOf(slot)), [slot]));
}

function cover(owner: NodeView, slots: readonly number[]): Repair {
	const lines = slots.map((slot) => say('info', `>>> Covering slot ${slot} with ${address(owner)}`));
	return {problem: 'uncovered', slots, owner, acts: [...lines, takeSlots(owner, slots)]};
}

/** A slot of which several nodes hold keys, to the one with the most, which gets the others' keys. */
export function coverByGathering(view: ClusterView, slot: number, keys: KeyCounts): Repair {
	const owner = withMostKeys(view.nodes.filter(isPrimary), slot, keys);
	const line = say('info', `>>> Covering slot ${slot} moving keys to ${address(owner)}`);
	return {problem: 'uncovered', slots: [slot], owner, acts: [line, ...gather(view, slot, owner, keys)]};
}

/** A slot that several nodes serve or hold keys of, to the one with the most keys. */
export function repairOwners(view: ClusterView, slot: number, keys: KeyCounts): Repair {
	const owner = withMostKeys(view.nodes.filter(isPrimary), slot, keys);
	const acts = [
		say('info', `>>> Fixing multiple owners for slot ${slot}...`),
		say('info', `>>> Setting slot ${slot} owner: ${address(owner)}`),
		...gather(view, slot, owner, keys),
	];
	return {problem: 'multiple-owners', slots: [slot], owner, acts};
}

function gather(view: ClusterView, slot: number, owner: NodeView, keys: KeyCounts): Act[] {
	const primaries = view.nodes.filter(isPrimary);
	const others = primaries.filter(
		(node) => node !== owner && (node.slots.has(slot) || (keys.get(node.self.id) ?? 0) > 0),
	);
	return [
		...others.map((node) => releaseSlot(node, slot, owner)),
		takeSlots(owner, [slot]),
		...others.flatMap((node): Act[] => {
			const keyCount = keys.get(node.self.id) ?? 0;
			const close = call(node, setSlot(slot, 'STABLE'));
			return keyCount === 0 ? [close] : [{do: 'move-keys', slot, from: node, to: owner, keyCount}, close];
		}),
		...tellAll(slot, owner, primaries),
	];
}

/** Of nodes with equally many keys the one that serves the slot, by the strongest claim; else one that has it open; else the first. */
function withMostKeys(primaries: readonly NodeView[], slot: number, keys: KeyCounts): NodeView {
	const rank = (node: NodeView): readonly number[] => [
		keys.get(node.self.id) ?? 0,
		node.slots.has(slot) ? 1 + node.self.configEpoch : 0,
		node.self.importing.has(slot) || node.self.migrating.has(slot) ? 1 : 0,
	];
	const [best] = primaries.toSorted((a, b) => {
		const ranks = [rank(a), rank(b)] as const;
		const at = ranks[0].findIndex((value, i) => value !== ranks[1][i]);
		return at < 0 ? 0 : ranks[1][at]! - ranks[0][at]!;
	});
	assert(best !== undefined, 'a cluster that is to be mended has a primary');
	return best;
}

function addresses(nodes: readonly NodeView[]): string {
	return nodes.map(address).join(',');
}

function slotsOf([start, end]: SlotRange): number[] {
	return Array.from({length: end - start + 1}, (_, i) => start + i);
}
