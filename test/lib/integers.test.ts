import test from 'ava';
import fc from 'fast-check';
import {toBytes, utf8} from '../../src/lib/bytes.ts';
import {
	decimalLength,
	INT64_MAX,
	INT64_MIN,
	parseInt64,
	parseSafeInteger,
	parseUint,
	writeInteger,
} from '../../src/lib/integers.ts';

const accepted = test.macro({
	title: (_, text: string) => `'${text}' is a 64-bit integer`,
	exec(t, text: string, value: number | bigint) {
		t.is(parseInt64(toBytes(text)), value);
		t.is(parseInt64(toBytes(`xx${text}1`), 2, text.length), value, 'in the middle of other bytes');
		t.is(parseSafeInteger(toBytes(text)), typeof value === 'number' ? value : Number.NaN);
	},
});

const refused = test.macro({
	title: (_, text: string) => `'${text}' is no integer`,
	exec(t, text: string) {
		t.is(parseInt64(toBytes(text)), null);
		t.is(parseSafeInteger(toBytes(text)), Number.NaN);
		t.is(parseUint(toBytes(text)), -1);
	},
});

test(accepted, '0', 0);
test(accepted, '1', 1);
test(accepted, '-1', -1);
test(accepted, '999999999999999', 999_999_999_999_999);
test(accepted, '-999999999999999', -999_999_999_999_999);
test(accepted, '9007199254740991', Number.MAX_SAFE_INTEGER);
test(accepted, '-9007199254740991', Number.MIN_SAFE_INTEGER);
test(accepted, '9007199254740992', 2n ** 53n);
test(accepted, '-9007199254740992', -(2n ** 53n));
test(accepted, '9223372036854775807', INT64_MAX);
test(accepted, '-9223372036854775808', INT64_MIN);

test(refused, '');
test(refused, '-');
test(refused, '+1');
test(refused, '-0');
test(refused, '00');
test(refused, '01');
test(refused, '-01');
test(refused, '0000000000000000001');
test(refused, '-0000000000000000001');
test(refused, ' 1');
test(refused, '1 ');
test(refused, '1.0');
test(refused, '1e3');
test(refused, '0x10');
test(refused, '--1');
test(refused, '1-');
test(refused, '123456789012345678a');
test(refused, '9223372036854775808');
test(refused, '-9223372036854775809');
test(refused, '10000000000000000000');
test(refused, '99999999999999999999');
test(refused, '18446744073709551616');

test('every 64-bit integer parses to itself', (t) => {
	fc.assert(
		fc.property(fc.bigInt({min: INT64_MIN, max: INT64_MAX}), (value) => {
			const parsed = parseInt64(toBytes(String(value)));
			return (
				parsed !== null &&
				BigInt(parsed) === value &&
				(typeof parsed === 'number') === Number.isSafeInteger(Number(value))
			);
		}),
	);
	t.pass();
});

test('parseUint takes 0 to 2^53 - 1 and no sign', (t) => {
	t.is(parseUint(toBytes('0')), 0);
	t.is(parseUint(toBytes('9007199254740991')), Number.MAX_SAFE_INTEGER);
	t.is(parseUint(toBytes('9007199254740992')), -1);
	t.is(parseUint(toBytes('9999999999999999')), -1);
	t.is(parseUint(toBytes('-1')), -1);
});

test('writeInteger writes what String gives, and decimalLength is its length', (t) => {
	const target = new Uint8Array(24);
	const edges = [
		0,
		9,
		10,
		99,
		100,
		999_999_999,
		1e9,
		1e9 - 1,
		2 ** 31 - 1,
		2 ** 31,
		2 ** 32,
		Number.MAX_SAFE_INTEGER,
	];
	const isWritten = (value: number) => {
		const length = writeInteger(target, 3, value);
		return utf8(target.subarray(3, 3 + length)) === String(value) && decimalLength(value) === length;
	};
	for (const value of edges) {
		t.true(isWritten(value), String(value));
		t.true(value === 0 || isWritten(-value), String(-value));
	}
	fc.assert(fc.property(fc.maxSafeInteger(), isWritten));
});
