import test from 'ava';
import fc from 'fast-check';
import {allocateRegion, copyRegion, equalRegions, regionOf} from '../../src/lib/region.ts';

test('a region of a Buffer is a plain Uint8Array over the same memory', (t) => {
	const buffer = Buffer.from('xhello').subarray(1);
	const region = regionOf(buffer);
	t.is(region.bytes.constructor, Uint8Array);
	t.is(region.view.byteLength, 5);
	region.view.setUint8(0, 0x48);
	t.is(buffer.toString(), 'Hello');
});

test('copyRegion copies exactly the bytes asked for, at any alignment and length', (t) => {
	fc.assert(
		fc.property(fc.nat(400), fc.nat(20), fc.nat(20), (length, fromAt, toAt) => {
			const from = regionOf(Uint8Array.from({length: 440}, (_, i) => (i * 7) & 0xff));
			const to = regionOf(new Uint8Array(440).fill(0xee));
			copyRegion(from, fromAt, to, toAt, length);
			return to.bytes.every((byte, i) =>
				i >= toAt && i < toAt + length ? byte === from.bytes[i - toAt + fromAt] : byte === 0xee,
			);
		}),
	);
	t.pass();
});

test('copyRegion may move bytes down within one region', (t) => {
	fc.assert(
		fc.property(fc.nat(300), fc.integer({min: 1, max: 40}), (length, distance) => {
			const region = regionOf(Uint8Array.from({length: 400}, (_, i) => (i * 13) & 0xff));
			const expected = region.bytes.slice().copyWithin(10, 10 + distance, 10 + distance + length);
			copyRegion(region, 10 + distance, region, 10, length);
			return Buffer.compare(region.bytes, expected) === 0;
		}),
	);
	t.pass();
});

test('equalRegions compares the bytes asked for and no others', (t) => {
	for (let length = 0; length < 40; length++) {
		const a = regionOf(new Uint8Array(64).fill(1));
		const b = allocateRegion(64);
		b.bytes.fill(1, 3, 3 + length);
		t.true(equalRegions(a, 5, b, 3, length));
		if (length > 0) {
			b.bytes[3 + length - 1] = 2;
			t.false(equalRegions(a, 5, b, 3, length));
		}
	}
});
