import test from 'ava';
import fc from 'fast-check';
import {
	addExactly,
	type BitOperation,
	combineBits,
	countBitRange,
	countBits,
	type FieldType,
	findBit,
	fitField,
	readField,
	type Stretch,
	writeField,
} from '../../src/data/bits.ts';
import {allocateRegion, regionOf} from '../../src/lib/region.ts';

/** Bytes within a region, with others around them that must not count. */
function stretchOf(bytes: Uint8Array): Stretch {
	const region = regionOf(new Uint8Array(bytes.length + 5).fill(0xa5));
	region.bytes.set(bytes, 3);
	return {region, at: 3, length: bytes.length};
}

const toBits = (bytes: Uint8Array): string =>
	Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');

const byte = fc.oneof(fc.constantFrom(0, 0xff, 1, 0x80), fc.nat(255));
const bytesOf = (most: number, least = 0): fc.Arbitrary<Uint8Array> =>
	fc.array(byte, {minLength: least, maxLength: most}).map((values) => Uint8Array.from(values));

test('set bits are counted', (t) => {
	fc.assert(
		fc.property(bytesOf(60), (bytes) => {
			const {region, at, length} = stretchOf(bytes);
			t.is(countBits(region, at, length), toBits(bytes).replaceAll('0', '').length);
		}),
	);
	t.pass();
});

test('set bits are counted from bit to bit', (t) => {
	fc.assert(
		fc.property(bytesOf(30, 1), fc.nat(), fc.nat(), (bytes, from, to) => {
			const {region, at, length} = stretchOf(bytes);
			const first = from % (length * 8);
			const last = to % (length * 8);
			const expected = toBits(bytes)
				.slice(first, last + 1)
				.replaceAll('0', '').length;
			t.is(countBitRange(region, at, first, last), first > last ? 0 : expected);
		}),
	);
	t.pass();
});

test('the first bit of a value is found from bit to bit', (t) => {
	fc.assert(
		fc.property(
			bytesOf(30, 1),
			fc.constantFrom(0 as const, 1 as const),
			fc.nat(),
			fc.nat(),
			(bytes, bit, from, to) => {
				const {region, at, length} = stretchOf(bytes);
				const first = from % (length * 8);
				const last = first + (to % (length * 8 - first));
				const found = toBits(bytes)
					.slice(0, last + 1)
					.indexOf(String(bit), first);
				t.is(findBit(region, at, bit, first, last), found);
			},
		),
	);
	t.pass();
});

for (const bit of [0, 1] as const) {
	test(`a ${bit} is found at every place of a long string, and nothing behind its end`, (t) => {
		for (let place = 0; place < 160; place++) {
			const bytes = new Uint8Array(20).fill(bit === 1 ? 0 : 0xff);
			bytes[place >> 3]! ^= 0x80 >> (place & 7);
			const {region, at} = stretchOf(bytes);
			t.is(findBit(region, at, bit, 0, 159), place);
			t.is(findBit(region, at, bit, place, place), place);
			if (place > 0) t.is(findBit(region, at, bit, 0, place - 1), -1);
			if (place < 159) t.is(findBit(region, at, bit, place + 1, 159), -1);
		}
	});
}

const operations: Readonly<Record<BitOperation, (a: number, b: number) => number>> = {
	and: (a, b) => a & b,
	or: (a, b) => a | b,
	xor: (a, b) => a ^ b,
	not: (a) => ~a & 0xff,
};

for (const [name, operation] of Object.entries(operations)) {
	test(`strings of any length are combined by ${name}`, (t) => {
		const sources = fc.array(bytesOf(20), {minLength: 1, maxLength: name === 'not' ? 1 : 5});
		fc.assert(
			fc.property(sources, (strings) => {
				const length = Math.max(...strings.map((each) => each.length));
				const target = allocateRegion(length);
				combineBits(name as BitOperation, target, strings.map(stretchOf));
				const expected = Array.from({length}, (_, i) => {
					const [first = 0, ...others] = strings.map((each) => each[i] ?? 0);
					return name === 'not' ? operation(first, 0) : others.reduce(operation, first);
				});
				t.deepEqual([...target.bytes], expected);
			}),
		);
		t.pass();
	});
}

const fieldType = fc.oneof(
	fc.record({isSigned: fc.constant(true), bits: fc.integer({min: 1, max: 64})}),
	fc.record({isSigned: fc.constant(false), bits: fc.integer({min: 1, max: 63})}),
);

test('a field holds what was written, and its neighbours stay', (t) => {
	fc.assert(
		fc.property(
			bytesOf(30, 12),
			fieldType,
			fc.nat(),
			fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
			(bytes, type, place, value) => {
				const {region, at, length} = stretchOf(bytes);
				const offset = place % (length * 8 - type.bits + 1);
				const stored = fitField(value, type, 'wrap')!;
				const before = toBits(region.bytes);
				writeField(region.bytes, at, offset, type, stored);
				t.is(readField({region, at, length}, offset, type), stored);
				const after = toBits(region.bytes);
				const start = at * 8 + offset;
				t.is(after.slice(0, start), before.slice(0, start));
				t.is(after.slice(start + type.bits), before.slice(start + type.bits));
				const written = after.slice(start, start + type.bits);
				t.is(BigInt(`0b${written}`), BigInt.asUintN(type.bits, BigInt(stored)));
			},
		),
		{numRuns: 500},
	);
	t.pass();
});

test('a field beyond the end reads zeros', (t) => {
	const u8: FieldType = {isSigned: false, bits: 8};
	const stretch = stretchOf(Uint8Array.of(0xff));
	t.is(readField(stretch, 4, u8), 0xf0);
	t.is(readField(stretch, 8, u8), 0);
	t.is(readField(stretch, 2 ** 34, {isSigned: true, bits: 64}), 0);
});

test('a value that does not fit wraps, stops at the edge, or is refused', (t) => {
	fc.assert(
		fc.property(fieldType, fc.bigInt({min: -(2n ** 64n), max: 2n ** 64n}), ({isSigned, bits}, exact) => {
			const type = {isSigned, bits};
			const value = Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
			const least = isSigned ? -(2n ** BigInt(bits - 1)) : 0n;
			const most = least + 2n ** BigInt(bits) - 1n;
			const fits = exact >= least && exact <= most;
			const wrapped = isSigned ? BigInt.asIntN(bits, exact) : BigInt.asUintN(bits, exact);
			t.is(BigInt(fitField(value, type, 'wrap')!), wrapped);
			t.is(BigInt(fitField(value, type, 'sat')!), fits ? exact : exact < least ? least : most);
			const orNothing = fitField(value, type, 'fail');
			t.is(orNothing === null ? null : BigInt(orNothing), fits ? exact : null);
		}),
	);
	t.pass();
});

test('sums are exact', (t) => {
	t.is(addExactly(1, 2), 3);
	t.is(addExactly(Number.MAX_SAFE_INTEGER, 2), 9_007_199_254_740_993n);
	t.is(addExactly(2n ** 62n, -1), 2n ** 62n - 1n);
});
