/**
 * The sink that makes a file of a snapshot: under a temporary name, flushed to the disk when all of it is there. What
 * becomes of it then is the owner's affair. Writes beside the node's thread, one after the other.
 */
import type {DataDisk, DiskFile} from './ports.ts';
import {removeQuietly} from './remove-quietly.ts';
import type {Snapshot, SnapshotSink} from './snapshot-port.ts';

export interface SnapshotFileOptions {
	readonly disk: DataDisk;
	/** The temporary name. */
	readonly path: string;
	/** It goes to the disk bit by bit, so that the last flush is short. */
	readonly isSyncedMeanwhile: boolean;
	/** The file is complete, durable and closed. */
	readonly onDone: (bytes: number) => void;
	/** The file is gone. */
	readonly onFailed: (error: unknown) => void;
}

/** The snapshot holds back while more than this waits to be written. */
const BEHIND_BYTES = 4 * 1024 * 1024;
/** Between two flushes of a file that is synced meanwhile. */
const SYNC_BYTES = 4 * 1024 * 1024;

export class SnapshotFile implements SnapshotSink {
	readonly #options: SnapshotFileOptions;
	readonly #file: DiskFile;
	#snapshot: Snapshot | null = null;
	#queue: Uint8Array[] = [];
	#queuedBytes = 0;
	#size = 0;
	/** Of that, bytes that were on the disk after the last flush. */
	#syncedSize = 0;
	#isEnded = false;
	/** Nothing more is wanted: done, failed or cancelled. */
	#isOver = false;
	#isWriting = false;
	#isClosed = false;

	/** @throws the system's error when the file cannot be made */
	constructor(options: SnapshotFileOptions) {
		this.#options = options;
		this.#file = options.disk.open(options.path, 'create');
	}

	/** Told who fills the file, to be stopped when the disk refuses. */
	fillFrom(snapshot: Snapshot): void {
		this.#snapshot = snapshot;
	}

	get isBehind(): boolean {
		return this.#queuedBytes > BEHIND_BYTES;
	}

	chunk(bytes: Uint8Array): void {
		if (this.#isOver) return;
		this.#queue.push(bytes);
		this.#queuedBytes += bytes.length;
		if (!this.#isWriting) void this.#write();
	}

	end(): void {
		this.#isEnded = true;
		if (!this.#isWriting) void this.#write();
	}

	failed(reason: string): void {
		this.#fail(new Error(reason));
	}

	/** Ends it: the file goes, and nobody hears of it any more. */
	cancel(): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#snapshot?.cancel();
		if (!this.#isWriting) this.#discard();
	}

	async #write(): Promise<void> {
		this.#isWriting = true;
		try {
			for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) {
				for (let at = 0; at < bytes.length && !this.#isOver;)
					at += await this.#file.write(bytes, at, bytes.length);
				this.#queuedBytes -= bytes.length;
				this.#size += bytes.length;
				if (this.#isOver) break;
				if (!this.#options.isSyncedMeanwhile || this.#size - this.#syncedSize < SYNC_BYTES) continue;
				this.#syncedSize = this.#size;
				await this.#file.sync();
			}
			if (this.#isEnded && !this.#isOver) {
				await this.#file.sync();
				if (!this.#isOver) this.#finish();
			}
		} catch (error) {
			this.#snapshot?.cancel();
			this.#fail(error);
		}
		this.#isWriting = false;
		if (this.#isOver) this.#discard();
	}

	#finish(): void {
		this.#file.close();
		this.#isClosed = true;
		this.#isOver = true;
		this.#options.onDone(this.#size);
	}

	#fail(error: unknown): void {
		if (this.#isOver) return;
		this.#isOver = true;
		if (!this.#isWriting) this.#discard();
		this.#options.onFailed(error);
	}

	#discard(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#queue = [];
		this.#file.close();
		removeQuietly(this.#options.disk, this.#options.path);
	}
}
