/**
 * dump.rdb: SAVE, BGSAVE, the save points, and what INFO tells of them. The file appears under its name only when it is
 * complete and durable, so that there is always a whole one.
 */
import {join} from 'node:path';
import type {Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {reasonOf} from './system-words.ts';
import type {DataDisk} from './ports.ts';
import {removeQuietly} from './remove-quietly.ts';
import {SnapshotFile} from './snapshot-file.ts';
import type {SnapshotMaker} from './snapshot-port.ts';

export interface RdbSaverOptions {
	readonly disk: DataDisk;
	readonly settings: Settings;
	readonly databases: readonly Keyspace[];
	readonly snapshots: SnapshotMaker;
	/** Gives the whole image of now, in pieces. */
	readonly image: (give: (bytes: Uint8Array) => void, fields: ReadonlyMap<string, string>) => void;
	/** For the head of the file: whose data it has. */
	readonly fields: () => ReadonlyMap<string, string>;
	/** Unix ms. */
	readonly nowMs: () => number;
	readonly log: (level: 'notice' | 'warning', line: string) => void;
}

/** After a failure the save points are left alone for so long. */
const RETRY_SECONDS = 5;

/** BGSAVE under way. */
interface Saving {
	readonly file: SnapshotFile;
	readonly startedAtSeconds: number;
	/** Changes of each database that the file has in it. */
	readonly changes: ReadonlyMap<Keyspace, number>;
}

export class RdbSaver {
	readonly #options: RdbSaverOptions;
	#saving: Saving | null = null;
	/** A snapshot that was given up is still on its way to its end: then ours begins. */
	#isAwaited = false;
	#triedAtSeconds = 0;
	lastSaveSeconds: number;
	isLastOk = true;
	/** How long the last BGSAVE took; -1 before the first. */
	lastSeconds = -1;
	/** Files written since the start. */
	savesCount = 0;
	/** BGSAVE SCHEDULE waits for other work in the background. */
	isScheduled = false;

	constructor(options: RdbSaverOptions) {
		this.#options = options;
		this.lastSaveSeconds = this.#nowSeconds();
	}

	get isSaving(): boolean {
		return this.#saving !== null || this.#isAwaited;
	}

	/** How long the BGSAVE under way has taken so far, -1 without one. */
	get currentSeconds(): number {
		return this.#saving === null ? -1 : this.#nowSeconds() - this.#saving.startedAtSeconds;
	}

	/** Changes since the last file. */
	get changeCount(): number {
		return this.#options.databases.reduce((sum, db) => sum + db.dirty, 0);
	}

	get path(): string {
		const {dir, dbFilename} = this.#options.settings;
		return join(dir, dbFilename);
	}

	get hasSavePoints(): boolean {
		return this.#options.settings.savePoints.length > 0;
	}

	/** What a node that died within a save left. */
	removeLeftovers(): void {
		for (const way of ['save', 'bgsave'] as const)
			removeQuietly(this.#options.disk, this.#temporaryPath(way));
	}

	/** Writes the file while the node waits. Changes stay counted. @throws the system's error */
	write(): void {
		const {disk, log, image, fields} = this.#options;
		const temporary = this.#temporaryPath('save');
		try {
			const file = disk.open(temporary, 'create');
			try {
				image((bytes) => {
					for (let at = 0; at < bytes.length;) at += file.writeSync(bytes, at, bytes.length);
				}, fields());
				file.syncSync();
			} finally {
				file.close();
			}
			disk.renameSync(temporary, this.path);
		} catch (error) {
			log('warning', `Write error saving DB on disk: ${reasonOf(error)}`);
			this.isLastOk = false;
			removeQuietly(disk, temporary);
			throw error;
		}
		log('notice', 'DB saved on disk');
		this.lastSaveSeconds = this.#nowSeconds();
		this.isLastOk = true;
		this.savesCount++;
	}

	/** SAVE: afterwards nothing counts as changed. @throws the system's error */
	save(): void {
		this.write();
		for (const db of this.#options.databases) db.dirty = 0;
	}

	/** Begins as soon as no snapshot is under way any more. */
	beginSoon(): void {
		this.#isAwaited = true;
		this.#options.snapshots.onIdle(() => {
			if (!this.#isAwaited) return;
			this.#isAwaited = false;
			try {
				this.begin();
			} catch {
				// It is logged, and INFO shows it.
			}
		});
	}

	/** No snapshot may be under way. @throws the system's error when it cannot even begin */
	begin(): void {
		const {disk, databases, settings, snapshots, log, fields} = this.#options;
		this.isScheduled = false;
		this.#triedAtSeconds = this.#nowSeconds();
		const temporary = this.#temporaryPath('bgsave');
		let file: SnapshotFile;
		try {
			file = new SnapshotFile({
				disk,
				path: temporary,
				isSyncedMeanwhile: settings.rdbSaveIncrementalFsync,
				onDone: () => {
					this.#finish(temporary);
				},
				onFailed: (error) => {
					this.#failed(error);
				},
			});
		} catch (error) {
			this.isLastOk = false;
			log('warning', `Failed opening the temp RDB file ${temporary} for saving: ${reasonOf(error)}`);
			throw error;
		}
		this.#saving = {
			file,
			startedAtSeconds: this.#nowSeconds(),
			changes: new Map(databases.map((db) => [db, db.dirty])),
		};
		log('notice', 'Background saving started');
		file.fillFrom(snapshots.begin(file, fields()));
	}

	/** Ends the BGSAVE under way: nothing is left of it, and it counts as no failure. */
	cancel(): void {
		const saving = this.#saving;
		this.#saving = null;
		this.#isAwaited = false;
		saving?.file.cancel();
	}

	/** The save point that is due, as `<changes> changes in <seconds> seconds`; null when none is. */
	duePoint(): string | null {
		const {savePoints} = this.#options.settings;
		if (savePoints.length === 0) return null;
		const nowSeconds = this.#nowSeconds();
		if (!this.isLastOk && nowSeconds - this.#triedAtSeconds <= RETRY_SECONDS) return null;
		const changes = this.changeCount;
		for (let i = 0; i < savePoints.length; i += 2) {
			const [seconds = 0, least = 0] = savePoints.slice(i, i + 2);
			if (changes >= least && changes > 0 && nowSeconds - this.lastSaveSeconds > seconds)
				return `${least} changes in ${seconds} seconds`;
		}
		return null;
	}

	#finish(temporary: string): void {
		const {disk, log} = this.#options;
		const saving = this.#saving;
		if (saving === null) return;
		try {
			disk.renameSync(temporary, this.path);
		} catch (error) {
			removeQuietly(disk, temporary);
			this.#failed(error);
			return;
		}
		this.#saving = null;
		for (const [db, changes] of saving.changes) db.dirty -= changes;
		this.lastSaveSeconds = this.#nowSeconds();
		this.lastSeconds = this.lastSaveSeconds - saving.startedAtSeconds;
		this.isLastOk = true;
		this.savesCount++;
		log('notice', 'Background saving terminated with success');
	}

	#failed(error: unknown): void {
		const saving = this.#saving;
		if (saving === null) return;
		this.#saving = null;
		this.isLastOk = false;
		this.lastSeconds = this.#nowSeconds() - saving.startedAtSeconds;
		this.#options.log('warning', `Background saving error: ${reasonOf(error)}`);
	}

	/** One name for each way and node. */
	#temporaryPath(way: 'save' | 'bgsave'): string {
		const {dir, port} = this.#options.settings;
		return join(dir, `temp-${way}-${port}.rdb`);
	}

	#nowSeconds(): number {
		return Math.floor(this.#options.nowMs() / 1000);
	}
}
