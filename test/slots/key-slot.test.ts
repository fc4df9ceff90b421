import test from 'ava';
import fc from 'fast-check';
import {toBytes} from '../../src/lib/bytes.ts';
import {crc16} from '../../src/slots/crc16.ts';
import {isSlot, keySlot, SLOT_COUNT, toSlot} from '../../src/slots/key-slot.ts';

const slotOf = test.macro({
	title: (_, key: string, slot: number) => `the slot of ${key} is ${slot}`,
	exec: (t, key: string, slot: number) => t.is(keySlot(toBytes(key)), slot),
});
const sameSlot = test.macro({
	title: (_, a: string, b: string) => `${a} hashes like ${b}`,
	exec(t, a: string, b: string) {
		t.is(keySlot(toBytes(a)), crc16(toBytes(b)) & 16383);
	},
});

test('the check value of CRC16-XMODEM is 0x31c3', (t) => {
	t.is(crc16(toBytes('123456789')), 0x31c3);
	t.is(crc16(new Uint8Array(0)), 0);
});

test(slotOf, 'somekey', 11058);
test(slotOf, 'foo', 12182);
test(slotOf, 'hello', 866);
test(slotOf, 'x', 16287);
test(slotOf, 'wxz', 949);
test(slotOf, '', 0);

test(sameSlot, '{user1000}.following', 'user1000');
test(sameSlot, 'foo{}{bar}', 'foo{}{bar}');
test(sameSlot, 'foo{{bar}}zap', '{bar');
test(sameSlot, 'foo{bar}{zap}', 'bar');
test(sameSlot, '{}foo{bar}', '{}foo{bar}');
test(sameSlot, 'foo{bar', 'foo{bar');
test(sameSlot, 'foo}bar{', 'foo}bar{');
test(sameSlot, '}{a}', 'a');
test(sameSlot, 'abcd{', 'abcd{');

test('the sum by four bytes a step is the sum bit by bit', (t) => {
	fc.assert(fc.property(fc.uint8Array({maxLength: 40}), (bytes) => crc16(bytes) === bitwiseCrc16(bytes)));
	t.pass();
});

test('the slot of a key does not depend on where its bytes stand', (t) => {
	fc.assert(
		fc.property(
			fc.string({unit: fc.constantFrom('a', 'b', '{', '}'), maxLength: 20}),
			fc.nat(7),
			(key, at) => {
				const padded = toBytes(`${'{'.repeat(at)}${key}}x}`);
				const slot = keySlot(padded, at, key.length);
				return slot === keySlot(toBytes(key)) && isSlot(slot);
			},
		),
	);
	t.pass();
});

test('a slot is a whole number from 0 to 16383', (t) => {
	t.is(SLOT_COUNT, 16384);
	t.is(toSlot(16383), 16383 as never);
	for (const wrong of [-1, 16384, 1.5, Number.NaN]) {
		t.is(toSlot(wrong), null);
	}
});

function bitwiseCrc16(bytes: Uint8Array): number {
	let crc = 0;
	for (const byte of bytes) {
		crc ^= byte << 8;
		for (let bit = 0; bit < 8; bit++) {
			crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
		}
	}
	return crc;
}
