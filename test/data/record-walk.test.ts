/** A walk must see exactly what was there when it began, whatever is done to the keyspace between its slices. */
import test from 'ava';
import fc from 'fast-check';
import {HASH, Keyspace, STRING} from '../../src/data/keyspace.ts';
import type {Records} from '../../src/data/records.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {contents, findText, type ModelEntry, setText} from './keyspace-model.ts';

const NOW = 1_700_000_000_000;
const key = fc.oneof(
	{weight: 8, arbitrary: fc.nat(300).map((n) => `key:${n}`)},
	{weight: 3, arbitrary: fc.nat(20).map((n) => `{t}${n}`)},
	{weight: 1, arbitrary: fc.constantFrom('K'.repeat(8193), 'L'.repeat(20_000))},
);
const text = fc.oneof(
	{weight: 5, arbitrary: fc.nat(80).map((n) => 'v'.repeat(n))},
	{weight: 1, arbitrary: fc.integer({min: 16_000, max: 40_000}).map((n) => 'w'.repeat(n))},
);

/** As the executor does before a command that writes. */
function preserve(keyspace: Keyspace, name: string): void {
	const bytes = latin1ToBytes(name);
	keyspace.preserve(keySlot(bytes), regionOf(bytes), 0, bytes.length);
}

type Change = (keyspace: Keyspace, other: Keyspace) => void;

const change: fc.Arbitrary<Change> = fc.oneof(
	fc.tuple(key, text, fc.constantFrom(-1, NOW + 5, NOW + 1000)).map(([k, v, at]): Change => (db) => {
		setText(db, k, v, false, at);
	}),
	key.map((k): Change => (db) => {
		db.removeKey(latin1ToBytes(k));
	}),
	fc.tuple(key, fc.nat(50_000)).map(([k, length]): Change => (db) => {
		preserve(db, k);
		const ref = findText(db, k);
		if (ref === 0 || db.type(ref) !== STRING) return;
		const resized = db.resizeString(ref, length);
		if (length > 0) db.valueRegion(resized).bytes[db.valueAt(resized)] = 0x21;
		db.setRaw(resized);
	}),
	fc.tuple(key, text).map(([k, v]): Change => (db) => {
		preserve(db, k);
		const ref = findText(db, k);
		if (ref !== 0 && db.type(ref) === STRING) db.replaceString(ref, regionOf(latin1ToBytes(v)), 0, v.length);
	}),
	fc.tuple(key, fc.constantFrom(NOW - 5, NOW + 5, NOW + 1000)).map(([k, at]): Change => (db) => {
		preserve(db, k);
		const ref = findText(db, k);
		if (ref !== 0) db.setExpireAt(ref, at);
	}),
	key.map((k): Change => (db) => {
		preserve(db, k);
		const ref = findText(db, k);
		if (ref !== 0) db.persist(ref);
	}),
	fc.tuple(key, key).map(([k, to]): Change => (db) => {
		const ref = findText(db, k);
		if (ref !== 0) db.rename(ref, latin1ToBytes(to));
	}),
	fc.tuple(key, fc.boolean()).map(([k, back]): Change => (db, other) => {
		const [from, to] = back ? [other, db] : [db, other];
		const ref = findText(from, k);
		if (ref !== 0) from.moveTo(ref, to);
	}),
	fc.tuple(key, key).map(([k, to]): Change => (db, other) => {
		const ref = findText(other, k);
		if (ref !== 0) other.copyTo(ref, db, latin1ToBytes(to), (object) => object);
	}),
	key.map((k): Change => (db) => {
		db.setObject(latin1ToBytes(k), HASH, {of: k}, 100);
	}),
	key.map((k): Change => (db) => {
		db.flushSlot(keySlot(latin1ToBytes(k)), 2);
	}),
	key.map((k): Change => (db) => {
		db.flushSlot(keySlot(latin1ToBytes(k)));
	}),
	fc.constant<Change>((db) => {
		db.now += 3;
		db.activeExpire(() => false);
	}),
	fc.nat(300).map((n): Change => (db) => {
		for (let i = 0; i < 200; i++) setText(db, `more:${n}:${i}`, 'x'.repeat(i % 40));
	}),
);
const rareChange = fc.oneof(
	{weight: 60, arbitrary: change},
	{weight: 1, arbitrary: fc.constant<Change>((db) => void db.flush())},
);

/** Gathers what a walk takes, and fails when it takes a key twice. */
class Taken {
	readonly entries = new Map<string, ModelEntry>();
	readonly doubles: string[] = [];
	readonly take = (records: Records, ref: number): void => {
		const keyAt = records.keyAt(ref);
		const name = latin1(records.keyRegion(ref).bytes.slice(keyAt, keyAt + records.keyLength(ref)));
		if (this.entries.has(name)) this.doubles.push(name);
		this.entries.set(name, {value: valueOf(records, ref), expireAt: records.expireAt(ref)});
	};
}

function valueOf(records: Records, ref: number): string | object {
	if (records.type(ref) !== STRING) return records.object(ref) as object;
	const at = records.valueAt(ref);
	return latin1(records.valueRegion(ref).bytes.slice(at, at + records.valueLength(ref)));
}

const sorted = (entries: Map<string, ModelEntry>): [string, ModelEntry][] =>
	[...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));

test('a walk takes every record once, as it was at the beginning, whatever is changed between its slices', (t) => {
	fc.assert(
		fc.property(
			fc.array(change, {minLength: 20, maxLength: 120}),
			fc.array(fc.array(rareChange, {maxLength: 6}), {maxLength: 60}),
			fc.boolean(),
			(before, between, cancelled) => {
				const keyspace = new Keyspace({seed: 7});
				const other = new Keyspace({seed: 8});
				for (const db of [keyspace, other]) db.now = NOW;
				for (const step of before) step(keyspace, other);
				for (let round = 0; round < 2; round++) {
					const expected = contents(keyspace);
					const taken = new Taken();
					const walk = keyspace.beginWalk(taken.take);
					t.is(walk.total, expected.size);
					if (cancelled && round === 0) walk.cancel();
					for (const steps of between) {
						for (const step of steps) step(keyspace, other);
						// One batch a slice.
						walk.slice(() => true);
					}
					while (!walk.slice(() => true));
					t.false(keyspace.isWalked);
					t.deepEqual(taken.doubles, []);
					t.deepEqual(sorted(taken.entries), cancelled && round === 0 ? [] : sorted(expected));
				}
				keyspace.check();
			},
		),
		{numRuns: 60},
	);
});

test('flush ends the walk for the keyspace, and the walk still takes what was there', (t) => {
	const keyspace = new Keyspace({seed: 1});
	for (let i = 0; i < 1000; i++) setText(keyspace, `key:${i}`, `value:${i}`);
	const expected = contents(keyspace);
	const taken = new Taken();
	const walk = keyspace.beginWalk(taken.take);
	walk.slice(() => true);
	keyspace.flush();
	t.false(keyspace.isWalked);
	for (let i = 0; i < 1000; i++) setText(keyspace, `key:${i}`, 'new');
	const second = new Taken();
	const next = keyspace.beginWalk(second.take);
	while (!walk.slice(() => false) || !next.slice(() => false));
	t.deepEqual(sorted(taken.entries), sorted(expected));
	t.is(second.entries.size, 1000);
	t.true([...second.entries.values()].every(({value}) => value === 'new'));
});

test('only one walk at a time', (t) => {
	const keyspace = new Keyspace();
	setText(keyspace, 'a', '1');
	keyspace.beginWalk(() => undefined);
	t.throws(() => keyspace.beginWalk(() => undefined), {message: /one walk at a time/});
});
