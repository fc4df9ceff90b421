/** What commands may do with the node's files: snapshots, the append-only file, and their state. */

/** What became of the wish for work in the background. */
export type BackgroundStart = 'started' | 'scheduled';

export interface PersistenceService {
	/** While the files of the start are loaded: most commands must wait. */
	readonly isLoading: boolean;
	/** Unix time in seconds of the last snapshot that succeeded, or of the start. */
	readonly lastSaveSeconds: number;
	/** The line that refuses commands that write (and PING), because the disk does; null as a rule. */
	readonly writeRefusal: string | null;
	/** SAVE: holds the node up until the file is in place. @throws CommandError */
	save(): void;
	/** BGSAVE. `mustWait`: not before the present turn is over. @throws CommandError */
	saveInBackground(mayBeScheduled: boolean, mustWait?: boolean): BackgroundStart;
	/** BGREWRITEAOF. `mustWait` as above. @throws CommandError */
	rewriteAof(mustWait?: boolean): BackgroundStart;
	/** FLUSHALL has emptied the databases: a snapshot of what was in them is of no use. */
	flushedAll(): void;
	/** DEBUG RELOAD: the snapshot file back into the databases. @throws CommandError */
	reload(options: ReloadOptions): void;
	/** DEBUG LOADAOF: the append-only file back into the databases. @throws CommandError */
	loadAof(): void;
}

export interface ReloadOptions {
	/** Writes the file first. */
	readonly save: boolean;
	/** Empties the databases before they are loaded. */
	readonly flush: boolean;
	/** A key of the file that is there already is overwritten; otherwise it is an error. */
	readonly merge: boolean;
}

/** For commands that run where no file is to be touched. */
export const NO_PERSISTENCE: PersistenceService = {
	isLoading: false,
	writeRefusal: null,
	lastSaveSeconds: 0,
	save: () => undefined,
	saveInBackground: () => 'started',
	rewriteAof: () => 'started',
	flushedAll: () => undefined,
	reload: () => undefined,
	loadAof: () => undefined,
};
