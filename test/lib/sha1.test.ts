import {createHash} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {sha1} from '../../src/lib/sha1.ts';

const reference = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('every length around the end of a block has the digest of the standard', (t) => {
	for (let length = 0; length <= 200; length++) {
		const message = Uint8Array.from({length}, (_, i) => (i * 7 + length) & 0xff);
		t.is(hex(sha1(message)), reference(message), `${length} bytes`);
	}
});

test('any bytes have the digest of the standard', (t) => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 1000}), (message) => hex(sha1(message)) === reference(message)),
	);
	t.pass();
});
