/**
 * Everything the outside world is to the cluster's shell. Real, faulty and simulated versions share these types;
 * a fault is a decorator of one of them. (The transport of client connections is in transport.ts.)
 */

import type {LinkId} from '../cluster/effects.ts';
import type {BusMessage} from '../cluster/messages.ts';
import type {LinkBuffer} from '../commands/cluster-service.ts';

/** What a bus tells its one receiver. None is called from within a call of the receiver's own. */
export interface BusReceiver {
	/** A link asked for by `connect` is there / could not be had. */
	opened(link: LinkId): void;
	refused(link: LinkId): void;
	/** Another node opened a link to this one. Returns the number by which it is known from now on. */
	accepted(fromHost: string): LinkId;
	/** Null stands for a frame that was no message. */
	received(link: LinkId, message: BusMessage | null): void;
	/** The other end is gone, not closed by `close`. Says nothing of the node behind it. */
	closed(link: LinkId): void;
}

/** Links to other nodes: ordered, lossless while they last, and gone without notice of what was under way. */
export interface Bus {
	start(receiver: BusReceiver): void;
	/** Answered by `opened` or `refused`, or by neither when the other side keeps silent. */
	connect(link: LinkId, host: string, busPort: number): void;
	/** To a link that is not open: dropped. Goes out at the end of the event loop's turn at the latest. */
	send(link: LinkId, message: BusMessage): void;
	/** Posts now what was sent in this turn. */
	flush(): void;
	/** Nothing is received from the link any more. */
	close(link: LinkId): void;
	buffer(link: LinkId): LinkBuffer;
	/** Frames that arrived and could not be read. */
	readonly droppedFrames: number;
	stop(): void;
}

/** What `Clock.after` can wait at most, some 24 days: a timer for longer would run at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Clock {
	/** Milliseconds with fractions; never goes backwards. Zero is anywhere. */
	monotonicMs(): number;
	/** Unix time in ms, as the machine has it: it may be set back. */
	wallMs(): number;
	/** Unix time in whole ms that never goes backwards while the node runs: the time of the cluster core. */
	steadyWallMs(): number;
	/** Runs it once, unless the returned function is called before. @param delayMs at most LONGEST_TIMER_MS */
	after(delayMs: number, run: () => void): () => void;
	/** Runs it again and again until the returned function is called. */
	every(intervalMs: number, run: () => void): () => void;
}

export interface ReplaceOptions {
	/** False: the bytes survive the process, not a power cut. Default true. */
	readonly durable?: boolean;
	/** Permission bits of the file. Default 0o644; what holds a secret takes 0o600. */
	readonly mode?: number;
}

export interface DiskLock {
	release(): void;
}

/** A file that only grows, or is cut back. Errors are the system's. */
export interface DiskFile {
	/** Appends `bytes[from, to)`, or as much of it as the system takes: returns how many bytes that were. */
	writeSync(bytes: Uint8Array, from: number, to: number): number;
	/** The same without holding up the caller; the bytes must stay as they are. One call at a time. */
	write(bytes: Uint8Array, from: number, to: number): Promise<number>;
	/** Cuts the file to its first `length` bytes; what is written next goes behind them. */
	truncateSync(length: number): void;
	/** When it returns (resolves), what was written would survive a power cut. */
	syncSync(): void;
	sync(): Promise<void>;
	close(): void;
}

/** A file open for reading, of the length it had then. */
export interface DiskReader {
	readonly size: number;
	/** Fills `bytes` from the file's position on, or as much as there is: returns how many bytes that were, 0 at the end. */
	read(bytes: Uint8Array, position: number): Promise<number>;
	readSync(bytes: Uint8Array, position: number): number;
	close(): void;
}

/** Files are replaced as a whole: a reader sees the old bytes or the new ones, never a part. Errors are the system's. */
export interface Disk {
	/** Null when there is no such file. */
	read(file: string): Uint8Array | null;
	/** When it returns, the bytes are in place (and durable, unless told otherwise). */
	replaceSync(file: string, bytes: Uint8Array, options?: ReplaceOptions): void;
	/** Resolves when the file as it stands now would survive a power cut. */
	flush(file: string): Promise<void>;
	/** Held until released or until the thread that holds it ends, however it ends. Rejects with FileInUseError. */
	lock(file: string): Promise<DiskLock>;
}

/** The disk of the data: files that are appended to, or written under a temporary name that is then changed. */
export interface DataDisk extends Disk {
	/** Opens the file to append to it; `create`: an empty one, in place of what may be there. Nobody else may read it. */
	open(file: string, how: 'append' | 'create'): DiskFile;
	/** Null when there is no such file. */
	openReader(file: string): DiskReader | null;
	/** Gives the file another name, over what has that name; durable when it returns. */
	renameSync(from: string, to: string): void;
	/** Does nothing when there is no such file. */
	removeSync(file: string): void;
	/** Bytes of the file, -1 when there is none. */
	sizeOf(file: string): number;
	/** @throws unless it is a directory that may be looked into */
	checkDirectorySync(directory: string): void;
	/** Makes the directory unless it is there; durable when it returns. */
	makeDirectorySync(directory: string): void;
}
