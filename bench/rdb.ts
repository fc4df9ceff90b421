/**
 * RDB files of a million keys of 16 bytes with values of 64 bytes, read and written, and what that consists of: CRC64 and
 * LZF. Values that repeat nothing are stored as they are; the others are compressed.
 *
 *   node build/bench/rdb.js [keys=1000000]
 */

import {Bench} from 'tinybench';
import {Crc64} from '../src/lib/crc64.ts';
import {decompressLzf, LzfCompressor} from '../src/lib/lzf.ts';
import {Prng} from '../src/lib/prng.ts';
import {type Region, regionOf} from '../src/lib/region.ts';
import {NO_ACCESS} from '../src/persistence/rdb-format.ts';
import {RdbReader} from '../src/persistence/rdb-reader.ts';
import {RdbWriter} from '../src/persistence/rdb-writer.ts';
import {RecordChunk, writeRecords} from '../src/persistence/record-chunk.ts';

const KEY_LENGTH = 16;
const VALUE_LENGTH = 64;
/** As files are read and chunks are sent. */
const PIECE_BYTES = 1 << 20;

const keys = Number(process.argv[2] ?? 1_000_000);
const prng = new Prng(1);
const random = regionOf(Uint8Array.from({length: 1 << 16}, () => prng.below(256)));
const repeated = regionOf(new Uint8Array(1 << 16).fill(0x78));
const key = regionOf(new Uint8Array(KEY_LENGTH).fill(0x30));

function writeKey(n: number): void {
	for (let at = KEY_LENGTH - 1; n > 0; at--) {
		key.bytes[at] = 0x30 + (n % 10);
		n = Math.floor(n / 10);
	}
}

/** The records of all keys, in the chunks that a node would send. */
function recordChunks(values: Region): Uint8Array[] {
	const chunk = new RecordChunk(PIECE_BYTES + 1024);
	const chunks: Uint8Array[] = [];
	for (let n = 0; n < keys; n++) {
		writeKey(n);
		const at = (n * VALUE_LENGTH) & 0xff_ff & ~(VALUE_LENGTH - 1);
		chunk.addString(key, 0, KEY_LENGTH, values, at, VALUE_LENGTH, -1, NO_ACCESS, 0);
		if (chunk.length > PIECE_BYTES) chunks.push(chunk.take());
	}
	chunks.push(chunk.take());
	return chunks;
}

function fileOf(chunks: readonly Uint8Array[], compress: boolean, use: (bytes: Uint8Array) => void): void {
	const writer = new RdbWriter({compress, checksum: true}, PIECE_BYTES * 2);
	writer.header([]);
	writer.selectDb(0);
	for (const chunk of chunks) {
		writeRecords(chunk, writer);
		use(writer.view());
		writer.clear();
	}
	writer.end();
	use(writer.view());
}

function read(pieces: readonly Uint8Array[]): void {
	let records = 0;
	let bytes = 0;
	const reader = new RdbReader({
		onDb() {},
		onString(record) {
			records++;
			bytes += record.value.length;
		},
	});
	for (const piece of pieces) reader.push(piece);
	reader.finish();
	if (records !== keys || bytes !== keys * VALUE_LENGTH) throw new Error('a record is missing');
}

const stored = recordChunks(random);
const compressible = recordChunks(repeated);
const storedFile: Uint8Array[] = [];
const compressedFile: Uint8Array[] = [];
fileOf(stored, true, (bytes) => storedFile.push(bytes.slice()));
fileOf(compressible, true, (bytes) => compressedFile.push(bytes.slice()));
const ignore = (): void => {};

const plain = random.bytes.slice(0, 1 << 16);
const lzf = new LzfCompressor();
const text = Uint8Array.from({length: 1 << 16}, (_, i) => ((i * i) >>> 7) & 0x3f);
const compressed = new Uint8Array(1 << 17);
const compressedLength = lzf.compress(text, 0, text.length, compressed, 0, compressed.length);
const decompressed = new Uint8Array(text.length);

const files = new Bench({iterations: 5, warmupIterations: 2, time: 0, warmupTime: 0})
	.add('copy the records into chunks', () => recordChunks(random))
	.add('write, values that do not compress', () => fileOf(stored, true, ignore))
	.add('write, values that compress', () => fileOf(compressible, true, ignore))
	.add('write, without compression', () => fileOf(stored, false, ignore))
	.add('read, values as they are', () => read(storedFile))
	.add('read, compressed values', () => read(compressedFile));
await files.run();
console.log(`${keys} keys`);
console.table(
	files.tasks.map(({name, result}) => ({
		task: name,
		ms: result.state === 'completed' ? Math.round(result.latency.p50) : 'failed',
	})),
);

const parts = new Bench({time: 300, warmupTime: 100})
	.add('CRC64', () => new Crc64().update(plain))
	.add('LZF, compress', () => {
		lzf.compress(text, 0, text.length, compressed, 0, compressed.length);
	})
	.add('LZF, decompress', () => {
		decompressLzf(compressed, 0, compressedLength, decompressed, 0, text.length);
	});
await parts.run();
console.table(
	parts.tasks.map(({name, result}) => ({
		part: name,
		'MB/s': result.state === 'completed' ? Math.round((1 << 16) / (result.latency.p50 * 1000)) : 'failed',
	})),
);
