/**
 * Which slots a rebalance moves. By slots it is redis-trib's arithmetic and order; by keys or memory each node shall carry its
 * share of the load, with as few slots moved as it takes. Pure.
 */

import {SLOT_COUNT} from '../slots/key-slot.ts';
import type {SlotBitmap} from '../slots/slot-bitmap.ts';
import type {SlotMove} from './moves.ts';

export interface WeightedNode {
	readonly id: string;
	readonly slots: SlotBitmap;
	/** Its share is this part of the sum of all weights; a node of weight 0 gives all its slots away. */
	readonly weight: number;
}

/** Slots that go from one node to another, in order. */
export interface Transfer {
	readonly source: string;
	readonly target: string;
	readonly slots: readonly number[];
}

export interface RebalancePlan {
	/** Whether some node is further from its share than the threshold. Nothing is moved otherwise. */
	readonly isNeeded: boolean;
	/** How much of what is balanced each node has too much (or, negative, too little). */
	readonly balances: ReadonlyMap<string, number>;
	readonly transfers: readonly Transfer[];
}

/** Of floating point, as a part of the whole load: a node that has its very share is not over it. */
const ROUNDING = 1e-9;

/** @param thresholdPercent how far off its share a node may be */
export function planBySlots(nodes: readonly WeightedNode[], thresholdPercent: number): RebalancePlan {
	const totalWeight = sumOf(nodes, ({weight}) => weight);
	const entries = nodes.map((node) => {
		const expected = totalWeight === 0 ? 0 : Math.floor((SLOT_COUNT / totalWeight) * node.weight);
		return {node, expected, balance: node.slots.count - expected};
	});
	const isNeeded = entries.some(({node, expected}) =>
		isOver(node.slots.count, expected, 1, thresholdPercent),
	);
	// Rounding leaves slots that nobody would take: those who receive take one more each.
	let surplus = sumOf(entries, ({balance}) => balance);
	while (surplus > 0 && totalWeight > 0) {
		for (const entry of entries) {
			if (entry.balance > 0 || entry.node.weight === 0 || surplus === 0) continue;
			entry.balance--;
			surplus--;
		}
	}
	const balances = new Map(entries.map(({node, balance}) => [node.id, balance]));
	return {isNeeded, balances, transfers: isNeeded ? matchBalances(entries) : []};
}

/** The neediest gets from the richest, until one of the two has what it should. */
function matchBalances(entries: readonly {node: WeightedNode; balance: number}[]): Transfer[] {
	const queue = entries
		.toSorted((a, b) => a.balance - b.balance)
		.map(({node, balance}) => ({node, balance, slots: [...node.slots]}));
	const transfers: Transfer[] = [];
	let [low, high] = [0, queue.length - 1];
	while (low < high) {
		const [target, source] = [queue[low]!, queue[high]!];
		const count = Math.min(Math.max(-target.balance, 0), Math.max(source.balance, 0));
		if (count > 0) {
			const slots = source.slots.splice(0, count);
			transfers.push({source: source.node.id, target: target.node.id, slots});
		}
		target.balance += count;
		source.balance -= count;
		if (target.balance >= 0) low++;
		if (source.balance <= 0) high--;
	}
	return transfers;
}

/**
 * @param loadOf what a slot weighs: keys, or bytes
 * @param thresholdPercent how far off its share a node may be
 */
export function planByLoad(
	nodes: readonly WeightedNode[],
	loadOf: (slot: number) => number,
	thresholdPercent: number,
): RebalancePlan {
	const totalWeight = sumOf(nodes, ({weight}) => weight);
	const entries = nodes.map((node) => {
		const slots = [...node.slots].map((slot) => ({slot, load: loadOf(slot)}));
		// Heavy slots first: few moves, and the light ones are left to fill what remains.
		slots.sort((a, b) => b.load - a.load || a.slot - b.slot);
		return {node, slots, load: sumOf(slots, ({load}) => load)};
	});
	const total = sumOf(entries, ({load}) => load);
	const shareOf = ({weight}: WeightedNode): number =>
		totalWeight === 0 ? 0 : (total * weight) / totalWeight;
	const balances = new Map(entries.map(({node, load}) => [node.id, load - shareOf(node)]));
	const isNeeded = entries.some(
		({node, load}) =>
			isOver(load, shareOf(node), 0, thresholdPercent) || (node.weight === 0 && node.slots.count > 0),
	);
	if (!isNeeded || totalWeight === 0) return {isNeeded: false, balances, transfers: []};

	// No node gives and takes: who takes a slot gets a new epoch, and with that its word on a slot that it gives away just now
	// would win over who has taken it.
	const takes = ({node, load}: (typeof entries)[number]): boolean =>
		node.weight > 0 && load - shareOf(node) <= total * ROUNDING;
	const receivers = entries.filter(takes).map(({node}) => node.id);
	const givers = entries.filter((entry) => !takes(entry));
	const deficit = (id: string): number => -(balances.get(id) ?? 0);
	const left = new Map(balances);
	const room = (id: string): number => -(left.get(id) ?? 0);
	const moves: SlotMove[] = [];
	const move = (slot: number, load: number, source: string, target: string): void => {
		moves.push({slot, source, target});
		left.set(source, (left.get(source) ?? 0) - load);
		left.set(target, (left.get(target) ?? 0) + load);
	};
	let turn = 0;
	for (const {node, slots} of givers.toSorted((a, b) => deficit(a.node.id) - deficit(b.node.id))) {
		for (const {slot, load} of slots) {
			// Slots without load go in turn; what weighs something goes where most is missing.
			const neediest =
				load === 0
					? receivers[turn++ % receivers.length]!
					: receivers.reduce((best, id) => (room(id) > room(best) ? id : best));
			if (node.weight === 0) move(slot, load, node.id, neediest);
			// It must make both ends better: more than half of it is wanted there and too much here.
			else if (load > 0 && load <= 2 * Math.min(-room(node.id), room(neediest)) - Number.EPSILON) {
				move(slot, load, node.id, neediest);
			}
		}
	}
	return {isNeeded, balances, transfers: transfersOf(moves)};
}

function transfersOf(moves: readonly SlotMove[]): Transfer[] {
	const transfers = new Map<string, {source: string; target: string; slots: number[]}>();
	for (const {slot, source, target} of moves) {
		const key = `${source} ${target}`;
		const transfer = transfers.get(key) ?? {source, target, slots: []};
		transfers.set(key, transfer);
		transfer.slots.push(slot);
	}
	return [...transfers.values()];
}

/** redis-trib measures the distance in parts of what the node has; one that has nothing and should have more than `least` is over. */
function isOver(has: number, expected: number, least: number, thresholdPercent: number): boolean {
	if (has <= 0) return expected > least;
	return Math.abs(100 - (100 * expected) / has) > thresholdPercent;
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
	return items.reduce((sum, item) => sum + value(item), 0);
}
