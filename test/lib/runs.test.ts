import test from 'ava';
import fc from 'fast-check';
import {endOfRun} from '../../src/lib/runs.ts';

function endByLoop(values: Uint8Array | Uint16Array, first: number, end: number): number {
	let at = first + 1;
	while (at < end && values[at] === values[first]) at++;
	return at;
}

test('a run ends where a loop over the values finds its end', (t) => {
	const runs = fc.array(fc.tuple(fc.nat(3), fc.integer({min: 1, max: 700})), {minLength: 1, maxLength: 8});
	fc.assert(
		fc.property(runs, fc.nat(), fc.nat(), fc.boolean(), (pieces, a, b, isWide) => {
			const list = pieces.flatMap(([value, length]) =>
				Array.from({length}, () => value * (isWide ? 257 : 1)),
			);
			// Views that do not begin where their memory does.
			const room = isWide ? new Uint16Array(list.length + 3) : new Uint8Array(list.length + 3);
			const values = room.subarray(3);
			values.set(list);
			const first = a % values.length;
			const end = first + 1 + (b % (values.length - first));
			t.is(endOfRun(values, first, end), endByLoop(values, first, end));
			t.is(endOfRun(values, first), endByLoop(values, first, values.length));
		}),
	);
});

test('a run of the last value alone ends at the end', (t) => {
	t.is(endOfRun(Uint8Array.of(1, 1, 2), 2), 3);
});
