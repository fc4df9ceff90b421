import test from 'ava';
import fc from 'fast-check';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {decompressLzf, LZF_MAX_EXPANSION, LzfCompressor} from '../../src/lib/lzf.ts';

const compressor = new LzfCompressor();

/** In the middle of larger arrays, so that what is touched outside shows. */
const MARGIN = 7;

function compress(text: Uint8Array, limit = text.length + Math.ceil(text.length / 32) + 4): Uint8Array {
	const from = new Uint8Array(text.length + 2 * MARGIN).fill(0xaa);
	from.set(text, MARGIN);
	const to = new Uint8Array(limit + 2 * MARGIN).fill(0xbb);
	const length = compressor.compress(from, MARGIN, text.length, to, MARGIN, limit);
	if (to.subarray(0, MARGIN).some((byte) => byte !== 0xbb)) throw new Error('written before the target');
	if (to.subarray(MARGIN + limit).some((byte) => byte !== 0xbb)) throw new Error('written behind the target');
	return to.slice(MARGIN, MARGIN + length);
}

function decompress(compressed: Uint8Array, length: number): Uint8Array | null {
	const from = new Uint8Array(compressed.length + 2 * MARGIN).fill(0x1f);
	from.set(compressed, MARGIN);
	const to = new Uint8Array(length + 2 * MARGIN).fill(0xbb);
	const isWhole = decompressLzf(from, MARGIN, compressed.length, to, MARGIN, length);
	if (to.subarray(0, MARGIN).some((byte) => byte !== 0xbb)) throw new Error('written before the target');
	if (to.subarray(MARGIN + length).some((byte) => byte !== 0xbb))
		throw new Error('written behind the target');
	return isWhole ? to.slice(MARGIN, MARGIN + length) : null;
}

/** Few different bytes, so that there is something to find. */
const repetitive = fc
	.array(fc.tuple(fc.uint8Array({maxLength: 12}), fc.nat(40)), {maxLength: 30})
	.map((parts) =>
		Uint8Array.from(parts.flatMap(([bytes, times]) => Array.from({length: times}, () => [...bytes]).flat())),
	);

test('what was compressed comes back', (t) => {
	fc.assert(
		fc.property(fc.oneof(repetitive, fc.uint8Array({maxLength: 400})), (text) => {
			const compressed = compress(text);
			t.deepEqual(decompress(compressed, text.length), text);
		}),
		{numRuns: 500},
	);
});

test('far and long repetitions come back', (t) => {
	const random = Uint8Array.from({length: 9000}, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);
	const text = new Uint8Array(60_000);
	for (const [i, at] of [0, 9000, 17_192, 40_000].entries()) text.set(random.subarray(i, 8192), at);
	const compressed = compress(text);
	t.true(compressed.length < text.length / 2);
	t.deepEqual(decompress(compressed, text.length), text);
});

test('what does not fit the limit gives nothing, and nothing is written behind it', (t) => {
	fc.assert(
		fc.property(repetitive, fc.nat(200), (text, limit) => {
			const compressed = compress(text, limit);
			t.true(compressed.length <= limit);
			if (compressed.length > 0) t.deepEqual(decompress(compressed, text.length), text);
		}),
		{numRuns: 500},
	);
});

test('no text becomes more than the greatest expansion', (t) => {
	const zeros = new Uint8Array(100_000);
	const compressed = compress(zeros);
	t.true(zeros.length <= compressed.length * LZF_MAX_EXPANSION);
	t.deepEqual(decompress(compressed, zeros.length), zeros);
});

test('any bytes are refused or decompressed within their bounds', (t) => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 60}), fc.nat(600), (bytes, length) => {
			decompress(bytes, length);
		}),
		{numRuns: 2000},
	);
	t.pass();
});

test('a compressed text with one byte changed, cut or added never leaves its bounds', (t) => {
	const text = latin1ToBytes('the quick brown fox, the quick brown dog, the quick brown cat '.repeat(5));
	const compressed = compress(text);
	for (let at = 0; at < compressed.length; at++) {
		t.is(decompress(compressed.subarray(0, at), text.length), null);
		for (const change of [1, 0x20, 0x80, 0xff]) {
			const wrong = compressed.slice();
			wrong[at]! ^= change;
			decompress(wrong, text.length);
		}
	}
	t.is(decompress(Uint8Array.from([...compressed, 0, 0]), text.length), null);
	t.is(decompress(compressed, text.length + 1), null);
	t.is(decompress(compressed, text.length - 1), null);
});
