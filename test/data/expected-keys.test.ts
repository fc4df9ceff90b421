import test from 'ava';
import fc from 'fast-check';
import {EXPECTED_LIMIT} from '../../src/data/expected-keys.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {keySlot} from '../../src/slots/key-slot.ts';

const KEY_BYTES = 4;
const keyText = (n: number): string => `k${String(n).padStart(KEY_BYTES - 1, '0')}`;

/** A chunk of keys one behind the other, as commands of a pipeline have them. */
const chunkOf = (keys: readonly number[]) => regionOf(toBytes(keys.map(keyText).join('')));

test('what is looked up is the same whether it was announced or not, in order or not, once or again', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.nat(60), {maxLength: EXPECTED_LIMIT}),
			fc.array(fc.tuple(fc.nat(EXPECTED_LIMIT - 1), fc.constantFrom('find', 'set', 'remove')), {
				maxLength: 40,
			}),
			fc.array(fc.nat(60), {maxLength: 60}),
			(announced, uses, present) => {
				const db = new Keyspace({seed: 7});
				const model = new Set<number>();
				const store = (region: ReturnType<typeof chunkOf>, at: number) =>
					db.setString(
						keySlot(region.bytes, at, KEY_BYTES),
						region,
						at,
						KEY_BYTES,
						region,
						at,
						KEY_BYTES,
						false,
					);
				for (const n of present) {
					store(chunkOf([n]), 0);
					model.add(n);
				}
				const chunk = chunkOf(announced);
				for (let i = 0; i < announced.length; i++) {
					db.expect(keySlot(chunk.bytes, i * KEY_BYTES, KEY_BYTES), chunk, i * KEY_BYTES, KEY_BYTES);
				}
				db.prefetch();
				for (const [index, use] of uses) {
					if (index >= announced.length) continue;
					const at = index * KEY_BYTES;
					const slot = keySlot(chunk.bytes, at, KEY_BYTES);
					const n = announced[index]!;
					if (use === 'find') t.is(db.find(slot, chunk, at, KEY_BYTES) !== 0, model.has(n));
					else if (use === 'remove') t.is(db.remove(slot, chunk, at, KEY_BYTES), model.delete(n));
					else {
						store(chunk, at);
						model.add(n);
					}
				}
				db.expectNothing();
				t.is(db.size, model.size);
				for (let n = 0; n <= 60; n++) t.is(db.findKey(toBytes(keyText(n))) !== 0, model.has(n));
			},
		),
	);
});

test('other bytes at a place that was announced are looked up as what they are, once nothing is expected any more', (t) => {
	const db = new Keyspace({seed: 1});
	const chunk = chunkOf([1]);
	const slotOf = () => keySlot(chunk.bytes, 0, KEY_BYTES);
	db.expect(slotOf(), chunk, 0, KEY_BYTES);
	db.expectNothing();
	chunk.bytes.set(toBytes(keyText(2)));
	db.setString(slotOf(), chunk, 0, KEY_BYTES, chunk, 0, KEY_BYTES, false);
	t.not(db.findKey(toBytes(keyText(2))), 0);
	t.is(db.findKey(toBytes(keyText(1))), 0);
});
