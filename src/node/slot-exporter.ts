/**
 * Sends the keys of some slots to another node: their records, and in order with these every command on slots whose records
 * are on their way or sent. All of it is commands, so that the other end reads it as a replica reads its primary's stream.
 *
 *     slot walk  -->  CLUSTER SYNCSLOTS RECORDS <a piece of an RDB file>   --.
 *     command stream  -->  SET ..., DEL ...                                 --+-->  connection
 */
import type {Client} from '../commands/client.ts';
import type {Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import type {SlotWalk} from '../data/slot-walk.ts';
import {latin1ToBytes} from '../lib/bytes.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {CommandStream, SlotConsumer} from './command-stream.ts';
import {RecordCopier} from './record-copier.ts';
import {type SnapshotEncoding, startEncoding} from './snapshot-encoding.ts';

export interface SlotExporterOptions {
	readonly client: Client;
	readonly db: Keyspace;
	readonly stream: CommandStream;
	readonly settings: Settings;
	/** Ascending. */
	readonly slots: readonly number[];
	readonly monotonicMs: () => number;
	/** All records are sent. */
	readonly onWalked: () => void;
	/** The database was emptied under it. */
	readonly onCut: () => void;
}

/** How long clients wait for a slice. */
const SLICE_MS = 1;
/** With more unsent bytes the walk waits, as long. */
const BEHIND_BYTES = 4 * 1024 * 1024;
const HOLD_MS = 1;
const CHUNK_BYTES = 32 * 1024;
/** What is gathered goes out at the end of the turn, or when it is as much. */
const FLUSH_AT_BYTES = 128 * 1024;

const SUBCOMMAND_WORDS = ['CLUSTER', 'SYNCSLOTS'] as const;

export class SlotExporter implements SlotConsumer {
	readonly #options: SlotExporterOptions;
	/** A command is an array of bulk strings, as a reply can be. */
	readonly #writer = new ReplyWriter();
	readonly #encoding: SnapshotEncoding;
	readonly #copier: RecordCopier;
	#walk: SlotWalk | null = null;
	#isScheduled = false;
	#isStopped = false;
	#flushedBytes = 0;

	constructor(options: SlotExporterOptions) {
		this.#options = options;
		// The reader is beside us: it is sooner read as it is.
		this.#encoding = startEncoding({form: 'rdb', compress: false, checksum: false, aux: []});
		this.#copier = new RecordCopier(options.settings, CHUNK_BYTES, (chunk) => {
			this.#sayRecords(this.#encoding.add(chunk));
		});
	}

	/** Bytes of commands so far, of which the other end acknowledges how many it has run. */
	get sentBytes(): number {
		return this.#flushedBytes + this.#writer.length;
	}

	begin(): void {
		const {db, slots, stream} = this.#options;
		this.#walk = db.beginSlotWalk(slots, (records, ref) => {
			this.#copier.copy(db, 0, records, ref);
		});
		stream.addSlotConsumer(this);
		this.#slice();
	}

	/** Sends nothing more. */
	stop(): void {
		if (this.#isStopped) return;
		this.#isStopped = true;
		const {db, stream} = this.#options;
		if (this.#walk !== null) db.endSlotWalk(this.#walk);
		stream.removeSlotConsumer(this);
	}

	/** `CLUSTER SYNCSLOTS <words>`, behind all that was said. */
	say(...words: readonly (string | number)[]): void {
		const writer = this.#writer;
		writer.array(SUBCOMMAND_WORDS.length + words.length);
		for (const word of [...SUBCOMMAND_WORDS, ...words]) writer.bulkText(String(word));
		this.#flushSoon();
	}

	/** Gives what was gathered to the connection. */
	flush(): void {
		const writer = this.#writer;
		const {length} = writer;
		if (length === 0) return;
		this.#options.client.connection.feed(writer.region.bytes, 0, length);
		this.#flushedBytes += length;
		writer.clear();
	}

	// SlotConsumer

	wants(slot: number): boolean {
		return this.#walk!.hasBegun(slot);
	}

	take(bytes: Uint8Array, from: number, to: number): void {
		// A record taken before the command ran stands before it.
		this.#copier.finish();
		this.#writer.raw(bytes.subarray(from, to));
		this.#flushSoon();
	}

	readonly #slice = (): void => {
		if (this.#isStopped) return;
		const {client, monotonicMs, onCut, onWalked} = this.#options;
		if (client.connection.pendingOutputBytes > BEHIND_BYTES) {
			setTimeout(this.#slice, HOLD_MS);
			return;
		}
		const endMs = monotonicMs() + SLICE_MS;
		if (!this.#walk!.slice(() => monotonicMs() >= endMs)) {
			setImmediate(this.#slice);
			return;
		}
		if (!this.#walk!.isComplete) {
			onCut();
			return;
		}
		this.#copier.finish();
		this.#sayRecords(this.#encoding.end());
		onWalked();
	};

	#sayRecords(bytes: Uint8Array): void {
		if (bytes.length === 0) return;
		const writer = this.#writer;
		writer.array(SUBCOMMAND_WORDS.length + 2);
		for (const word of SUBCOMMAND_WORDS) writer.bulkText(word);
		writer.bulkText('RECORDS');
		writer.bulk(bytes);
		this.#flushSoon();
	}

	#flushSoon(): void {
		if (this.#writer.length >= FLUSH_AT_BYTES) {
			this.flush();
		} else if (!this.#isScheduled) {
			this.#isScheduled = true;
			setImmediate(() => {
				this.#isScheduled = false;
				if (!this.#isStopped) this.flush();
			});
		}
	}
}

/** What the other end waits for before the first command. */
export const ACCEPTED = latin1ToBytes('+OK\r\n');
