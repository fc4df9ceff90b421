import test from 'ava';
import fc from 'fast-check';
import {addLongDoubles, formatLongDouble, parseLongDouble} from '../../src/lib/long-double.ts';

/** What INCRBYFLOAT makes of a value and an increment; `invalid` and `overflow` are its two errors. */
function add(left: string, right: string): string {
	const a = parseLongDouble(left);
	const b = parseLongDouble(right);
	if (a === undefined || b === undefined) return 'invalid';
	if (typeof a === 'number' || typeof b === 'number') return 'overflow';
	const sum = addLongDoubles(a, b);
	return sum === undefined ? 'overflow' : formatLongDouble(sum);
}

// Sums as redis-server 7.0 on x86-64 gives them.
const sums: readonly (readonly [string, string, string])[] = [
	['0', '0', '0'],
	['0.1', '0.2', '0.3'],
	['10.50', '0.1', '10.6'],
	['5.0e3', '2.0e2', '5200'],
	['3', '-5', '-2'],
	['-0', '-0', '0'],
	['1', '-1', '0'],
	['0', '1e-17', '0.00000000000000001'],
	['0', '5e-18', '0'],
	['0', '-4e-18', '0'],
	['9223372036854775807', '1', '9223372036854775808'],
	['18446744073709551616', '1', '18446744073709551616'],
	['1.', '.5', '1.5'],
	['+1', '0x10', '17'],
	['0x1.8p1', '0X.8P-1', '3.25'],
];

for (const [left, right, sum] of sums) {
	test(`${left} + ${right} is ${sum}`, (t) => {
		t.is(add(left, right), sum);
	});
}

for (const text of [
	'',
	'.',
	'-',
	'1e',
	'1e+',
	'0x',
	'0x1p',
	' 1',
	'1 ',
	'1\n',
	'nan',
	'infinit',
	'1_0',
	'1e4933',
	'1e-4952',
	'1'.repeat(5120),
]) {
	test(`${JSON.stringify(text.slice(0, 20))} is not a long double`, (t) => {
		t.is(parseLongDouble(text), undefined);
	});
}

test('infinities are read, and nothing is counted with them', (t) => {
	t.is(parseLongDouble('inf'), Infinity);
	t.is(parseLongDouble('-Infinity'), -Infinity);
	t.is(add('1e4932', '1e4932'), 'overflow');
});

test('absurd exponents are answered at once', (t) => {
	t.is(parseLongDouble('1e999999999999'), undefined);
	t.is(parseLongDouble('1e-999999999999'), undefined);
	t.is(add('0e999999999999', '1'), '1');
});

test('integers of 63 bits are counted exactly', (t) => {
	const integer = fc.bigInt({min: -(2n ** 62n), max: 2n ** 62n});
	fc.assert(fc.property(integer, integer, (a, b) => add(String(a), String(b)) === String(a + b)));
	t.pass();
});
