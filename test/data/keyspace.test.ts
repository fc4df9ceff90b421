import test from 'ava';
import fc from 'fast-check';
import {HASH, Keyspace, LIST, STRING} from '../../src/data/keyspace.ts';
import {latin1, latin1ToBytes, toBytes} from '../../src/lib/bytes.ts';
import {Prng} from '../../src/lib/prng.ts';
import {regionOf} from '../../src/lib/region.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {contents, findText, KeyspaceModel, setText} from './keyspace-model.ts';

const NOW = 1_700_000_000_000;

// A few keys that meet often, in one slot and in several, some too long for their block.
const key = fc.oneof(
	{weight: 6, arbitrary: fc.nat(9).map((n) => `{t}${n}`)},
	{weight: 3, arbitrary: fc.nat(9).map((n) => `key:${n}`)},
	{weight: 1, arbitrary: fc.constantFrom('', 'a', 'K'.repeat(8192), 'K'.repeat(8193), 'L'.repeat(20_000))},
);
const length = fc.oneof(
	{weight: 6, arbitrary: fc.nat(80)},
	{weight: 2, arbitrary: fc.integer({min: 1000, max: 1100})},
	{weight: 1, arbitrary: fc.integer({min: 8100, max: 8300})},
	{weight: 1, arbitrary: fc.integer({min: 16_300, max: 16_400})},
	{weight: 1, arbitrary: fc.integer({min: 16_000, max: 60_000})},
);
const value = fc.tuple(length, fc.nat(25)).map(([n, letter]) => String.fromCharCode(97 + letter).repeat(n));
const expireAt = fc.oneof(
	fc.constant(-1),
	fc.integer({min: 1, max: 200}).map((ms) => NOW + ms),
);

/** One step on both; returns what each answered, to be compared. */
type Step = (keyspace: Keyspace, model: KeyspaceModel) => [unknown, unknown];

const steps: fc.Arbitrary<Step> = fc.oneof(
	fc.tuple(key, value, fc.boolean(), expireAt).map(([k, v, keepTtl, at]): Step => {
		return (keyspace, model) => {
			const ref = setText(keyspace, k, v, keepTtl, at);
			const old = model.find(k);
			model.entries.set(k, {value: v, expireAt: keepTtl ? (old?.expireAt ?? -1) : at});
			return [latin1(keyspace.value(ref)), v];
		};
	}),
	fc.tuple(key, value, fc.boolean()).map(([k, v, keepTtl]): Step => {
		return (keyspace, model) => {
			const ref = keyspace.setStringOwned(latin1ToBytes(k), latin1ToBytes(v), keepTtl);
			const old = model.find(k);
			model.entries.set(k, {value: v, expireAt: keepTtl ? (old?.expireAt ?? -1) : -1});
			return [keyspace.valueLength(ref), v.length];
		};
	}),
	fc.tuple(key, fc.boolean()).map(([k, keepTtl]): Step => {
		return (keyspace, model) => {
			const object = {};
			keyspace.setObject(latin1ToBytes(k), HASH, object, 100, keepTtl);
			const old = model.find(k);
			model.entries.set(k, {value: object, expireAt: keepTtl ? (old?.expireAt ?? -1) : -1});
			return [1, 1];
		};
	}),
	key.map((k): Step => {
		return (keyspace, model) => {
			const ref = findText(keyspace, k);
			const entry = model.find(k);
			if (ref === 0) {
				return [undefined, entry];
			}
			return [
				keyspace.type(ref) === STRING ? latin1(keyspace.value(ref)) : keyspace.object(ref),
				entry?.value,
			];
		};
	}),
	key.map((k): Step => {
		return (keyspace, model) => {
			const was = model.find(k) !== undefined;
			model.entries.delete(k);
			return [keyspace.removeKey(latin1ToBytes(k)), was];
		};
	}),
	fc.tuple(key, length).map(([k, newLength]): Step => {
		return (keyspace, model) => {
			const entry = model.find(k);
			const ref = findText(keyspace, k);
			if (entry === undefined || typeof entry.value !== 'string') {
				return [ref !== 0, entry !== undefined];
			}
			entry.value = entry.value.slice(0, newLength).padEnd(newLength, '\0');
			return [latin1(keyspace.value(keyspace.resizeString(ref, newLength))), entry.value];
		};
	}),
	fc.tuple(key, value).map(([k, v]): Step => {
		return (keyspace, model) => {
			const entry = model.find(k);
			const ref = findText(keyspace, k);
			if (entry === undefined || typeof entry.value !== 'string') {
				return [ref !== 0, entry !== undefined];
			}
			entry.value = v;
			const from = regionOf(latin1ToBytes(v));
			return [latin1(keyspace.value(keyspace.replaceString(ref, from, 0, v.length))), v];
		};
	}),
	fc.tuple(key, fc.integer({min: -50, max: 200})).map(([k, ms]): Step => {
		return (keyspace, model) => {
			const entry = model.find(k);
			const ref = findText(keyspace, k);
			if (entry === undefined) {
				return [ref, 0];
			}
			entry.expireAt = model.now + ms;
			return [keyspace.expireAt(keyspace.setExpireAt(ref, model.now + ms)), entry.expireAt];
		};
	}),
	key.map((k): Step => {
		return (keyspace, model) => {
			const entry = model.find(k);
			const ref = findText(keyspace, k);
			if (entry === undefined) {
				return [ref, 0];
			}
			const had = entry.expireAt >= 0;
			entry.expireAt = -1;
			return [keyspace.persist(ref), had];
		};
	}),
	fc.tuple(key, key).map(([from, to]): Step => {
		return (keyspace, model) => {
			const entry = model.find(from);
			const ref = findText(keyspace, from);
			if (entry === undefined) {
				return [ref, 0];
			}
			model.entries.delete(from);
			model.entries.set(to, entry);
			return [latin1(keyspace.keyBytes(keyspace.rename(ref, latin1ToBytes(to)))), to];
		};
	}),
	fc.tuple(key, key).map(([from, to]): Step => {
		return (keyspace, model) => {
			const entry = model.find(from);
			const ref = findText(keyspace, from);
			if (entry === undefined) {
				return [ref, 0];
			}
			model.entries.set(to, {...entry});
			return [
				keyspace.expireAt(keyspace.copyTo(ref, keyspace, latin1ToBytes(to), (object) => object)),
				entry.expireAt,
			];
		};
	}),
	fc.integer({min: 1, max: 60}).map((ms): Step => {
		return (keyspace, model) => {
			model.now += ms;
			keyspace.now = model.now;
			return [keyspace.now, model.now];
		};
	}),
	fc.constant<Step>((keyspace, model) => {
		keyspace.activeExpire(() => false, Number.POSITIVE_INFINITY);
		model.removeExpired();
		return [keyspace.size, model.entries.size];
	}),
	fc.nat(16383).map((slot): Step => {
		return (keyspace, model) => {
			const of = slot % 3 === 0 ? keySlot(toBytes('t')) : slot;
			const keys = [...model.entries.keys()].filter((k) => keySlot(latin1ToBytes(k)) === of);
			for (const k of keys) {
				model.entries.delete(k);
			}
			return [keyspace.flushSlot(of), keys.length];
		};
	}),
);

test('every operation answers as a Map would, and leaves all structures sound', (t) => {
	fc.assert(
		fc.property(fc.array(steps, {maxLength: 120}), fc.integer(), (sequence, seed) => {
			const keyspace = new Keyspace({seed});
			const model = new KeyspaceModel();
			model.now = NOW;
			keyspace.now = NOW;
			for (const step of sequence) {
				const [actual, expected] = step(keyspace, model);
				if (actual !== expected) {
					throw new Error(`answered ${String(actual).slice(0, 50)}, not ${String(expected).slice(0, 50)}`);
				}
			}
			keyspace.check();
			const found = contents(keyspace);
			if (found.size !== keyspace.size || found.size !== model.entries.size) {
				throw new Error(
					`${found.size} keys walked, ${keyspace.size} counted, ${model.entries.size} expected`,
				);
			}
			let volatileCount = 0;
			for (const [k, entry] of model.entries) {
				const real = found.get(k);
				if (real?.value !== entry.value || real.expireAt !== entry.expireAt) {
					throw new Error(`${k.slice(0, 20)} differs`);
				}
				volatileCount += entry.expireAt < 0 ? 0 : 1;
			}
			if (keyspace.volatileCount !== volatileCount) {
				throw new Error('volatile keys are miscounted');
			}
			for (const k of model.entries.keys()) {
				keyspace.expiredKeys = 'ignore';
				keyspace.removeKey(latin1ToBytes(k));
			}
			keyspace.check();
			return keyspace.size === 0 && keyspace.usedBytes === new Keyspace().usedBytes;
		}),
		{numRuns: 300},
	);
	t.pass();
});

for (const prefix of ['{t}', 'key:']) {
	test(`thousands of keys (${prefix}) grow, split and merge leaves, and go without a trace`, (t) => {
		const keyspace = new Keyspace({seed: 5});
		const prng = new Prng(6);
		const model = new Map<string, string>();
		const empty = keyspace.usedBytes;
		for (const [count, share] of [
			[30_000, 0.9],
			[20_000, 0.2],
			[30_000, 0.8],
		] as const) {
			for (let i = 0; i < count; i++) {
				const k = `${prefix}${prng.below(40_000)}`;
				if (prng.fraction() < share) {
					setText(keyspace, k, String(i));
					model.set(k, String(i));
				} else {
					t.is(keyspace.removeKey(latin1ToBytes(k)), model.delete(k));
				}
			}
			keyspace.check();
			t.is(keyspace.size, model.size);
		}
		for (const [k, v] of model) {
			if (latin1(keyspace.value(findText(keyspace, k))) !== v) {
				t.fail(k);
			}
		}
		for (const k of model.keys()) {
			keyspace.removeKey(latin1ToBytes(k));
		}
		keyspace.check();
		t.is(keyspace.usedBytes, empty);
		t.is(keyspace.heldBytes, empty);
	});
}

test('a key in many records is found wherever the bytes of its name stand', (t) => {
	const keyspace = new Keyspace();
	setText(keyspace, 'hello', 'world');
	const region = regionOf(toBytes('xxxhelloyyy'));
	const slot = keySlot(region.bytes, 3, 5);
	t.not(keyspace.find(slot, region, 3, 5), 0);
	t.is(keyspace.find(slot, region, 2, 5), 0);
	t.is(keyspace.find(slot, region, 3, 4), 0);
});

test('lookup counts hits and misses, find counts nothing', (t) => {
	const keyspace = new Keyspace();
	setText(keyspace, 'a', '1');
	keyspace.lookupKey(toBytes('a'));
	keyspace.lookupKey(toBytes('b'));
	keyspace.lookupKey(toBytes('c'));
	keyspace.findKey(toBytes('a'));
	t.is(keyspace.keyspaceHits, 1);
	t.is(keyspace.keyspaceMisses, 2);
});

test('a value set over another reuses the block when it fits and at least half is used', (t) => {
	const keyspace = new Keyspace();
	const ref = setText(keyspace, 'k', 'x'.repeat(64));
	t.is(setText(keyspace, 'k', 'y'.repeat(60)), ref);
	t.not(setText(keyspace, 'k', 'y'), ref);
	t.is(latin1(keyspace.value(findText(keyspace, 'k'))), 'y');
});

test('the flag raw stays until the string is set anew, and goes along with copies and renames', (t) => {
	const keyspace = new Keyspace();
	let ref = setText(keyspace, 'k', 'abc');
	t.false(keyspace.isRaw(ref));
	keyspace.setRaw(ref);
	ref = keyspace.rename(ref, toBytes('l'));
	t.true(keyspace.isRaw(ref));
	t.true(keyspace.isRaw(keyspace.copyTo(ref, keyspace, toBytes('m'), (object) => object)));
	t.false(keyspace.isRaw(setText(keyspace, 'l', 'abd')));
});

test('appending byte by byte copies the string a few times only', (t) => {
	const keyspace = new Keyspace();
	let ref = setText(keyspace, 'k', '');
	let moves = 0;
	for (let n = 1; n <= 100_000; n++) {
		const before = keyspace.valueRegion(ref);
		const beforeAt = keyspace.valueAt(ref);
		ref = keyspace.resizeString(ref, n);
		moves += keyspace.valueRegion(ref) === before && keyspace.valueAt(ref) === beforeAt ? 0 : 1;
		keyspace.valueRegion(ref).bytes[keyspace.valueAt(ref) + n - 1] = n & 0xff;
	}
	t.true(keyspace.value(ref).every((byte, i) => byte === ((i + 1) & 0xff)));
	t.true(moves < 30, `${moves} moves`);
	keyspace.removeRef(ref);
	t.is(keyspace.usedBytes, new Keyspace().usedBytes);
});

test('what a string grows by is zero, also where longer bytes stood before', (t) => {
	for (const [long, short, grown] of [
		[80, 10, 60],
		[80, 10, 300],
		[30_000, 10, 20_000],
	] as const) {
		const keyspace = new Keyspace();
		let ref = setText(keyspace, 'k', 'x'.repeat(long));
		ref = keyspace.resizeString(ref, short);
		ref = keyspace.resizeString(ref, grown);
		t.is(latin1(keyspace.value(ref)), 'x'.repeat(short) + '\0'.repeat(grown - short));
	}
});

test('a long value that is handed over is not copied', (t) => {
	const keyspace = new Keyspace();
	const long = new Uint8Array(1 << 20).fill(7);
	const ref = keyspace.setStringOwned(toBytes('k'), long, false);
	t.is(keyspace.valueRegion(ref).bytes, long);
	const renamed = keyspace.rename(ref, toBytes('l'));
	t.is(keyspace.valueRegion(renamed).bytes, long);
	const other = new Keyspace();
	const moved = other.findKey(toBytes('l')) === 0 ? keyspace.moveTo(renamed, other) : 0;
	t.is(other.valueRegion(moved).bytes, long);
	t.is(keyspace.size, 0);
	t.true(other.bytesOf(moved) > 1 << 20);
	t.true(other.usedBytes > 1 << 20);
});

test('a copy of an object is what clone makes, with the expiry of the original', (t) => {
	const keyspace = new Keyspace();
	const target = new Keyspace();
	const list = ['a'];
	let ref = keyspace.setObject(toBytes('k'), LIST, list, 50);
	ref = keyspace.setExpireAt(ref, NOW);
	const copy = keyspace.copyTo(ref, target, toBytes('k'), (object) => [...(object as string[])]);
	t.deepEqual(target.object(copy), ['a']);
	t.not(target.object(copy), list);
	t.is(target.type(copy), LIST);
	t.is(target.expireAt(copy), NOW);
});

test('the memory of objects is what they are charged with', (t) => {
	const keyspace = new Keyspace();
	const empty = keyspace.usedBytes;
	const ref = keyspace.setObject(toBytes('k'), HASH, {}, 1000);
	const before = keyspace.usedBytes;
	keyspace.chargeObject(ref, 500);
	t.is(keyspace.usedBytes, before + 500);
	t.true(keyspace.bytesOf(ref) >= 1500);
	setText(keyspace, 'k', '');
	t.true(keyspace.usedBytes < empty + 100);
});

test('flush forgets everything at once and leaves a keyspace as good as new', (t) => {
	const keyspace = new Keyspace();
	for (let i = 0; i < 2000; i++) {
		setText(keyspace, `key:${i}`, 'v', false, NOW);
	}
	keyspace.setObject(toBytes('o'), HASH, {}, 10);
	t.is(keyspace.flush(), 2001);
	t.is(keyspace.size, 0);
	t.is(keyspace.volatileCount, 0);
	t.is(keyspace.usedBytes, new Keyspace().usedBytes);
	t.is(findText(keyspace, 'key:1'), 0);
	setText(keyspace, 'key:1', 'w');
	t.is(keyspace.size, 1);
	keyspace.check();
});

test('a slot knows how many keys it has, which, and how many expire', (t) => {
	const keyspace = new Keyspace();
	const slot = keySlot(toBytes('t'));
	for (let i = 0; i < 1000; i++) {
		setText(keyspace, `{t}${i}`, 'v', false, i < 10 ? NOW : -1);
	}
	setText(keyspace, 'elsewhere', 'v');
	t.is(keyspace.slotCount(slot), 1000);
	t.is(keyspace.slotVolatileCount(slot), 10);
	t.is(new Set(keyspace.slotKeys(slot, 5000).map((bytes) => latin1(bytes))).size, 1000);
	t.deepEqual(keyspace.slotKeys(slot, 3), keyspace.slotKeys(slot, 10).slice(0, 3));
	t.deepEqual(keyspace.slotKeys(slot, 0), []);
	t.deepEqual(keyspace.slotKeys(0, 10), []);
	t.is(keyspace.flushSlot(slot, 400), 400);
	t.is(keyspace.slotCount(slot), 600);
	keyspace.check();
	t.is(keyspace.flushSlot(slot), 600);
	t.is(keyspace.size, 1);
	keyspace.check();
});

test('modified counts changes and tells the key', (t) => {
	const told: string[] = [];
	const keyspace = new Keyspace({hooks: {onModified: (bytes) => told.push(latin1(bytes))}});
	const ref = setText(keyspace, 'k', 'v');
	t.is(keyspace.dirty, 0);
	keyspace.modified(ref);
	keyspace.modified(ref, 3);
	keyspace.modifiedKey(toBytes('gone'));
	t.is(keyspace.dirty, 5);
	t.deepEqual(told, ['k', 'k', 'gone']);
});

test('random keys are drawn evenly, from slots and leaves of any size', (t) => {
	const keyspace = new Keyspace({seed: 11});
	// One crowded slot with a directory, many slots with one key.
	for (let i = 0; i < 700; i++) {
		setText(keyspace, `{t}${i}`, '');
	}
	for (let i = 0; i < 300; i++) {
		setText(keyspace, `key:${i}`, '');
	}
	const prng = new Prng(12);
	const counts = new Map<string, number>();
	const draws = 100_000;
	for (let i = 0; i < draws; i++) {
		const k = latin1(keyspace.keyBytes(keyspace.randomRef(prng)));
		counts.set(k, (counts.get(k) ?? 0) + 1);
	}
	t.is(counts.size, 1000);
	// Chi-square with 999 degrees of freedom: mean 999, standard deviation 44.7.
	let chiSquare = 0;
	for (const count of counts.values()) {
		chiSquare += (count - 100) ** 2 / 100;
	}
	t.true(chiSquare < 999 + 5 * 44.7, String(chiSquare));
	t.is(new Keyspace().randomRef(prng), 0);
});
