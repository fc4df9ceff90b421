/**
 * Images of the databases as they are at one moment, made without a second process: the records are copied out in slices of
 * a millisecond between which clients are served, and each record that is about to be changed is copied out before
 * (data/record-walk.ts). What was copied is encoded beside the node's thread, or in it when there is little.
 *
 *     keyspaces  --slices, and records before a change-->  chunks  -->  encoder  -->  sink
 */
import type {Settings} from '../commands/settings.ts';
import {REDIS_VERSION} from '../commands/version.ts';
import type {Keyspace} from '../data/keyspace.ts';
import type {RecordWalk} from '../data/record-walk.ts';
import {assert} from '../lib/assert.ts';
import {HIDDEN_SLOTS_FIELD, hiddenSlotsField} from '../persistence/hidden-slots.ts';
import {RecordCopier} from './record-copier.ts';
import {type EncodingOptions, startEncoding} from './snapshot-encoding.ts';
import {LocalEncoder, type SnapshotEncoder} from './snapshot-encoder.ts';
import type {Snapshot, SnapshotForm, SnapshotMaker, SnapshotSink} from './snapshot-port.ts';

export interface SnapshotsOptions {
	readonly databases: readonly Keyspace[];
	readonly settings: Settings;
	/** Unix ms. */
	readonly nowMs: () => number;
	readonly monotonicMs: () => number;
	/** Makes an encoder on another thread. */
	readonly encoder: (options: EncodingOptions, sink: SnapshotSink) => SnapshotEncoder;
}

/** How long clients wait for a slice. */
const SLICE_MS = 1;
/** How long the next slice waits for a sink that is behind. */
const HOLD_MS = 1;
/** Less data than this is encoded sooner than another thread wakes up (20 ms for the first time). */
const LOCAL_LIMIT_BYTES = 1024 * 1024;
/** A chunk to be encoded here takes less than a slice; one for another thread should be worth the message. */
const LOCAL_CHUNK_BYTES = 32 * 1024;
const CHUNK_BYTES = 256 * 1024;

export class Snapshots implements SnapshotMaker {
	readonly #options: SnapshotsOptions;
	#run: Run | null = null;
	#waiting: (() => void)[] = [];

	constructor(options: SnapshotsOptions) {
		this.#options = options;
	}

	get isBusy(): boolean {
		return this.#run !== null;
	}

	/** Whether the one under way was given up, and only has to come to its end. */
	get isEnding(): boolean {
		return this.#run?.isEnding ?? false;
	}

	/** Keys copied of the snapshot under way, and how many it will have; zeros without one. */
	get progress(): {readonly taken: number; readonly total: number} {
		return this.#run?.progress ?? {taken: 0, total: 0};
	}

	begin(sink: SnapshotSink, aux: ReadonlyMap<string, string> = NO_AUX, form: SnapshotForm = 'rdb'): Snapshot {
		assert(this.#run === null, 'one snapshot at a time');
		const {databases, settings, encoder, monotonicMs} = this.#options;
		const options = this.#encodingOptions(aux, form);
		const isLocal = databases.reduce((sum, db) => sum + db.dataBytes, 0) < LOCAL_LIMIT_BYTES;
		const run = new Run({
			databases,
			settings,
			chunkBytes: isLocal ? LOCAL_CHUNK_BYTES : CHUNK_BYTES,
			sink,
			encoder: (ended) =>
				isLocal ? new LocalEncoder(startEncoding(options), ended) : encoder(options, ended),
			monotonicMs,
			onOver: () => {
				this.#run = null;
				const waiting = this.#waiting;
				this.#waiting = [];
				for (const each of waiting) this.onIdle(each);
			},
		});
		this.#run = run;
		return run;
	}

	/** The whole image of now in one go. May be made while another is under way. @param give gets it in pieces, in order */
	imageNow(
		give: (bytes: Uint8Array) => void,
		aux: ReadonlyMap<string, string> = NO_AUX,
		form: SnapshotForm = 'rdb',
	): void {
		const encoding = startEncoding(this.#encodingOptions(aux, form));
		const copier = new RecordCopier(this.#options.settings, CHUNK_BYTES, (chunk) => {
			give(encoding.add(chunk));
		});
		for (const [index, db] of this.#options.databases.entries()) {
			db.forEachRecord((records, ref) => {
				copier.copy(db, index, records, ref);
			});
		}
		copier.finish();
		give(encoding.end());
	}

	onIdle(run: () => void): void {
		if (this.#run === null) run();
		else this.#waiting.push(run);
	}

	#encodingOptions(aux: ReadonlyMap<string, string>, form: SnapshotForm): EncodingOptions {
		const {databases, settings, nowMs} = this.#options;
		const hiddenSlots = hiddenSlotsField(databases[0]!);
		const usedBytes = databases.reduce((sum, db) => sum + db.usedBytes, 0);
		return {
			form,
			compress: settings.rdbCompression,
			checksum: settings.rdbChecksum,
			aux: [
				['redis-ver', REDIS_VERSION],
				['redis-bits', '64'],
				['ctime', String(Math.floor(nowMs() / 1000))],
				['used-mem', String(usedBytes)],
				...(hiddenSlots === null ? [] : ([[HIDDEN_SLOTS_FIELD, hiddenSlots]] as const)),
				...aux,
				...(aux.has('aof-base') ? [] : ([['aof-base', '0']] as const)),
			],
		};
	}
}

const NO_AUX: ReadonlyMap<string, string> = new Map();

interface RunOptions {
	readonly databases: readonly Keyspace[];
	readonly settings: Settings;
	readonly chunkBytes: number;
	readonly sink: SnapshotSink;
	readonly encoder: (sink: SnapshotSink) => SnapshotEncoder;
	readonly monotonicMs: () => number;
	/** Neither walk nor encoder are at work any more. */
	readonly onOver: () => void;
}

/** One snapshot, from `begin` until the databases can take the next. */
class Run implements Snapshot {
	readonly #options: RunOptions;
	readonly #walks: RecordWalk[] = [];
	readonly #copier: RecordCopier;
	readonly #encoder: SnapshotEncoder;
	/** Of `#walks`, which one is at work. */
	#current = 0;
	#isWalking = true;
	#isEncoding = true;

	constructor(options: RunOptions) {
		this.#options = options;
		const {sink} = options;
		this.#copier = new RecordCopier(options.settings, options.chunkBytes, (chunk) => {
			this.#encoder.add(chunk);
		});
		this.#encoder = options.encoder({
			chunk: (bytes) => {
				if (this.#isEncoding) sink.chunk(bytes);
			},
			end: () => {
				this.#encoded(() => {
					sink.end();
				});
			},
			failed: (reason) => {
				this.#stopTaking();
				this.#encoded(() => {
					sink.failed(reason);
				});
			},
			get isBehind() {
				return sink.isBehind;
			},
		});
		for (const [index, db] of options.databases.entries()) {
			if (db.storedCount === 0) continue;
			this.#walks.push(
				db.beginWalk((records, ref) => {
					this.#copier.copy(db, index, records, ref);
				}),
			);
		}
		setImmediate(this.#slice);
	}

	get isEnding(): boolean {
		return !this.#isEncoding;
	}

	get progress(): {readonly taken: number; readonly total: number} {
		return {
			taken: this.#walks.reduce((sum, {taken}) => sum + taken, 0),
			total: this.#walks.reduce((sum, {total}) => sum + total, 0),
		};
	}

	cancel(): void {
		if (!this.#isEncoding) return;
		this.#stopTaking();
		this.#encoder.cancel();
		this.#encoded(() => undefined);
	}

	readonly #slice = (): void => {
		const {monotonicMs, sink} = this.#options;
		if (this.#isEncoding && (sink.isBehind || this.#encoder.isBehind)) {
			setTimeout(this.#slice, HOLD_MS);
			return;
		}
		const endMs = monotonicMs() + SLICE_MS;
		const isOver = (): boolean => monotonicMs() >= endMs;
		while (this.#current < this.#walks.length) {
			if (!this.#walks[this.#current]!.slice(isOver)) break;
			this.#current++;
		}
		if (this.#current < this.#walks.length) {
			setImmediate(this.#slice);
			return;
		}
		this.#isWalking = false;
		if (this.#isEncoding) this.#finish();
		else this.#options.onOver();
	};

	/** Everything was copied: what is left in the chunks is encoded, and the end. */
	#finish(): void {
		this.#copier.finish();
		this.#encoder.end();
	}

	/** The records are not wanted any more, but all must get the same generation before the next snapshot. */
	#stopTaking(): void {
		for (const walk of this.#walks) walk.cancel();
	}

	#encoded(tell: () => void): void {
		if (!this.#isEncoding) return;
		this.#isEncoding = false;
		// Who is told may want the next snapshot at once.
		if (!this.#isWalking) this.#options.onOver();
		tell();
	}
}
