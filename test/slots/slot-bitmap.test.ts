import test from 'ava';
import fc from 'fast-check';
import {nextGap, nextSlot, SlotBitmap} from '../../src/slots/slot-bitmap.ts';
import {formatSlotRanges, parseSlotRange, slotRanges} from '../../src/slots/slot-ranges.ts';

const slots = fc.uniqueArray(fc.integer({min: 0, max: 16383}), {maxLength: 200});

test('a bitmap holds what was added and not deleted, and counts it', (t) => {
	fc.assert(
		fc.property(slots, slots, (added, deleted) => {
			const bitmap = SlotBitmap.of(added);
			const model = new Set(added);
			for (const slot of deleted) {
				if (bitmap.delete(slot) !== model.delete(slot)) {
					return false;
				}
			}
			const expected = [...model].toSorted((a, b) => a - b);
			return bitmap.count === model.size && JSON.stringify([...bitmap]) === JSON.stringify(expected);
		}),
	);
	t.pass();
});

test('slot n is bit n % 8 of byte n / 8, so that a bitmap can be taken from and put on the wire', (t) => {
	const bitmap = SlotBitmap.of([0, 9, 16383]);
	t.is(bitmap.bytes[0], 1);
	t.is(bitmap.bytes[1], 2);
	t.is(bitmap.bytes[2047], 128);
	t.is(new SlotBitmap(bitmap.bytes.slice()).count, 3);
});

test('adding twice and deleting what is not there say false', (t) => {
	const bitmap = new SlotBitmap();
	t.true(bitmap.add(5));
	t.false(bitmap.add(5));
	t.true(bitmap.delete(5));
	t.false(bitmap.delete(5));
	t.throws(() => bitmap.add(16384));
	t.throws(() => new SlotBitmap(new Uint8Array(10)));
});

test('a copy is equal and independent', (t) => {
	const bitmap = SlotBitmap.ofRanges([[0, 5460]]);
	const copy = bitmap.copy();
	t.true(copy.equals(bitmap));
	copy.delete(7);
	t.false(copy.equals(bitmap));
	t.true(bitmap.has(7));
	copy.clear();
	t.is(copy.count, 0);
	t.deepEqual([...copy], []);
});

test('ranges are the runs of a bitmap, and give it back', (t) => {
	fc.assert(
		fc.property(slots, (added) => {
			const bitmap = SlotBitmap.of(added);
			return SlotBitmap.ofRanges(slotRanges(bitmap)).equals(bitmap);
		}),
	);
	t.deepEqual(slotRanges([0, 1, 2, 7, 9, 10]), [
		[0, 2],
		[7, 7],
		[9, 10],
	]);
	t.deepEqual(slotRanges([]), []);
});

test('a run is printed by its ends, a single slot alone', (t) => {
	t.is(formatSlotRanges([[0, 5460]]), '0-5460');
	t.is(formatSlotRanges(slotRanges([0, 1, 2, 7, 9, 10])), '0-2 7 9-10');
	t.is(formatSlotRanges([]), '');
});

test('a range is read when it is one', (t) => {
	t.deepEqual(parseSlotRange('0-5460'), [0, 5460]);
	t.deepEqual(parseSlotRange('7'), [7, 7]);
	for (const wrong of ['', '-', '5-', '-5', '5-4', '16384', '0-16384', 'a', '1-2-3', ' 1', '1.5']) {
		t.is(parseSlotRange(wrong), null, wrong);
	}
});

const runs = fc.array(fc.tuple(fc.integer({min: 0, max: 16384}), fc.integer({min: 0, max: 16384})), {
	maxLength: 6,
});

test('a run that is added holds what its slots added one by one would', (t) => {
	fc.assert(
		fc.property(slots, runs, (single, added) => {
			const bitmap = SlotBitmap.of(single);
			const expected = SlotBitmap.of(single);
			for (const [a, b] of added) {
				const [first, end] = [Math.min(a, b), Math.max(a, b)];
				bitmap.addRun(first, end);
				for (let slot = first; slot < end; slot++) expected.add(slot);
			}
			t.true(bitmap.equals(expected));
			t.is(new SlotBitmap(bitmap.bytes).count, expected.count);
		}),
	);
});

test('the next slot and the next gap are found from any place on', (t) => {
	fc.assert(
		fc.property(slots, runs, fc.integer({min: 0, max: 16383}), (single, added, from) => {
			const bitmap = SlotBitmap.of(single);
			for (const [a, b] of added) bitmap.addRun(Math.min(a, b), Math.max(a, b));
			const first = (isThere: boolean): number => {
				let slot = from;
				while (slot < 16384 && bitmap.has(slot) !== isThere) slot++;
				return slot;
			};
			t.is(nextSlot(bitmap.bytes, from), first(true));
			t.is(nextGap(bitmap.bytes, from), first(false));
		}),
	);
	t.is(nextSlot(new SlotBitmap().bytes, 16384), 16384);
});
