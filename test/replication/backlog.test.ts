import test from 'ava';
import fc from 'fast-check';
import {Backlog} from '../../src/replication/backlog.ts';

const bytesOf = (from: number, length: number): Uint8Array =>
	Uint8Array.from({length}, (_, i) => (from + i) & 0xff);

test('a backlog gives back every byte that it says it holds, whatever was appended and however it was resized', (t) => {
	const step = fc.oneof(
		fc.record({kind: fc.constant('append' as const), length: fc.nat(50)}),
		fc.record({kind: fc.constant('resize' as const), size: fc.integer({min: 1, max: 40})}),
	);
	fc.assert(
		fc.property(fc.integer({min: 1, max: 40}), fc.nat(1000), fc.array(step), (size, start, steps) => {
			const backlog = new Backlog(size, start);
			let held = 0;
			for (const each of steps) {
				if (each.kind === 'append') {
					// Byte n of the stream is n modulo 256; it stands within something larger.
					const bytes = new Uint8Array(each.length + 5);
					bytes.set(bytesOf(backlog.endOffset, each.length), 3);
					const end = backlog.endOffset;
					backlog.append(bytes, 3, 3 + each.length);
					t.is(backlog.endOffset, end + each.length);
					held = Math.min(backlog.sizeBytes, held + each.length);
				} else {
					backlog.resize(each.size);
					held = Math.min(held, each.size);
				}
				t.is(backlog.length, held);
				t.is(backlog.startOffset, backlog.endOffset - held);
				for (let offset = backlog.startOffset; offset <= backlog.endOffset; offset++)
					t.deepEqual(backlog.since(offset), bytesOf(offset, backlog.endOffset - offset));
				t.false(backlog.holds(backlog.startOffset - 1));
				t.false(backlog.holds(backlog.endOffset + 1));
			}
		}),
		{numRuns: 60},
	);
});
