import test from 'ava';
import {KeyTable, slotPosition} from '../../src/data/key-table.ts';
import {Records} from '../../src/data/records.ts';
import {RefBatch} from '../../src/data/ref-batch.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {Prng} from '../../src/lib/prng.ts';
import {regionOf} from '../../src/lib/region.ts';

const SLOT = 7;

/** A table whose hashes the test chooses. */
function tableOf(hashes: readonly number[]) {
	const records = new Records();
	const table = new KeyTable(records);
	const keys = hashes.map((_, i) => regionOf(toBytes(`key:${i}`)));
	const refs = keys.map((key, i) => {
		const length = key.bytes.length;
		const ref = records.createString(key, 0, length, key, 0, 0, 0, -1);
		if (table.find(SLOT, hashes[i]!, key, 0, length) !== 0) {
			throw new Error('a new key is not found');
		}
		table.insert(SLOT, hashes[i]!, ref, 0);
		return ref;
	});
	const hashOf = (ref: number) => hashes[refs.indexOf(ref)]!;
	const find = (i: number) => table.find(SLOT, hashes[i]!, keys[i]!, 0, keys[i]!.bytes.length);
	return {records, table, refs, hashOf, find};
}

test('two thousand keys of one hash are found, walked in one batch, and removed', (t) => {
	const hash = 0x1234_5678;
	const {records, table, refs, hashOf, find} = tableOf(new Array<number>(2000).fill(hash));
	table.check(hashOf);
	t.true(refs.every((ref, i) => find(i) === ref));
	const batch = new RefBatch();
	const next = table.collect(batch, slotPosition(SLOT), slotPosition(SLOT + 1), 1, false);
	t.is(batch.length, 2000);
	t.is(next, slotPosition(SLOT + 1));
	for (const [i, ref] of refs.entries()) {
		t.is(find(i), ref);
		table.remove(SLOT, hash);
		records.release(ref);
	}
	t.is(table.size, 0);
	t.is(records.arena.liveBytes, 0);
	t.is(table.overheadBytes, new KeyTable(new Records()).overheadBytes);
});

test('one hash for more keys than the longest leaf holds is caught', (t) => {
	t.throws(() => tableOf(new Array<number>(2049).fill(5)), {message: 'no two thousand keys have one hash'});
});

test('hashes crowded in one corner make a deep directory and no other change', (t) => {
	const prng = new Prng(1);
	const hashes = Array.from({length: 4000}, (_, i) =>
		i % 4 === 0 ? prng.below(2 ** 31) : prng.below(2 ** 14),
	);
	const {records, table, refs, hashOf, find} = tableOf([0, 2 ** 31 - 1, ...hashes]);
	table.check(hashOf);
	t.true(refs.every((ref, i) => find(i) === ref));
	const batch = new RefBatch();
	const walked: number[] = [];
	let position = slotPosition(SLOT);
	while (position < slotPosition(SLOT + 1)) {
		position = table.collect(batch, position, slotPosition(SLOT + 1), 10, false);
		walked.push(...batch.refs.subarray(0, batch.length));
	}
	t.is(walked.length, refs.length);
	t.is(new Set(walked).size, refs.length);
	table.forEachInSlot(SLOT, (ref) => records.release(ref));
	table.clearSlot(SLOT);
	t.is(records.arena.liveBytes, 0);
});

test('random refs are drawn evenly from a directory of uneven depth', (t) => {
	const prng = new Prng(2);
	const hashes = Array.from({length: 600}, (_, i) => (i < 300 ? prng.below(2 ** 31) : prng.below(2 ** 22)));
	const {table} = tableOf(hashes);
	const counts = new Map<number, number>();
	for (let i = 0; i < 60_000; i++) {
		const ref = table.randomRef(prng);
		counts.set(ref, (counts.get(ref) ?? 0) + 1);
	}
	let chiSquare = 0;
	for (const count of counts.values()) {
		chiSquare += (count - 100) ** 2 / 100;
	}
	t.is(counts.size, 600);
	// 599 degrees of freedom: mean 599, standard deviation 34.6.
	t.true(chiSquare < 599 + 5 * 34.6, String(chiSquare));
});
