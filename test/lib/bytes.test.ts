import test from 'ava';
import fc from 'fast-check';
import {
	compareBytes,
	concat,
	equalBytes,
	isWord,
	latin1,
	latin1ToBytes,
	toBytes,
	utf8,
} from '../../src/lib/bytes.ts';

test('latin1 loses no byte there and back', (t) => {
	fc.assert(fc.property(fc.uint8Array(), (bytes) => equalBytes(latin1ToBytes(latin1(bytes)), bytes)));
	t.is(latin1(Uint8Array.of(0, 0x80, 0xff)), '\0\u0080\u00ff');
});

test('utf8 is the inverse of toBytes for every well-formed text', (t) => {
	fc.assert(fc.property(fc.string({unit: 'binary'}), (text) => utf8(toBytes(text)) === text));
	t.is(utf8(Uint8Array.of(0xff)), '\ufffd');
});

test('compareBytes orders as Buffer.compare does', (t) => {
	fc.assert(
		fc.property(
			fc.uint8Array(),
			fc.uint8Array(),
			(a, b) => Math.sign(compareBytes(a, b)) === Buffer.compare(a, b),
		),
	);
	t.is(compareBytes(toBytes('a'), toBytes('a')), 0);
});

test('isWord takes any case of letters and nothing else', (t) => {
	t.true(isWord(toBytes('GeT'), 'GET'));
	t.true(isWord(toBytes('xxsetinfo-2yy'), 'SETINFO-2', 2, 9));
	t.false(isWord(toBytes('get'), 'GETX'));
	t.false(isWord(toBytes('ge'), 'GET'));
	t.false(isWord(toBytes('[et'), '{ET'));
});

test('concat keeps the order and owns its memory', (t) => {
	const part = toBytes('b');
	const whole = concat([toBytes('a'), part, new Uint8Array(0), toBytes('c')]);
	part[0] = 0;
	t.is(utf8(whole), 'abc');
	t.is(concat([]).length, 0);
});
