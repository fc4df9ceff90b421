import test from 'ava';
import fc from 'fast-check';
import {formatDouble} from '../../src/lib/format-double.ts';

// The right column is what printf("%.17g") of glibc prints.
const values: readonly (readonly [number, string])[] = [
	[0, '0'],
	[-0, '-0'],
	[3, '3'],
	[-17, '-17'],
	[0.1, '0.10000000000000001'],
	[0.5, '0.5'],
	[-1.25, '-1.25'],
	[3.3, '3.2999999999999998'],
	[0.0001, '0.0001'],
	[0.00001, '1.0000000000000001e-05'],
	[1e-7, '9.9999999999999995e-08'],
	[1e16, '10000000000000000'],
	[1e17, '1e+17'],
	[72_057_594_037_927_936, '72057594037927936'],
	[1e21, '1e+21'],
	[1e100, '1e+100'],
	[5e-324, '4.9406564584124654e-324'],
	[Number.MAX_VALUE, '1.7976931348623157e+308'],
	[Infinity, 'inf'],
	[-Infinity, '-inf'],
	[Number.NaN, 'nan'],
	// Exactly between two numbers of 17 digits: the even one.
	[1_000_000_000_000_000.25, '1000000000000000.2'],
	[1_000_000_000_000_000.75, '1000000000000000.8'],
	[2 ** -25, '2.9802322387695312e-08'],
	[3 * 2 ** -25, '8.9406967163085938e-08'],
];

for (const [value, text] of values) {
	test(`${text} is printed`, (t) => {
		t.is(formatDouble(value), text);
	});
}

test('every double reads back as itself', (t) => {
	fc.assert(
		fc.property(fc.double({noNaN: true, noDefaultInfinity: true}), (value) =>
			Object.is(Number(formatDouble(value)), value),
		),
	);
	t.pass();
});
