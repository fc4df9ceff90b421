import test from 'ava';
import fc from 'fast-check';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {Crc64} from '../../src/lib/crc64.ts';

/** Bit by bit, as the definition says. */
function reference(bytes: Uint8Array): bigint {
	let crc = 0n;
	for (const byte of bytes) {
		crc ^= BigInt(byte);
		for (let bit = 0; bit < 8; bit++) {
			crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
		}
	}
	return crc;
}

function crc64(bytes: Uint8Array): bigint {
	const crc = new Crc64();
	crc.update(bytes);
	return crc.value();
}

test('the check value is that of the polynomial of Jones', (t) => {
	t.is(crc64(latin1ToBytes('123456789')), 0xe9c6d914c4b8d9can);
	t.is(crc64(new Uint8Array(0)), 0n);
});

test('any bytes have the checksum of the definition, however they are split', (t) => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 300}), fc.array(fc.nat(300), {maxLength: 4}), (bytes, cuts) => {
			const crc = new Crc64();
			let from = 0;
			for (const cut of cuts.toSorted((a, b) => a - b)) {
				const to = Math.min(cut, bytes.length);
				crc.update(bytes, from, to);
				from = to;
			}
			crc.update(bytes, from);
			return crc.value() === reference(bytes);
		}),
	);
	t.pass();
});

test('a checksum is written with its lowest byte first, and only it is equal', (t) => {
	const crc = new Crc64();
	crc.update(latin1ToBytes('123456789'));
	const bytes = new Uint8Array(10);
	crc.writeTo(bytes, 1);
	t.deepEqual([...bytes], [0, 0xca, 0xd9, 0xb8, 0xc4, 0x14, 0xd9, 0xc6, 0xe9, 0]);
	t.true(crc.equals(bytes, 1));
	for (let at = 1; at < 9; at++) {
		const wrong = bytes.slice();
		wrong[at]! ^= 0x80;
		t.false(crc.equals(wrong, 1));
	}
	crc.reset();
	t.is(crc.value(), 0n);
});
