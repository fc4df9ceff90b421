import test from 'ava';
import fc from 'fast-check';
import {hashKey} from '../../src/data/key-hash.ts';
import {regionOf} from '../../src/lib/region.ts';

/** HalfSipHash with any number of rounds, written down as its paper has it. */
function halfSipHash(
	bytes: Uint8Array,
	key0: number,
	key1: number,
	rounds: number,
	lastRounds: number,
): number {
	const v = Int32Array.of(key0, key1, 0x6c79_6765 ^ key0, 0x7465_6462 ^ key1);
	const rotated = (x: number, by: number) => (x << by) | (x >>> (32 - by));
	const round = () => {
		v[0]! += v[1]!;
		v[1] = rotated(v[1]!, 5) ^ v[0]!;
		v[0] = rotated(v[0]!, 16);
		v[2]! += v[3]!;
		v[3] = rotated(v[3]!, 8) ^ v[2]!;
		v[0]! += v[3]!;
		v[3] = rotated(v[3]!, 7) ^ v[0]!;
		v[2]! += v[1]!;
		v[1] = rotated(v[1]!, 13) ^ v[2]!;
		v[2] = rotated(v[2]!, 16);
	};
	const padded = new Uint8Array((bytes.length & ~3) + 4);
	padded.set(bytes);
	padded[padded.length - 1] = bytes.length;
	const view = new DataView(padded.buffer);
	for (let at = 0; at < padded.length; at += 4) {
		const word = view.getInt32(at, true);
		v[3]! ^= word;
		for (let i = 0; i < rounds; i++) {
			round();
		}
		v[0]! ^= word;
	}
	v[2]! ^= 0xff;
	for (let i = 0; i < lastRounds; i++) {
		round();
	}
	return (v[1]! ^ v[3]!) >>> 0;
}

test('the plain form gives the published values of HalfSipHash-2-4', (t) => {
	const message = (length: number) => Uint8Array.from({length}, (_, i) => i);
	const expected = [0x5b9f_35a9, 0xb85a_4727, 0x03a6_62fa];
	expected.forEach((value, length) => {
		t.is(halfSipHash(message(length), 0x0302_0100, 0x0706_0504, 2, 4), value);
	});
});

test('hashKey is 31 bits of HalfSipHash-1-3, wherever the key stands', (t) => {
	fc.assert(
		fc.property(
			fc.uint8Array({maxLength: 40}),
			fc.nat(5),
			fc.integer(),
			fc.integer(),
			(key, at, key0, key1) => {
				const region = regionOf(new Uint8Array(at + key.length + 3).fill(0xaa));
				region.bytes.set(key, at);
				return (
					hashKey(region, at, key.length, key0, key1) === (halfSipHash(key, key0, key1, 1, 3) & 0x7fff_ffff)
				);
			},
		),
	);
	t.pass();
});
