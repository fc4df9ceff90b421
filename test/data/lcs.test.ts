import test from 'ava';
import fc from 'fast-check';
import {latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {lcsLength, lcsTableBytes, longestCommonSubsequence} from '../../src/data/lcs.ts';

const lcs = (a: string, b: string): string =>
	latin1(longestCommonSubsequence(latin1ToBytes(a), latin1ToBytes(b)).bytes);

test('the subsequence of the Redis documentation', (t) => {
	t.is(lcs('ohmytext', 'mynewtext'), 'mytext');
	t.deepEqual(longestCommonSubsequence(latin1ToBytes('ohmytext'), latin1ToBytes('mynewtext')).ranges, [
		{aStart: 4, aEnd: 7, bStart: 5, bEnd: 8},
		{aStart: 2, aEnd: 3, bStart: 0, bEnd: 1},
	]);
});

test('nothing in common', (t) => {
	t.is(lcs('abc', 'xyz'), '');
	t.is(lcs('', 'xyz'), '');
	t.is(lcs('', ''), '');
});

test('the table is counted with its borders', (t) => {
	t.is(lcsTableBytes(0, 0), 4);
	t.is(lcsTableBytes(10, 20), 924);
});

function isSubsequence(part: Uint8Array, whole: Uint8Array): boolean {
	let found = 0;
	for (const byte of whole) if (found < part.length && byte === part[found]) found++;
	return found === part.length;
}

/** Without a table, for short strings. */
function slowLength(a: string, b: string): number {
	if (a === '' || b === '') return 0;
	if (a.at(-1) === b.at(-1)) return 1 + slowLength(a.slice(0, -1), b.slice(0, -1));
	return Math.max(slowLength(a.slice(0, -1), b), slowLength(a, b.slice(0, -1)));
}

test('what is found is common to both, as long as possible, and made of its ranges', (t) => {
	const word = fc.string({unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8});
	fc.assert(
		fc.property(word, word, (left, right) => {
			const a = latin1ToBytes(left);
			const b = latin1ToBytes(right);
			const {bytes, ranges} = longestCommonSubsequence(a, b);
			t.is(bytes.length, slowLength(left, right));
			t.is(lcsLength(a, b), bytes.length);
			t.true(isSubsequence(bytes, a) && isSubsequence(bytes, b));
			const pieces = ranges.toReversed();
			t.is(pieces.map(({aStart, aEnd}) => left.slice(aStart, aEnd + 1)).join(''), latin1(bytes));
			t.is(pieces.map(({bStart, bEnd}) => right.slice(bStart, bEnd + 1)).join(''), latin1(bytes));
		}),
	);
	t.pass();
});
