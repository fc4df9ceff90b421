/**
 * Keeps nodes.conf on the disk as new as its meaning asks, and no more often: see docs/decisions/0002-nodes-conf-durability.md.
 * Holds the file's lock from `open` to `close`. Knows nothing of what the text says.
 *
 *     saveSoon     --GATHER_MS-->  in place  --FLUSH_MS-->  durable
 *     saveVisibly  ------------->  in place  --FLUSH_MS-->  durable
 *     saveDurably  -------------------------------------->  durable
 */
import type {Clock, Disk, DiskLock} from './ports.ts';

export interface NodesConfFileOptions {
	readonly disk: Disk;
	readonly clock: Clock;
	readonly file: string;
	/** A write that nobody waits for failed; it is tried again by itself. Called once for a row of failures. */
	readonly onFailure: (error: unknown) => void;
}

/** How long changes are gathered that the other nodes would tell again. */
const GATHER_MS = 100;
/** How long a file may be in place without being durable, and the pause after a failure. */
const FLUSH_MS = 1000;

export class NodesConfFile {
	readonly #options: NodesConfFileOptions;
	readonly #lock: DiskLock;
	/** Gives the text that is not in place yet; asked as late as possible. */
	#waiting: (() => string) | null = null;
	#isDurable = true;
	/** The flush under way; never rejects. */
	#flushing: Promise<void> | null = null;
	#cancelGather: (() => void) | null = null;
	#cancelFlush: (() => void) | null = null;
	#hasFailed = false;
	#isClosed = false;

	private constructor(options: NodesConfFileOptions, lock: DiskLock) {
		this.#options = options;
		this.#lock = lock;
	}

	/** Rejects with FileInUseError when another node has the file. */
	static async open(options: NodesConfFileOptions): Promise<NodesConfFile> {
		return new NodesConfFile(options, await options.disk.lock(options.file));
	}

	/** Null when no node has been here. */
	read(): string | null {
		const bytes = this.#options.disk.read(this.#options.file);
		return bytes === null ? null : new TextDecoder().decode(bytes);
	}

	/** When it returns the text would survive a power cut: for what must not leave the node before, votes and epochs. Throws. */
	saveDurably(text: () => string): void {
		this.#replace(text, true);
		this.#cancelFlush?.();
		this.#cancelFlush = null;
	}

	/** When it returns the text would survive the end of the process: for what a client is told is done. Throws. */
	saveVisibly(text: () => string): void {
		this.#replace(text, false);
		this.#flushLater();
	}

	/** In place soon, and of several texts only the last. */
	saveSoon(text: () => string): void {
		this.#waiting = text;
		this.#cancelGather ??= this.#options.clock.after(this.#hasFailed ? FLUSH_MS : GATHER_MS, () => {
			this.#cancelGather = null;
			this.#tryWaiting();
		});
	}

	/** What waits is in place when it returns. Throws. */
	settle(): void {
		if (this.#waiting !== null) this.saveVisibly(this.#waiting);
	}

	/** The same where nobody waits for it: a failure is told by `onFailure`, and it is tried again. */
	settleNow(): void {
		this.#tryWaiting();
	}

	/** Makes durable what is not, then gives the lock back. Rejects when that fails; the lock is given back all the same. */
	async close(): Promise<void> {
		this.#isClosed = true;
		try {
			if (this.#waiting !== null) this.saveDurably(this.#waiting);
			this.#stopTimers();
			await this.#flushing;
			if (!this.#isDurable) await this.#options.disk.flush(this.#options.file);
		} finally {
			this.#stopTimers();
			this.#lock.release();
		}
	}

	#replace(text: () => string, durable: boolean): void {
		this.#options.disk.replaceSync(this.#options.file, encode(text()), {durable});
		this.#waiting = null;
		this.#cancelGather?.();
		this.#cancelGather = null;
		this.#isDurable = durable;
		this.#hasFailed = false;
	}

	#tryWaiting(): void {
		const text = this.#waiting;
		if (text === null) return;
		try {
			this.saveVisibly(text);
		} catch (error) {
			this.#failed(error);
			this.saveSoon(text);
		}
	}

	#flushLater(): void {
		if (this.#flushing !== null || this.#isClosed) return;
		this.#cancelFlush ??= this.#options.clock.after(FLUSH_MS, () => {
			this.#cancelFlush = null;
			this.#flushing = this.#flush();
		});
	}

	async #flush(): Promise<void> {
		// A replace that comes meanwhile is not covered by this flush.
		this.#isDurable = true;
		try {
			await this.#options.disk.flush(this.#options.file);
			this.#hasFailed = false;
		} catch (error) {
			this.#isDurable = false;
			this.#failed(error);
		}
		this.#flushing = null;
		if (!this.#isDurable) this.#flushLater();
	}

	#stopTimers(): void {
		this.#cancelGather?.();
		this.#cancelFlush?.();
		this.#cancelGather = null;
		this.#cancelFlush = null;
	}

	#failed(error: unknown): void {
		if (!this.#hasFailed) this.#options.onFailure(error);
		this.#hasFailed = true;
	}
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
