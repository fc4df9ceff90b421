import test from 'ava';
import fc from 'fast-check';
import {RING_BYTES, SharedRing} from '../../src/lib/shared-ring.ts';

test('bytes come out as they went in, in any pieces, around the end of the ring', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.record({write: fc.nat(RING_BYTES / 2), read: fc.nat(RING_BYTES / 2)}), {maxLength: 40}),
			(steps) => {
				const writer = new SharedRing();
				const reader = new SharedRing(writer.memory);
				let written = 0;
				let read = 0;
				for (const step of steps) {
					const bytes = Uint8Array.from({length: step.write}, (_, i) => (written + i) % 251);
					const count = writer.write(bytes, 0, bytes.length);
					t.is(count, Math.min(step.write, RING_BYTES - (written - read)));
					written += count;
					const target = new Uint8Array(step.read);
					const got = reader.read(target);
					t.is(got, Math.min(step.read, written - read));
					if (got > 0) t.deepEqual([target[0], target[got - 1]], [read % 251, (read + got - 1) % 251]);
					read += got;
					t.is(writer.length, written - read);
				}
			},
		),
		{numRuns: 30},
	);
});

test('a writer that waits is told when half of the ring is free, once', (t) => {
	const writer = new SharedRing();
	const reader = new SharedRing(writer.memory);
	writer.write(new Uint8Array(RING_BYTES), 0, RING_BYTES);
	t.is(writer.write(new Uint8Array(1), 0, 1), 0);
	t.false(reader.isAwaited());
	t.true(writer.await());
	const target = new Uint8Array(RING_BYTES / 4);
	reader.read(target);
	t.false(reader.isAwaited());
	reader.read(target);
	t.true(reader.isAwaited());
	t.false(reader.isAwaited());
	t.false(writer.await());
});

test('what is no ring is not taken for one', (t) => {
	for (const value of [null, 1, new ArrayBuffer(RING_BYTES + 64), new SharedArrayBuffer(8)])
		t.false(SharedRing.isRing(value));
	t.true(SharedRing.isRing(new SharedRing().memory));
});
