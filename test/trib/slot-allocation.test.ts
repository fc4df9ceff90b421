import test from 'ava';
import fc from 'fast-check';
import {Prng} from '../../src/lib/prng.ts';
import {antiAffinityScore, optimizeAntiAffinity} from '../../src/trib/anti-affinity.ts';
import {allocate, interleaveHosts, splitSlots} from '../../src/trib/slot-allocation.ts';

function below(seed: number): (bound: number) => number {
	const prng = new Prng(seed);
	return (bound) => prng.below(bound);
}

/** Hosts of up to 40 nodes, with a shape that fits them. */
const request = fc
	.record({
		hosts: fc.array(fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'), {
			minLength: 1,
			maxLength: 40,
		}),
		replicasPerPrimary: fc.nat(3),
		seed: fc.nat(),
	})
	.filter(({hosts, replicasPerPrimary}) => hosts.length > replicasPerPrimary)
	.map(({hosts, replicasPerPrimary, seed}) => ({
		hosts,
		replicasPerPrimary,
		primaryCount: Math.floor(hosts.length / (replicasPerPrimary + 1)),
		below: below(seed),
	}));

test('three primaries get the ranges that everybody knows', (t) => {
	t.deepEqual(splitSlots(3), [
		[0, 5460],
		[5461, 10_922],
		[10_923, 16_383],
	]);
});

test('the borders are those of single precision, as redis-cli computes them', (t) => {
	t.deepEqual(splitSlots(6).map(String), [
		'0,2730',
		'2731,5460',
		'5461,8191',
		'8192,10922',
		'10923,13652',
		'13653,16383',
	]);
	t.deepEqual(splitSlots(1), [[0, 16_383]]);
});

test('every slot goes to exactly one primary, and shares differ by one slot at most', (t) => {
	fc.assert(
		fc.property(fc.integer({min: 1, max: 1000}), (count) => {
			const ranges = splitSlots(count);
			let next = 0;
			for (const [start, end] of ranges) {
				if (start !== next || end < start) return false;
				next = end + 1;
			}
			const sizes = ranges.map(([start, end]) => end - start + 1);
			return next === 16_384 && Math.max(...sizes) - Math.min(...sizes) <= 1;
		}),
	);
	t.pass();
});

test('hosts take turns', (t) => {
	t.deepEqual(interleaveHosts(['a', 'a', 'a', 'b', 'b', 'c']), [0, 3, 5, 1, 4, 2]);
});

test('six nodes on one host: the replicas are rotated by one, as redis-cli does', (t) => {
	const {primaries, choices, antiAffinity} = allocate({
		hosts: Array.from({length: 6}, () => '127.0.0.1'),
		primaryCount: 3,
		replicasPerPrimary: 1,
		below: below(1),
	});
	t.deepEqual(
		primaries.map(({node}) => node),
		[0, 1, 2],
	);
	t.deepEqual(
		choices.map(({replica, primary}) => [replica, primary]),
		[
			[4, 0],
			[5, 1],
			[3, 2],
		],
	);
	t.is(antiAffinity, 'replica-beside-primary');
});

test('two nodes on each of three hosts: no replica beside its primary', (t) => {
	const hosts = ['a', 'a', 'b', 'b', 'c', 'c'];
	const {primaryOf} = allocate({
		hosts,
		primaryCount: 3,
		replicasPerPrimary: 1,
		below: below(1),
	});
	t.is(antiAffinityScore(hosts, primaryOf), 0);
});

test('a node left over becomes an extra replica', (t) => {
	const hosts = Array.from({length: 7}, () => 'a');
	const {choices} = allocate({hosts, primaryCount: 3, replicasPerPrimary: 1, below: below(1)});
	t.deepEqual(
		choices.map(({isExtra}) => isExtra),
		[false, false, false, true],
	);
});

test('every node gets a task, and every primary its replicas', (t) => {
	fc.assert(
		fc.property(request, (wish) => {
			const {primaries, primaryOf, choices} = allocate(wish);
			const primaryNodes = new Set(primaries.map(({node}) => node));
			if (primaries.length !== wish.primaryCount || primaryNodes.size !== wish.primaryCount) return false;
			if (choices.length !== wish.hosts.length - wish.primaryCount) return false;
			const counts = new Map<number, number>();
			for (const [node, primary] of primaryOf.entries()) {
				if ((primary === null) !== primaryNodes.has(node)) return false;
				if (primary !== null && !primaryNodes.has(primary)) return false;
				if (primary !== null) counts.set(primary, (counts.get(primary) ?? 0) + 1);
			}
			return [...primaryNodes].every((node) => (counts.get(node) ?? 0) >= wish.replicasPerPrimary);
		}),
	);
	t.pass();
});

test('the optimiser never makes a placement worse and says truly what it reached', (t) => {
	fc.assert(
		fc.property(request, fc.nat(), (wish, seed) => {
			const {primaryOf} = allocate(wish);
			const start = [...primaryOf];
			const swapped = [...primaryOf];
			const before = antiAffinityScore(wish.hosts, start);
			const outcome = optimizeAntiAffinity(wish.hosts, swapped, below(seed));
			const after = antiAffinityScore(wish.hosts, swapped);
			if (after > before || (outcome === null) !== (before === 0)) return false;
			if (outcome === null) return true;
			return (
				outcome ===
				(after === 0 ? 'perfect' : after >= 10_000 ? 'replica-beside-primary' : 'replicas-together')
			);
		}),
	);
	t.pass();
});

test('the optimiser finds the placement that a bad start hides', (t) => {
	const hosts = ['a', 'b', 'c', 'a', 'b', 'c'];
	const primaryOf = [null, null, null, 0, 1, 2];
	t.is(optimizeAntiAffinity(hosts, primaryOf, below(7)), 'perfect');
	t.is(antiAffinityScore(hosts, primaryOf), 0);
});
