import test from 'ava';
import fc from 'fast-check';
import {SLOT_COUNT} from '../../src/slots/key-slot.ts';
import {SlotBitmap} from '../../src/slots/slot-bitmap.ts';
import type {SlotRange} from '../../src/slots/slot-ranges.ts';
import {groupMoves, ungroupMoves} from '../../src/trib/moves.ts';
import {planByLoad, planBySlots, type WeightedNode} from '../../src/trib/plan-rebalance.ts';
import {planReshard} from '../../src/trib/plan-reshard.ts';

const source = (id: string, ...ranges: SlotRange[]): {id: string; slots: SlotBitmap} => ({
	id,
	slots: SlotBitmap.ofRanges(ranges),
});
const node = (id: string, weight: number, ...ranges: SlotRange[]): WeightedNode => ({
	...source(id, ...ranges),
	weight,
});

test('sources give in proportion to their slots, the largest first, the lowest slots first', (t) => {
	const taken = planReshard([source('small', [0, 99]), source('large', [100, 399])], 8);
	t.deepEqual(
		taken.map(({slot, source: id}) => `${id} ${slot}`),
		['large 100', 'large 101', 'large 102', 'large 103', 'large 104', 'large 105', 'small 0', 'small 1'],
	);
});

test('what rounding leaves over is taken too, so that as many slots move as were wanted', (t) => {
	const four = [0, 1, 2, 3].map((i) => source(`n${i}`, [i * 100, i * 100 + 99]));
	const taken = planReshard(four, 10);
	t.is(taken.length, 10);
	const counts = four.map(({id}) => taken.filter((each) => each.source === id).length);
	t.deepEqual(counts, [4, 2, 2, 2]);
	t.is(planReshard(four, 1000).length, 400, 'no more than there are');
	t.deepEqual(planReshard([source('empty')], 5), []);
});

test('any reshard takes so many different slots, each from who has it', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({min: 0, max: 40}), {minLength: 1, maxLength: 6}),
			fc.integer({min: 1, max: 300}),
			(sizes, count) => {
				let at = 0;
				const sources = sizes.map((size, i) => {
					const slots = size === 0 ? source(`n${i}`) : source(`n${i}`, [at, at + size - 1]);
					at += size;
					return slots;
				});
				const taken = planReshard(sources, count);
				t.is(taken.length, Math.min(count, at));
				t.is(new Set(taken.map(({slot}) => slot)).size, taken.length);
				t.true(taken.every(({slot, source: id}) => sources.find((each) => each.id === id)?.slots.has(slot)));
			},
		),
	);
});

test('an empty node that takes part gets its share of the slots from each of the others', (t) => {
	const plan = planBySlots(
		[node('a', 1, [0, 5460]), node('b', 1, [5461, 10_922]), node('c', 1, [10_923, 16_383]), node('d', 1)],
		2,
	);
	t.true(plan.isNeeded);
	t.deepEqual(
		plan.transfers.map(({source: from, target, slots}) => [from, target, slots.length]),
		[
			['b', 'd', 1366],
			['c', 'd', 1365],
			['a', 'd', 1365],
		],
	);
});

test('within the threshold nothing moves; a weight of 0 gives all away', (t) => {
	const halves = [node('a', 1, [0, 8200]), node('b', 1, [8201, 16_383])];
	t.false(planBySlots(halves, 2).isNeeded);
	const emptied = planBySlots([node('a', 0, [0, 8191]), node('b', 1, [8192, 16_383])], 2);
	t.deepEqual(
		emptied.transfers.map(({source: from, target, slots}) => [from, target, slots.length]),
		[['a', 'b', 8192]],
	);
});

test('after any rebalance by slots each node is within a slot or two of its share, and nothing moves twice', (t) => {
	fc.assert(
		fc.property(
			fc
				.array(fc.integer({min: 0, max: 5}), {minLength: 2, maxLength: 7})
				.filter((w) => w.some((x) => x > 0)),
			fc.array(fc.integer({min: 0, max: SLOT_COUNT}), {minLength: 6, maxLength: 6}),
			(weights, cuts) => {
				const bounds = [0, ...cuts.slice(0, weights.length - 1).toSorted((a, b) => a - b), SLOT_COUNT];
				const nodes = weights.map((weight, i) =>
					bounds[i]! < bounds[i + 1]!
						? node(`n${i}`, weight, [bounds[i]!, bounds[i + 1]! - 1])
						: node(`n${i}`, weight),
				);
				const {transfers} = planBySlots(nodes, 0);
				const after = new Map(nodes.map(({id, slots}) => [id, new Set(slots)]));
				for (const {source: from, target, slots} of transfers) {
					for (const slot of slots) {
						t.true(after.get(from)!.delete(slot));
						after.get(target)!.add(slot);
					}
				}
				const total = weights.reduce((sum, weight) => sum + weight, 0);
				for (const {id, weight} of nodes) {
					const share = (SLOT_COUNT * weight) / total;
					t.true(
						Math.abs(after.get(id)!.size - share) <= nodes.length,
						`${id}: ${after.get(id)!.size} of ${share}`,
					);
					if (weight === 0) t.is(after.get(id)!.size, 0);
				}
			},
		),
	);
});

test('by load the heavy slots move first and both ends come nearer to their share', (t) => {
	const loads = new Map([
		[0, 60],
		[1, 30],
		[2, 10],
	]);
	const plan = planByLoad(
		[node('a', 1, [0, 8191]), node('b', 1, [8192, 16_383])],
		(slot) => loads.get(slot) ?? 0,
		2,
	);
	t.true(plan.isNeeded);
	const load = plan.transfers
		.flatMap(({slots}) => slots)
		.reduce((sum, slot) => sum + (loads.get(slot) ?? 0), 0);
	t.true(load >= 40 && load <= 60, String(load));
	t.true(plan.transfers.every(({source: from, target}) => from === 'a' && target === 'b'));
});

test('by load a node of weight 0 gives even its empty slots away, to all others', (t) => {
	const plan = planByLoad(
		[node('a', 0, [0, 99]), node('b', 1, [100, 8000]), node('c', 1, [8001, 16_383])],
		() => 0,
		2,
	);
	t.is(plan.transfers.flatMap(({slots}) => slots).length, 100);
	t.deepEqual(plan.transfers.map(({target}) => target).toSorted(), ['b', 'c']);
});

test('any rebalance by load leaves no node further from its share than before', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({min: 0, max: 100}), {minLength: 30, maxLength: 30}),
			fc.integer({min: 0, max: 29}),
			(loads, cut) => {
				const nodes = [node('a', 1, [0, cut]), node('b', 1, [cut + 1, 16_383])];
				const plan = planByLoad(nodes, (slot) => loads[slot] ?? 0, 0);
				let balance = plan.balances.get('a')!;
				for (const {source: from, slots} of plan.transfers) {
					const moved = slots.reduce((sum, slot) => sum + (loads[slot] ?? 0), 0);
					balance += from === 'a' ? -moved : moved;
				}
				t.true(Math.abs(balance) <= Math.abs(plan.balances.get('a')!));
			},
		),
	);
});

test('in a rebalance by load no node gives and takes', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({min: 0, max: 100}), {minLength: 30, maxLength: 30}),
			fc.tuple(fc.integer({min: 0, max: 3}), fc.integer({min: 0, max: 3}), fc.integer({min: 1, max: 3})),
			fc.integer({min: 0, max: 14}),
			fc.integer({min: 15, max: 28}),
			(loads, [a, b, c], first, second) => {
				const nodes = [
					node('a', a, [0, first]),
					node('b', b, [first + 1, second]),
					node('c', c, [second + 1, 16_383]),
				];
				const {transfers} = planByLoad(nodes, (slot) => loads[slot] ?? 0, 0);
				const sources = new Set(transfers.map(({source: from}) => from));
				t.false(transfers.some(({target}) => sources.has(target)));
			},
		),
	);
});

test('moves survive being written as ranges', (t) => {
	const moves = [7, 8, 9, 12].map((slot) => ({slot, source: 'a', target: 'b'}));
	t.deepEqual(ungroupMoves(groupMoves(moves)), moves);
});
