/**
 * One file of data on its way into the databases: an RDB file, the commands of an append-only file, or one behind the other.
 * What it is, its first bytes tell.
 */
import {latin1} from '../lib/bytes.ts';
import {AofError, AofReader} from '../persistence/aof-reader.ts';
import {RdbError} from '../persistence/rdb-format.ts';
import {AofContentError, type AofPlayer} from './aof-player.ts';
import {RdbContentError, type RdbLoader} from './load-rdb.ts';
import type {DataDisk, DiskReader} from './ports.ts';

const MAGIC = 'REDIS';
/** A slice of loading: some milliseconds between which clients hear that they must wait. */
const SLICE_BYTES = 128 * 1024;
const READ_BYTES = 2 * 1024 * 1024;

/** What is wrong with a file, where, and what can be done: the node does not start. */
export class DataFileError extends Error {
	override readonly name = 'DataFileError';
	readonly code = 'ERR_SHOAL_DATA';
}

export interface DataFileOptions {
	readonly disk: DataDisk;
	readonly path: string;
	readonly makeLoader: () => RdbLoader;
	readonly makePlayer: () => AofPlayer;
	/** What to do about damage to the file, as the end of a sentence. */
	readonly remedy: string;
	/** Told how far the file was read. */
	readonly onProgress?: (bytes: number) => void;
}

/** How a file ended. */
export interface DataFileOutcome {
	/** Null when there was no RDB part. */
	readonly rdb: RdbLoader | null;
	/** Null when there were no commands. */
	readonly player: AofPlayer | null;
	/** Whether the end of the file cut a transaction. */
	readonly isInTransaction: boolean;
	/** Where the bytes end that make whole commands; less than the file's size when its end is cut. */
	readonly validBytes: number;
	readonly size: number;
}

/** Resolves when the file is in the databases; rejects with DataFileError. Lets the event loop turn in between. */
export async function loadDataFile(options: DataFileOptions): Promise<DataFileOutcome> {
	const load = new DataFileLoad(options);
	const buffers = [new Uint8Array(READ_BYTES), new Uint8Array(READ_BYTES)] as const;
	let next = load.reader.read(buffers[0], 0);
	try {
		for (let turn = 0; ; turn++) {
			const bytes = buffers[turn & 1]!;
			const count = await next;
			if (count === 0) break;
			// The next bytes are read while these are loaded.
			next = load.reader.read(buffers[(turn + 1) & 1]!, load.readBytes + count);
			for (let at = 0; at < count; at += SLICE_BYTES) {
				load.push(bytes, at, Math.min(count, at + SLICE_BYTES));
				await new Promise((resolve) => {
					setImmediate(resolve);
				});
			}
		}
		return load.finish();
	} finally {
		// A read under way needs the file.
		await Promise.allSettled([next]);
		load.reader.close();
	}
}

/** The same while everything waits. @throws DataFileError */
export function loadDataFileNow(options: DataFileOptions): DataFileOutcome {
	const load = new DataFileLoad(options);
	try {
		const bytes = new Uint8Array(READ_BYTES);
		for (;;) {
			const count = load.reader.readSync(bytes, load.readBytes);
			if (count === 0) break;
			load.push(bytes, 0, count);
		}
		return load.finish();
	} finally {
		load.reader.close();
	}
}

class DataFileLoad {
	readonly reader: DiskReader;
	readonly #options: DataFileOptions;
	/** Bytes pushed so far. */
	readBytes = 0;
	#rdb: RdbLoader | null = null;
	#player: AofPlayer | null = null;
	#commands: AofReader | null = null;

	constructor(options: DataFileOptions) {
		this.#options = options;
		const reader = options.disk.openReader(options.path);
		if (reader === null) throw new DataFileError(`${options.path} does not exist`);
		this.reader = reader;
	}

	push(bytes: Uint8Array, from: number, to: number): void {
		try {
			let at = from;
			if (this.readBytes === 0) {
				if (latin1(bytes, from, Math.min(to, from + MAGIC.length)) === MAGIC)
					this.#rdb = this.#options.makeLoader();
				else this.#beginCommands(0);
			}
			if (this.#commands === null) {
				at = this.#rdb!.push(bytes, from, to);
				if (at < to) this.#beginCommands(this.readBytes + at - from);
			}
			this.#commands?.push(bytes, at, to);
		} catch (error) {
			throw this.#damage(error);
		}
		this.readBytes += to - from;
		this.#options.onProgress?.(this.readBytes);
	}

	finish(): DataFileOutcome {
		const {path} = this.#options;
		if (this.readBytes < this.reader.size)
			throw new DataFileError(
				`${path} ended at byte ${this.readBytes}, before its size of ${this.reader.size}`,
			);
		try {
			this.#rdb?.finish();
		} catch (error) {
			throw this.#damage(error);
		}
		return {
			rdb: this.#rdb,
			player: this.#player,
			isInTransaction: this.#commands?.isInTransaction ?? false,
			validBytes: this.#commands?.validBytes ?? this.readBytes,
			size: this.readBytes,
		};
	}

	#beginCommands(offset: number): void {
		this.#player = this.#options.makePlayer();
		this.#commands = new AofReader(this.#player, offset);
	}

	#damage(error: unknown): unknown {
		if (!isAboutContent(error)) return error;
		const {path, remedy} = this.#options;
		const where = error instanceof AofContentError ? ` at offset ${this.#commands!.validBytes}` : '';
		return new DataFileError(`${path}: ${error.message}${where}; ${remedy}`, {cause: error});
	}
}

/** Not a bug of ours: the file's bytes are to blame. */
const isAboutContent = (error: unknown): error is Error =>
	error instanceof RdbError ||
	error instanceof RdbContentError ||
	error instanceof AofError ||
	error instanceof AofContentError;
