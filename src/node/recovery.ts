/**
 * Brings the databases back from the node's files: at the start in slices between which clients hear that they must wait, for
 * DEBUG while everything waits. Damage is told with the file, the place and a way out; nothing on the disk is changed then.
 *
 *     appendonly yes   manifest -> base -> incremental files (an appendonly.aof of old becomes the base first)
 *     appendonly no    dump.rdb
 */
import {join} from 'node:path';
import type {Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {latin1, latin1ToBytes} from '../lib/bytes.ts';
import {
	type AofManifest,
	type AofPart,
	EMPTY_MANIFEST,
	formatManifest,
	ManifestError,
	parseManifest,
} from '../persistence/aof-manifest.ts';
import {readSavedFields, type SavedHistory} from '../replication/saved-history.ts';
import type {AofPlayer} from './aof-player.ts';
import {
	DataFileError,
	type DataFileOptions,
	type DataFileOutcome,
	loadDataFile,
	loadDataFileNow,
} from './data-file.ts';
import {RdbLoader, type RdbLoaderOptions} from './load-rdb.ts';
import type {DataDisk} from './ports.ts';

export interface RecoveryOptions {
	readonly disk: DataDisk;
	readonly settings: Settings;
	readonly databases: readonly Keyspace[];
	readonly makePlayer: () => AofPlayer;
	/** A primary leaves out keys that have expired; a replica waits for its primary's word. */
	readonly isPrimary: () => boolean;
	/** Unix ms. */
	readonly nowMs: () => number;
	readonly log: (level: 'notice' | 'warning', line: string) => void;
}

/** Loading under way: the figures of INFO. */
export interface LoadingProgress {
	readonly startedAtMs: number;
	readonly totalBytes: number;
	loadedBytes: number;
}

/** Whose data dump.rdb had, and the keys of it that had expired since: those who have the same data are told. */
export interface RestoredHistory {
	readonly history: SavedHistory;
	readonly expired: readonly (readonly [database: number, key: Uint8Array])[];
}

/** A file to load, and what may be done about its end. */
interface Step {
	readonly path: string;
	/** Only the end of the last file of a row may be missing. */
	readonly isLast: boolean;
	readonly kind: 'rdb' | 'base' | 'incremental';
}

const RDB_REMEDY =
	'restore a copy of it, or move it away to start without its data; redis-check-rdb says more';
const AOF_REMEDY =
	'keep a copy of the directory and run redis-check-aof --fix on its manifest, or restore a copy';
const MANIFEST_REMEDY =
	'correct it, restore a copy of the directory, or move the directory away to start without its data';

export class Recovery {
	readonly #options: RecoveryOptions;
	#onExpired: RdbLoaderOptions['onExpired'] = undefined;
	/** Of the head of the last RDB file. */
	#fields: ReadonlyMap<string, string> = new Map();
	/** Null unless files are being loaded. */
	progress: LoadingProgress | null = null;
	/** Of the last RDB file that was loaded. */
	loadedCount = 0;
	expiredCount = 0;
	/** Where dump.rdb told whose data it has; null after a start from elsewhere. */
	restored: RestoredHistory | null = null;

	constructor(options: RecoveryOptions) {
		this.#options = options;
	}

	/**
	 * What the node had when it ended. Resolves with the manifest of the files that it came from.
	 * @throws DataFileError, or the system's error
	 */
	async start(): Promise<AofManifest> {
		const {settings, log} = this.#options;
		if (!settings.appendOnly) {
			const expired: RestoredHistory['expired'][number][] = [];
			this.#onExpired = (database, key) => {
				expired.push([database, key]);
			};
			await this.#load(this.#rdbSteps(), 'disk');
			this.#onExpired = undefined;
			const history = readSavedFields(this.#fields);
			if (history !== null) this.restored = {history, expired};
			return EMPTY_MANIFEST;
		}
		const manifest = this.readManifest();
		if (manifest !== null) {
			await this.#load(this.#stepsOf(manifest), 'append only file');
			return manifest;
		}
		const old = join(settings.dir, settings.appendFilename);
		if (this.#options.disk.sizeOf(old) >= 0) {
			await this.#load([{path: old, isLast: true, kind: 'base'}], 'append only file');
			return this.#adoptOldFile(old);
		}
		if (this.#rdbSteps().length > 0) {
			log(
				'warning',
				`appendonly is yes and there is no append only file: ${settings.dbFilename} is not loaded. To keep its data start with appendonly no, then CONFIG SET appendonly yes.`,
			);
		}
		return EMPTY_MANIFEST;
	}

	async #load(steps: readonly Step[], from: string): Promise<void> {
		if (steps.length === 0) return;
		const startMs = performance.now();
		this.#begin(steps);
		try {
			for (const step of steps) this.#finishStep(step, await loadDataFile(this.#fileOptions(step)));
		} finally {
			this.#end();
		}
		const seconds = ((performance.now() - startMs) / 1000).toFixed(3);
		this.#options.log('notice', `DB loaded from ${from}: ${seconds} seconds`);
	}

	/** DEBUG RELOAD: the RDB file, into what is in the databases. @throws DataFileError, or the system's error */
	loadRdbNow(path: string, duplicates: 'refuse' | 'replace'): void {
		const step: Step = {path, isLast: true, kind: 'rdb'};
		this.#begin([step]);
		try {
			this.#finishStep(
				step,
				loadDataFileNow({...this.#fileOptions(step), makeLoader: () => this.#loader(step, duplicates)}),
			);
		} finally {
			this.#end();
		}
	}

	/** DEBUG LOADAOF: the append-only file. @throws DataFileError, or the system's error */
	loadAofNow(manifest: AofManifest): void {
		const steps = this.#stepsOf(manifest);
		this.#begin(steps);
		try {
			for (const step of steps) this.#finishStep(step, loadDataFileNow(this.#fileOptions(step)));
		} finally {
			this.#end();
		}
	}

	/** The files of the append-only directory; null when there is no manifest. @throws DataFileError */
	readManifest(): AofManifest | null {
		const {disk, settings} = this.#options;
		const path = this.#pathOf(`${settings.appendFilename}.manifest`);
		const bytes = disk.read(path);
		if (bytes === null) return null;
		try {
			return parseManifest(latin1(bytes));
		} catch (error) {
			if (!(error instanceof ManifestError)) throw error;
			throw new DataFileError(`${path}: ${error.message}; ${MANIFEST_REMEDY}`, {cause: error});
		}
	}

	/** Before 7.0 there was one file beside dump.rdb: it becomes the base. */
	#adoptOldFile(old: string): AofManifest {
		const {disk, settings, log} = this.#options;
		const name = settings.appendFilename;
		const manifest: AofManifest = {base: {name, sequence: 1}, incremental: [], history: []};
		disk.makeDirectorySync(join(settings.dir, settings.appendDirname));
		disk.replaceSync(this.#pathOf(`${name}.manifest`), latin1ToBytes(formatManifest(manifest)), {
			mode: 0o600,
		});
		disk.renameSync(old, this.#pathOf(name));
		log(
			'notice',
			`Successfully migrated an old-style AOF file (${name}) into the AOF directory (${settings.appendDirname}).`,
		);
		return manifest;
	}

	#stepsOf({base, incremental}: AofManifest): Step[] {
		const parts: (readonly [AofPart, Step['kind']])[] = [
			...(base === null ? [] : [[base, 'base'] as const]),
			...incremental.map((part) => [part, 'incremental'] as const),
		];
		// Before anything is loaded: what the manifest names must be there.
		for (const [{name}] of parts) {
			if (this.#options.disk.sizeOf(this.#pathOf(name)) >= 0) continue;
			throw new DataFileError(
				`${this.#pathOf(name)} does not exist, and the manifest names it; ${MANIFEST_REMEDY}`,
			);
		}
		return parts.map(([{name}, kind], index) => ({
			path: this.#pathOf(name),
			isLast: index === parts.length - 1,
			kind,
		}));
	}

	#rdbSteps(): Step[] {
		const {disk, settings} = this.#options;
		const path = join(settings.dir, settings.dbFilename);
		return disk.sizeOf(path) < 0 ? [] : [{path, isLast: true, kind: 'rdb'}];
	}

	#fileOptions(step: Step): DataFileOptions {
		const {disk, makePlayer} = this.#options;
		const before = this.progress!.loadedBytes;
		return {
			disk,
			path: step.path,
			makeLoader: () => this.#loader(step, 'refuse'),
			makePlayer: () => {
				if (step.kind === 'rdb') {
					throw new DataFileError(`${step.path} is no RDB file, or something follows its end; ${RDB_REMEDY}`);
				}
				return makePlayer();
			},
			remedy: step.kind === 'rdb' ? RDB_REMEDY : AOF_REMEDY,
			onProgress: (bytes) => {
				this.progress!.loadedBytes = before + bytes;
			},
		};
	}

	#loader(step: Step, duplicates: 'refuse' | 'replace'): RdbLoader {
		const {databases, settings, isPrimary, nowMs} = this.#options;
		// What an append-only file says of a key may come later in it: there, none is left out.
		const leavesOut = step.kind === 'rdb' && isPrimary();
		return new RdbLoader({
			databases,
			checksum: settings.rdbChecksum,
			expiredBefore: leavesOut ? nowMs() : null,
			duplicates,
			...(this.#onExpired === undefined ? {} : {onExpired: this.#onExpired}),
		});
	}

	/** Decides about what is missing at the end. */
	#finishStep(step: Step, {rdb, player, isInTransaction, validBytes, size}: DataFileOutcome): void {
		const {settings, disk, log} = this.#options;
		if (rdb !== null) {
			this.#fields = rdb.aux;
			this.loadedCount = rdb.loadedCount;
			this.expiredCount = rdb.expiredCount;
			log('notice', `Done loading RDB, keys loaded: ${rdb.loadedCount}, keys expired: ${rdb.expiredCount}.`);
		} else if (step.kind === 'rdb') {
			throw new DataFileError(`${step.path} is empty; ${RDB_REMEDY}`);
		}
		if (player !== null && player.refusedCount > 0 && settings.propagationErrorBehavior === 'panic') {
			throw new DataFileError(
				`${step.path}: a command was refused (${player.lastRefusal}); ${AOF_REMEDY}, or set propagation-error-behavior to ignore to go on without it`,
			);
		}
		if (player !== null && player.refusedCount > 0) {
			log(
				'warning',
				`${player.refusedCount} commands of ${step.path} were refused, the last one: ${player.lastRefusal}`,
			);
		}
		if (validBytes === size) return;
		if (!step.isLast) {
			throw new DataFileError(
				`${step.path} ends within a command at offset ${validBytes}, and it is not the last file; ${AOF_REMEDY}`,
			);
		}
		if (!settings.aofLoadTruncated) {
			throw new DataFileError(
				`${step.path}: Unexpected end of file at offset ${validBytes}; ${AOF_REMEDY}, or set aof-load-truncated to yes to go on without the cut command`,
			);
		}
		if (isInTransaction) log('warning', `Revert incomplete MULTI/EXEC transaction in AOF file ${step.path}`);
		log('warning', `!!! Warning: short read while loading the AOF file ${step.path}!!!`);
		log('warning', `!!! Truncating the AOF ${step.path} at offset ${validBytes} !!!`);
		const file = disk.open(step.path, 'append');
		try {
			file.truncateSync(validBytes);
			file.syncSync();
		} finally {
			file.close();
		}
		log('warning', `AOF ${step.path} loaded anyway because aof-load-truncated is enabled`);
	}

	#begin(steps: readonly Step[]): void {
		const {databases, disk, nowMs} = this.#options;
		// Nothing expires while it is loaded: what comes later in a file may still change it.
		for (const db of databases) {
			db.expiredKeys = 'ignore';
			db.now = nowMs();
		}
		this.progress = {
			startedAtMs: nowMs(),
			totalBytes: steps.reduce((sum, {path}) => sum + Math.max(0, disk.sizeOf(path)), 0),
			loadedBytes: 0,
		};
	}

	#end(): void {
		this.progress = null;
		for (const db of this.#options.databases) {
			db.expiredKeys = 'remove';
			// The files have it all.
			db.dirty = 0;
		}
	}

	#pathOf(name: string): string {
		const {dir, appendDirname} = this.#options.settings;
		return join(dir, appendDirname, name);
	}
}
