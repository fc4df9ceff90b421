import test from 'ava';
import fc from 'fast-check';
import {Keyspace} from '../../src/data/keyspace.ts';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {Prng} from '../../src/lib/prng.ts';
import {setText} from './keyspace-model.ts';

/** Walks the whole keyspace, doing something between any two calls; how often each key was visited. */
function walk(keyspace: Keyspace, count: number, between: () => void): Map<string, number> {
	const visits = new Map<string, number>();
	let cursor = 0;
	do {
		cursor = keyspace.scan(cursor, count, (ref) => {
			const key = latin1(keyspace.keyBytes(ref));
			visits.set(key, (visits.get(key) ?? 0) + 1);
		});
		between();
	} while (cursor !== 0);
	return visits;
}

test('a walk without changes visits every key once, whatever its count', (t) => {
	for (const count of [1, 3, 10, 1000, 100_000]) {
		const keyspace = new Keyspace();
		for (let i = 0; i < 3000; i++) {
			setText(keyspace, i % 2 ? `{t}${i}` : `key:${i}`, '');
		}
		const visits = walk(keyspace, count, () => {});
		t.is(visits.size, 3000);
		t.true([...visits.values()].every((n) => n === 1));
	}
});

test('a key that is there from the start to the end of a walk is visited, whatever comes and goes meanwhile', (t) => {
	fc.assert(
		fc.property(
			fc.integer(),
			fc.constantFrom('{t}', 'key:', '{a}'),
			fc.integer({min: 1, max: 40}),
			fc.integer({min: 0, max: 1500}),
			fc.constantFrom(0.2, 0.5, 0.9),
			fc.nat(120),
			(seed, prefix, count, size, growth, changes) => {
				const prng = new Prng(seed);
				const keyspace = new Keyspace({seed});
				const always = new Set<string>();
				const sometimes: string[] = [];
				for (let i = 0; i < size; i++) {
					const key = `${prefix}${i}`;
					setText(keyspace, key, 'v'.repeat(prng.below(20)));
					if (prng.below(3) === 0) {
						sometimes.push(key);
					} else {
						always.add(key);
					}
				}
				let made = size;
				let calls = 0;
				const visits = walk(keyspace, count, () => {
					// The table must not outgrow the walk for ever.
					if (calls++ > 3000) {
						return;
					}
					for (let i = 0; i < changes; i++) {
						if (prng.fraction() < growth) {
							const key = `${prefix}${made++}`;
							setText(keyspace, key, '');
							sometimes.push(key);
						} else if (sometimes.length > 0) {
							const at = prng.below(sometimes.length);
							keyspace.removeKey(latin1ToBytes(sometimes[at]!));
							sometimes[at] = sometimes.at(-1)!;
							sometimes.pop();
						}
					}
				});
				for (const key of always) {
					if (visits.get(key) !== 1) {
						throw new Error(`${key} was visited ${visits.get(key) ?? 0} times`);
					}
				}
				keyspace.check();
			},
		),
		{numRuns: 60, interruptAfterTimeLimit: 20_000},
	);
	t.pass();
});

test('the visitor may remove the key it is given', (t) => {
	const keyspace = new Keyspace();
	for (let i = 0; i < 5000; i++) {
		setText(keyspace, `{t}${i}`, '');
	}
	let cursor = 0;
	let visited = 0;
	do {
		cursor = keyspace.scan(cursor, 17, (ref) => {
			visited++;
			keyspace.removeRef(ref);
		});
	} while (cursor !== 0);
	t.is(visited, 5000);
	t.is(keyspace.size, 0);
	keyspace.check();
});

test('expired keys are not visited but removed', (t) => {
	const keyspace = new Keyspace();
	keyspace.now = 1000;
	for (let i = 0; i < 100; i++) {
		setText(keyspace, `key:${i}`, '', false, i < 40 ? 999 : 1000);
	}
	t.is(walk(keyspace, 10, () => {}).size, 60);
	t.is(keyspace.size, 60);
	t.is(keyspace.expiredCount, 40);
});

test('a cursor is a safe integer, and one that no walk gave ends the walk or goes on from there', (t) => {
	const keyspace = new Keyspace();
	for (let i = 0; i < 100; i++) {
		setText(keyspace, `key:${i}`, '');
	}
	let cursor = 0;
	do {
		cursor = keyspace.scan(cursor, 1, () => {});
		t.true(Number.isSafeInteger(cursor));
	} while (cursor !== 0);
	for (const wrong of [-1, 2 ** 45, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY]) {
		t.is(
			keyspace.scan(wrong, 10, () => t.fail()),
			0,
		);
	}
	t.notThrows(() => keyspace.scan(12_345, 10, () => {}));
	t.is(
		new Keyspace().scan(0, 10, () => t.fail()),
		0,
	);
});
