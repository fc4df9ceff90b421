/** SHA-1 (FIPS 180-4) of bytes, synchronous and without dependencies. For identifiers and digests of data, never for secrets. */

const BLOCK_BYTES = 64;

/** Twenty bytes. */
export function sha1(message: Uint8Array): Uint8Array {
	const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
	const padded = pad(message);
	const view = new DataView(padded.buffer);
	const words = new Int32Array(80);
	for (let at = 0; at < padded.length; at += BLOCK_BYTES) {
		for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + i * 4);
		mixBlock(state, words);
	}
	const digest = new Uint8Array(20);
	const out = new DataView(digest.buffer);
	for (let i = 0; i < 5; i++) out.setInt32(i * 4, state[i]!);
	return digest;
}

/** A one bit, zeros, and the length in bits fill the last block. */
function pad(message: Uint8Array): Uint8Array<ArrayBuffer> {
	const blocks = Math.ceil((message.length + 9) / BLOCK_BYTES);
	const padded = new Uint8Array(blocks * BLOCK_BYTES);
	padded.set(message);
	padded[message.length] = 0x80;
	const view = new DataView(padded.buffer);
	view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000));
	view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
	return padded;
}

function mixBlock(state: Int32Array, words: Int32Array): void {
	for (let i = 16; i < 80; i++) {
		words[i] = rotate(words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!, 1);
	}
	let [a, b, c, d, e] = state as unknown as [number, number, number, number, number];
	for (let i = 0; i < 80; i++) {
		const next = (rotate(a, 5) + choose(i, b, c, d) + e + words[i]!) | 0;
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0]! += a;
	state[1]! += b;
	state[2]! += c;
	state[3]! += d;
	state[4]! += e;
}

/** The function and the constant of the round. */
function choose(round: number, b: number, c: number, d: number): number {
	if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999;
	if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1;
	if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));
