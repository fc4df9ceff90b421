/** From chunks of records to the bytes of the image: the part of a snapshot that may run on another thread. */
import type {Region} from '../lib/region.ts';
import {HIDDEN_SLOTS_FIELD, hidingMark} from '../persistence/hidden-slots.ts';
import {RdbWriter} from '../persistence/rdb-writer.ts';
import {type RecordWriter, writeRecords} from '../persistence/record-chunk.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {SnapshotForm} from './snapshot-port.ts';

/** What is the same for the whole image; goes to another thread as it is. */
export interface EncodingOptions {
	readonly form: SnapshotForm;
	readonly compress: boolean;
	readonly checksum: boolean;
	/** Fields of the file's head, in order. */
	readonly aux: readonly (readonly [name: string, value: string])[];
}

export interface SnapshotEncoding {
	/** Returns the bytes to hand on, the caller's to keep; perhaps none. */
	add(chunk: Uint8Array): Uint8Array<ArrayBuffer>;
	/** The last bytes. */
	end(): Uint8Array<ArrayBuffer>;
}

export function startEncoding(options: EncodingOptions): SnapshotEncoding {
	return options.form === 'rdb' ? new RdbEncoding(options) : new CommandEncoding(options);
}

class RdbEncoding implements SnapshotEncoding {
	readonly #writer: RdbWriter;

	constructor({compress, checksum, aux}: EncodingOptions) {
		this.#writer = new RdbWriter({compress, checksum});
		this.#writer.header(aux);
	}

	add(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
		writeRecords(chunk, this.#writer);
		return this.#writer.take();
	}

	end(): Uint8Array<ArrayBuffer> {
		this.#writer.end();
		return this.#writer.take();
	}
}

/** The commands that make the records. */
class CommandEncoding implements SnapshotEncoding, RecordWriter {
	/** A command is an array of bulk strings, as a reply can be. */
	readonly #writer = new ReplyWriter();

	constructor({aux}: EncodingOptions) {
		const hidden = aux.find(([name]) => name === HIDDEN_SLOTS_FIELD);
		if (hidden === undefined) return;
		this.#writer.array(2);
		this.#writer.bulkText('PING');
		this.#writer.bulkText(hidingMark(hidden[1]));
	}

	add(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
		writeRecords(chunk, this);
		return this.#take();
	}

	end(): Uint8Array<ArrayBuffer> {
		return this.#take();
	}

	selectDb(index: number): void {
		this.#writer.array(2);
		this.#writer.bulkText('SELECT');
		this.#writer.integerBulk(index);
	}

	resizeDb(): void {
		// A hint that no command has.
	}

	string(
		keyRegion: Region,
		keyAt: number,
		keyLength: number,
		valueRegion: Region,
		valueAt: number,
		valueLength: number,
		expireAt: number,
	): void {
		const writer = this.#writer;
		writer.array(3);
		writer.bulkText('SET');
		writer.bulkRegion(keyRegion, keyAt, keyLength);
		writer.bulkRegion(valueRegion, valueAt, valueLength);
		if (expireAt < 0) return;
		writer.array(3);
		writer.bulkText('PEXPIREAT');
		writer.bulkRegion(keyRegion, keyAt, keyLength);
		writer.integerBulk(expireAt);
	}

	#take(): Uint8Array<ArrayBuffer> {
		const taken = this.#writer.region.bytes.slice(0, this.#writer.length) as Uint8Array<ArrayBuffer>;
		this.#writer.clear();
		return taken;
	}
}
