/**
 * A point-in-time image of the databases, made while the node goes on serving. One is made at a time.
 * Interfaces only: snapshots.ts makes the images, who wants one (a file, an AOF base, a replica) is a sink.
 */

/** An RDB file; or the commands that make the databases anew, as an append-only file has them. */
export type SnapshotForm = 'rdb' | 'commands';

/** Who takes the image. One of `end` and `failed` is called, once, and nothing after it; none within `begin`. */
export interface SnapshotSink {
	/** The next bytes of the image; they are the sink's to keep. */
	chunk(bytes: Uint8Array): void;
	/** All bytes were given. */
	end(): void;
	failed(reason: string): void;
	/** True: the maker holds back until it is false again; asked before each slice of work. */
	readonly isBehind: boolean;
}

/** A snapshot under way. */
export interface Snapshot {
	/** Ends it early: the sink hears nothing more. */
	cancel(): void;
}

export interface SnapshotMaker {
	/** True while one is under way: `begin` must wait for `onIdle`. */
	readonly isBusy: boolean;
	/**
	 * Begins an image of the databases as they are now; what is changed later is in the command stream.
	 * @param aux further fields of the file's head, such as `repl-id` and `repl-offset`
	 */
	begin(sink: SnapshotSink, aux?: ReadonlyMap<string, string>, form?: SnapshotForm): Snapshot;
	/** Calls `run` once when no snapshot is under way, at once if none is. */
	onIdle(run: () => void): void;
}

/** The other way: RDB bytes into the databases, which were emptied before. */
export interface SnapshotLoader {
	/** The bytes may be cut anywhere. @throws with what is wrong and at which offset; the databases are then half filled */
	push(bytes: Uint8Array): void;
	/** True when the file's end, checksum included, was read. */
	readonly isComplete: boolean;
}
