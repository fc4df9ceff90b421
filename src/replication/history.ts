/**
 * Which stream a node's data is the result of, and how far: a replication id, an offset, and the backlog of the last bytes.
 * It outlives changes of role. A node that is promoted takes a new id, but remembers the old one up to the offset where its
 * own writes begin: replicas of the old primary can go on with it, and so can the old primary itself.
 */
import {Backlog} from './backlog.ts';

/** Of a second id that is not there. */
export const NO_REPLICATION_ID = '0'.repeat(40);
/** As Redis: a smaller backlog would hold next to nothing. */
const LEAST_BACKLOG_BYTES = 16 * 1024;

/** Why a replica cannot go on where it stopped. */
export type Mismatch = 'unknown-id' | 'beyond-second-id' | 'not-in-backlog';

export class ReplicationHistory {
	/** Forty hex digits, new for each history that could differ from another. */
	id: string;
	/** The id that this history had up to byte `secondOffset`. */
	secondId = NO_REPLICATION_ID;
	/** Number of the first byte that `secondId` does not cover, counted from 1; -1 when there is no second id. */
	secondOffset = -1;
	/** Bytes of the stream so far: written by a primary, applied by a replica. */
	offset = 0;
	#backlog: Backlog | null = null;
	#backlogBytes: number;

	constructor(id: string, backlogBytes: number) {
		this.id = id;
		this.#backlogBytes = Math.max(LEAST_BACKLOG_BYTES, backlogBytes);
	}

	/** Null while nobody has followed: then the stream is not even written. */
	get backlog(): Backlog | null {
		return this.#backlog;
	}

	get backlogBytes(): number {
		return this.#backlogBytes;
	}

	/** From now on the stream is kept, from the present offset. */
	keep(): void {
		this.#backlog ??= new Backlog(this.#backlogBytes, this.offset);
	}

	/** `repl-backlog-size` */
	resize(bytes: number): void {
		this.#backlogBytes = Math.max(LEAST_BACKLOG_BYTES, bytes);
		this.#backlog?.resize(this.#backlogBytes);
	}

	append(bytes: Uint8Array, from: number, to: number): void {
		this.offset += to - from;
		this.#backlog?.append(bytes, from, to);
	}

	/**
	 * Whether a replica with this id may go on.
	 * @param firstByte number of the first byte that it wants, counted from 1, as PSYNC gives it
	 */
	mismatch(id: string, firstByte: number): Mismatch | null {
		if (id !== this.id) {
			if (id !== this.secondId || this.secondOffset < 0) return 'unknown-id';
			if (firstByte > this.secondOffset) return 'beyond-second-id';
		}
		return this.#backlog?.holds(firstByte - 1) === true ? null : 'not-in-backlog';
	}

	/** A copy of the bytes from this one on, for whom there is no `mismatch`. */
	since(firstByte: number): Uint8Array {
		return this.#backlog!.since(firstByte - 1);
	}

	/**
	 * Up to here it is the old history, from here on another: a promoted node writes its own, or its primary tells that it has
	 * a new id.
	 */
	continueAs(id: string): void {
		if (id === this.id) return;
		this.secondId = this.id;
		this.secondOffset = this.offset + 1;
		this.id = id;
	}

	/** All data was replaced by a primary's as of that offset. */
	adopt(id: string, offset: number): void {
		this.id = id;
		this.#forgetSecond();
		this.offset = offset;
		this.#backlog = new Backlog(this.#backlogBytes, offset);
	}

	/** A replica starts again with data of that history, as of that offset. */
	resume(id: string, offset: number): void {
		this.id = id;
		this.offset = offset;
		this.keep();
	}

	/** A primary starts again with such data: what it writes now is another history, that begins where the old one was. */
	succeed(id: string, offset: number): void {
		this.secondId = id;
		this.secondOffset = offset + 1;
		this.offset = offset;
		this.keep();
	}

	/** Nobody followed for long: the stream is not kept any more, so that what comes is another history. */
	drop(newId: string): void {
		this.id = newId;
		this.#forgetSecond();
		this.#backlog = null;
	}

	/** A first replica comes after a time that was not kept. */
	restart(newId: string): void {
		this.id = newId;
		this.#forgetSecond();
		this.#backlog = null;
		this.keep();
	}

	#forgetSecond(): void {
		this.secondId = NO_REPLICATION_ID;
		this.secondOffset = -1;
	}
}
