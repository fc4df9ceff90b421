/**
 * The end of the append-only file that commands go to: when they are written, when they are flushed to the disk, and what
 * becomes of it when the disk refuses.
 *
 *     append  -->  pending  --writeSync, once a turn-->  the file  --fdatasync-->  durable
 *
 * `always`: written and flushed before `append` returns, so before any reply of the turn leaves; a failure is thrown, and
 * nothing was promised. `everysec`: written at once unless a flush is under way, which would hold the write up; flushed each
 * second beside the node. `no`: the system decides when. Failures of the latter two are kept until they pass: meanwhile
 * `failure` tells clients why they may not write, and `tick` tries again.
 */
import type {DiskFile} from './ports.ts';
import {reasonOf} from './system-words.ts';

export type FsyncPolicy = 'always' | 'everysec' | 'no';

export interface AofFileOptions {
	readonly file: DiskFile;
	/** Of the file as it is opened. */
	readonly size: number;
	readonly policy: () => FsyncPolicy;
	/** `no-appendfsync-on-rewrite`: whether flushes are left out now. */
	readonly isFlushHeldOff: () => boolean;
	readonly nowMs: () => number;
	readonly log: (level: 'notice' | 'warning', line: string) => void;
	/** Time that the disk took, by name of the event of LATENCY. */
	readonly latency: (event: string, ms: number) => void;
	/** More of the file is durable. */
	readonly onDurable?: () => void;
}

/** Between two flushes of `everysec`; also how long a write waits for a flush that does not end. */
const FLUSH_INTERVAL_MS = 1000;
const POSTPONE_MS = 2000;
/** One line about a disk that refuses, not one a write. */
const LOG_INTERVAL_MS = 30_000;

/** The disk refused where `appendfsync always` allows no going on: the node must end. */
export class AofLostError extends Error {
	override readonly name = 'AofLostError';
}

export class AofFile {
	readonly #options: AofFileOptions;
	readonly #file: DiskFile;
	/** Bytes in the file that are whole commands. */
	#size: number;
	/** Of `#size`, how many bytes a power cut would spare. */
	#durableSize: number;
	/** Bytes behind `#size` that a short write left and that could not be cut back; what belongs behind them is pending. */
	#torn = 0;
	#pending = new Uint8Array(0);
	#pendingLength = 0;
	#flushing: Promise<void> | null = null;
	#flushedAtMs: number;
	/** When writes began to wait for a flush; 0 when none does. */
	#postponedAtMs = 0;
	#writeError: unknown = null;
	#flushError: unknown = null;
	#loggedAtMs = Number.NEGATIVE_INFINITY;
	/** Writes that did not wait any longer for a flush: INFO's aof_delayed_fsync. */
	delayedCount = 0;

	constructor(options: AofFileOptions) {
		this.#options = options;
		this.#file = options.file;
		this.#size = options.size;
		this.#durableSize = options.size;
		this.#flushedAtMs = options.nowMs();
	}

	/** Bytes in the file. */
	get size(): number {
		return this.#size;
	}

	/** Of what was appended, bytes that a power cut would spare; they are counted as `appendedSize` counts. */
	get durableSize(): number {
		return this.#durableSize;
	}

	/** Bytes of the file when all that was appended is in it. */
	get appendedSize(): number {
		return this.#size + this.#torn + this.#pendingLength;
	}

	/** Bytes not yet in the file. */
	get pendingBytes(): number {
		return this.#pendingLength;
	}

	get isFlushing(): boolean {
		return this.#flushing !== null;
	}

	/** Why what was appended is not safe as far as the policy promises; null when it is. */
	get failure(): unknown {
		return this.#writeError ?? this.#flushError;
	}

	/** @throws AofLostError with `always` */
	append(bytes: Uint8Array, from: number, to: number): void {
		if (this.#pendingLength === 0 && !this.#mustWait()) from += this.#tryWrite(bytes, from, to);
		if (from < to) this.#keep(bytes, from, to);
		this.#flushByPolicy();
	}

	/** From the cron: writes what waits, and flushes what is due. */
	tick(): void {
		if (this.#pendingLength > 0 && !this.#mustWait()) this.#writePending();
		this.#flushByPolicy();
	}

	/** All that was appended is in the file and durable when it returns. @throws when the disk refuses */
	settleSync(): void {
		this.#writePending();
		if (this.#writeError !== null) throw this.#writeError;
		this.#file.syncSync();
		this.#flushed(this.#size);
	}

	/** Flushes beside the node what is in the file, then closes it. Failures are logged. Whether all of it is durable. */
	async closeLater(): Promise<boolean> {
		try {
			this.#writePending();
			await this.#flushing;
			if (this.#durableSize < this.#size) {
				const size = this.#size;
				await this.#file.sync();
				this.#flushed(size);
			}
		} catch (error) {
			this.#options.log('warning', `Fail to fsync the AOF file: ${reasonOf(error)}`);
		}
		this.#file.close();
		return this.#durableSize === this.appendedSize;
	}

	/** Closes the file as it is. */
	async close(): Promise<void> {
		await this.#flushing;
		this.#file.close();
	}

	/** With `everysec`, a write in the middle of a flush would wait for the disk: it is put off for two seconds at most. */
	#mustWait(): boolean {
		if (this.#flushing === null || this.#options.policy() !== 'everysec') return false;
		const nowMs = this.#options.nowMs();
		if (this.#postponedAtMs === 0) this.#postponedAtMs = nowMs;
		if (nowMs - this.#postponedAtMs < POSTPONE_MS) return true;
		this.#postponedAtMs = 0;
		this.delayedCount++;
		this.#options.log(
			'notice',
			'Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.',
		);
		return false;
	}

	#keep(bytes: Uint8Array, from: number, to: number): void {
		const needed = this.#pendingLength + to - from;
		if (needed > this.#pending.length) {
			const grown = new Uint8Array(Math.max(needed, this.#pending.length * 2));
			grown.set(this.#pending.subarray(0, this.#pendingLength));
			this.#pending = grown;
		}
		this.#pending.set(bytes.subarray(from, to), this.#pendingLength);
		this.#pendingLength = needed;
	}

	#writePending(): void {
		if (this.#pendingLength === 0) return;
		const written = this.#tryWrite(this.#pending, 0, this.#pendingLength);
		this.#pending.copyWithin(0, written, this.#pendingLength);
		this.#pendingLength -= written;
		// A burst is over: its memory goes.
		if (this.#pendingLength === 0 && this.#pending.length > KEPT_BYTES) this.#pending = new Uint8Array(0);
	}

	/** Returns how many bytes stay in the file: all, or what a short write left that could not be cut back. */
	#tryWrite(bytes: Uint8Array, from: number, to: number): number {
		const startMs = performance.now();
		let at = from;
		try {
			while (at < to) {
				const count = this.#file.writeSync(bytes, at, to);
				if (count === 0) throw new Error('the disk took nothing');
				at += count;
			}
		} catch (error) {
			const written = at - from;
			this.#refused(error, written, to - from);
			if (written === 0 || this.#cutBack()) return 0;
			this.#torn += written;
			return written;
		}
		this.#options.latency('aof-write', performance.now() - startMs);
		this.#size += this.#torn + to - from;
		this.#torn = 0;
		if (this.#writeError !== null) {
			this.#writeError = null;
			this.#options.log('warning', 'AOF write error looks solved, Redis can write again.');
		}
		this.#postponedAtMs = 0;
		return to - from;
	}

	/** Takes what a short write left out of the file again. */
	#cutBack(): boolean {
		if (this.#torn > 0) return false;
		try {
			this.#file.truncateSync(this.#size);
			return true;
		} catch (error) {
			this.#options.log(
				'warning',
				`Could not remove short write from the append-only file. The file may be corrupted if the server ends now: ${reasonOf(error)}`,
			);
			return false;
		}
	}

	#refused(error: unknown, written: number, wanted: number): void {
		this.#writeError = error;
		const nowMs = this.#options.nowMs();
		if (nowMs - this.#loggedAtMs >= LOG_INTERVAL_MS) {
			this.#loggedAtMs = nowMs;
			this.#options.log(
				'warning',
				written === 0
					? `Error writing to the AOF file: ${reasonOf(error)}`
					: `Short write while writing to the AOF file: ${reasonOf(error)} (nwritten=${written}, expected=${wanted})`,
			);
		}
		if (this.#options.policy() === 'always') {
			this.#cutBack();
			throw new AofLostError(
				`Can't recover from AOF write error when the AOF fsync policy is 'always': ${reasonOf(error)}`,
				{cause: error},
			);
		}
	}

	#flushByPolicy(): void {
		const {policy, isFlushHeldOff, nowMs} = this.#options;
		if (policy() === 'no' || this.#durableSize === this.#size || isFlushHeldOff()) return;
		if (policy() === 'always') {
			this.#flushNow();
		} else if (this.#flushing === null && nowMs() - this.#flushedAtMs >= FLUSH_INTERVAL_MS) {
			this.#flushing = this.#flushLater();
		}
	}

	#flushNow(): void {
		const startMs = performance.now();
		try {
			this.#file.syncSync();
		} catch (error) {
			throw new AofLostError(
				`Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${reasonOf(error)}`,
				{cause: error},
			);
		}
		this.#options.latency('aof-fsync-always', performance.now() - startMs);
		this.#flushed(this.#size);
	}

	async #flushLater(): Promise<void> {
		this.#flushedAtMs = this.#options.nowMs();
		const size = this.#size;
		try {
			await this.#file.sync();
			this.#flushed(size);
		} catch (error) {
			if (this.#flushError === null)
				this.#options.log('warning', `Fail to fsync the AOF file: ${reasonOf(error)}`);
			this.#flushError = error;
		}
		this.#flushing = null;
		// What waited for the flush goes on at once.
		this.#writePending();
	}

	#flushed(size: number): void {
		this.#durableSize = size;
		this.#flushedAtMs = this.#options.nowMs();
		this.#flushError = null;
		this.#options.onDurable?.();
	}
}

const KEPT_BYTES = 1024 * 1024;
