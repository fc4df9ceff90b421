import test from 'ava';
import fc from 'fast-check';
import {latin1} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {FREQUENCY_ACCESS, IDLE_ACCESS, NO_ACCESS} from '../../src/persistence/rdb-format.ts';
import {RdbWriter} from '../../src/persistence/rdb-writer.ts';
import {RecordChunk, writeRecords} from '../../src/persistence/record-chunk.ts';
import {type Entry, readRdb} from './contents.ts';

const record = fc.record({
	key: fc.uint8Array({maxLength: 40}),
	value: fc.oneof(fc.uint8Array({maxLength: 300}), fc.constant(new Uint8Array(5000).fill(7))),
	expireAt: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
	kind: fc.constantFrom(NO_ACCESS, IDLE_ACCESS, FREQUENCY_ACCESS),
	access: fc.nat(255),
});

test('records that travelled in chunks become the file that they are', (t) => {
	fc.assert(
		fc.property(fc.array(record, {maxLength: 20}), fc.nat(2000), (records, chunkBytes) => {
			const writer = new RdbWriter({compress: true, checksum: true});
			writer.header([]);
			const chunk = new RecordChunk(64);
			const expected: Entry[] = [];
			chunk.addDatabase(3, records.length, 1);
			for (const {key, value, expireAt, kind, access} of records) {
				// In the middle of something larger, as they stand in the arena.
				const around = new Uint8Array([1, 2, 3, ...key, ...value, 4]);
				const region = regionOf(around);
				chunk.addString(region, 3, key.length, region, 3 + key.length, value.length, expireAt, kind, access);
				expected.push({
					db: 3,
					key: latin1(key),
					value: latin1(value),
					...(expireAt < 0 ? {} : {expireAt}),
					...(kind === IDLE_ACCESS ? {idleSeconds: access} : {}),
					...(kind === FREQUENCY_ACCESS ? {frequency: access} : {}),
				});
				if (chunk.length > chunkBytes) {
					writeRecords(structuredCloneOf(chunk.take()), writer);
					t.is(chunk.length, 0);
				}
			}
			writeRecords(structuredCloneOf(chunk.take()), writer);
			writer.end();
			const contents = readRdb(writer.take());
			t.deepEqual(contents.entries, expected);
			t.deepEqual(contents.sizes, [[3, records.length, 1]]);
		}),
	);
});

/** As it arrives in another thread. */
function structuredCloneOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
	const received = structuredClone(bytes, {transfer: [bytes.buffer]});
	if (bytes.buffer.byteLength !== 0) throw new Error('the buffer was not transferred');
	return received;
}
