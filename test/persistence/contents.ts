/** What an RDB file holds, as plain values to compare; and files made of such values. */
import {concat, latin1, latin1ToBytes} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {FREQUENCY_ACCESS, IDLE_ACCESS, NO_ACCESS} from '../../src/persistence/rdb-format.ts';
import {RdbReader, type RdbReaderOptions, type RdbVisitor} from '../../src/persistence/rdb-reader.ts';
import {RdbWriter, type RdbWriterOptions} from '../../src/persistence/rdb-writer.ts';

export interface Entry {
	readonly db: number;
	/** Key and value: one character a byte. */
	readonly key: string;
	readonly value: string;
	readonly expireAt?: number;
	readonly idleSeconds?: number;
	readonly frequency?: number;
}

/** A visitor that keeps everything. */
export class Contents implements RdbVisitor {
	readonly aux: [name: string, value: string][] = [];
	readonly sizes: [db: number, keys: number, volatileKeys: number][] = [];
	readonly entries: Entry[] = [];
	readonly functions: string[] = [];
	isEnded = false;
	#db = 0;

	onAux(name: string, value: string): void {
		this.aux.push([name, value]);
	}

	onDb(index: number): void {
		this.#db = index;
	}

	onResize(keys: number, volatileKeys: number): void {
		this.sizes.push([this.#db, keys, volatileKeys]);
	}

	onString(...[record]: Parameters<RdbVisitor['onString']>): void {
		const {expireAt, idleSeconds, frequency} = record;
		this.entries.push({
			db: this.#db,
			key: latin1(record.key.bytes()),
			value: latin1(record.value.bytes()),
			...(expireAt < 0 ? {} : {expireAt}),
			...(idleSeconds < 0 ? {} : {idleSeconds}),
			...(frequency < 0 ? {} : {frequency}),
		});
	}

	onFunction(library: Uint8Array): void {
		this.functions.push(latin1(library));
	}

	onEnd(): void {
		this.isEnded = true;
	}
}

/** Reads a whole file in pieces that end at these offsets. */
export function readRdb(
	bytes: Uint8Array,
	cuts: readonly number[] = [],
	options?: RdbReaderOptions,
): Contents {
	const contents = new Contents();
	const reader = new RdbReader(contents, options);
	let at = 0;
	for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
		// A piece of its own, which is gone when the next comes: what reads it later finds other bytes.
		const piece = bytes.slice(at, cut);
		reader.push(piece);
		piece.fill(0xee);
		at = Math.max(at, cut);
	}
	reader.finish();
	return contents;
}

/** A file of these entries, in their order. */
export function writeRdb(
	entries: readonly Entry[],
	{aux = [], ...options}: Partial<RdbWriterOptions> & {readonly aux?: readonly [string, string][]} = {},
): Uint8Array {
	const writer = new RdbWriter({compress: true, checksum: true, ...options}, 64);
	const pieces: Uint8Array[] = [];
	writer.header(aux);
	let db = -1;
	for (const entry of entries) {
		if (entry.db !== db) {
			db = entry.db;
			const own = entries.filter((other) => other.db === db);
			writer.selectDb(db);
			writer.resizeDb(own.length, own.filter(({expireAt}) => expireAt !== undefined).length);
		}
		addEntry(writer, entry);
		if (writer.length > 1000) pieces.push(writer.take());
	}
	writer.end();
	pieces.push(writer.take());
	return concat(pieces);
}

function addEntry(writer: RdbWriter, {key, value, expireAt = -1, idleSeconds, frequency}: Entry): void {
	const kind =
		idleSeconds === undefined ? (frequency === undefined ? NO_ACCESS : FREQUENCY_ACCESS) : IDLE_ACCESS;
	writer.string(
		regionOf(latin1ToBytes(key)),
		0,
		key.length,
		regionOf(latin1ToBytes(value)),
		0,
		value.length,
		expireAt,
		kind,
		idleSeconds ?? frequency ?? 0,
	);
}
