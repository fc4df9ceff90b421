/**
 * The files of a node: makes their parts, and decides which work in the background may begin when. Composition; the parts
 * know nothing of each other.
 *
 *     databases -> Snapshots -> RdbSaver (dump.rdb)
 *                     |    `--> Aof (base files)   <- command stream
 *                     `-------> replicas
 *     files -> Recovery -> databases
 */
import {CommandError} from '../commands/errors.ts';
import type {BackgroundStart, PersistenceService, ReloadOptions} from '../commands/persistence-service.ts';
import type {LatencyMonitor, Services} from '../commands/services.ts';
import type {LogLevel, Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';
import {type AofManifest, EMPTY_MANIFEST} from '../persistence/aof-manifest.ts';
import {Aof, AOF_BASE} from './aof.ts';
import {AofPlayer} from './aof-player.ts';
import type {CommandStream} from './command-stream.ts';
import type {NodeConfig} from './config.ts';
import {ParameterError} from './config-parameters.ts';
import {RdbLoader} from './load-rdb.ts';
import type {Clock, DataDisk} from './ports.ts';
import {RdbSaver} from './rdb-saver.ts';
import {type LoadingProgress, Recovery, type RestoredHistory} from './recovery.ts';
import {SnapshotPool} from './snapshot-pool.ts';
import type {SnapshotLoader, SnapshotMaker} from './snapshot-port.ts';
import {Snapshots} from './snapshots.ts';
import {reasonOf} from './system-words.ts';

export interface PersistenceOptions {
	readonly disk: DataDisk;
	readonly clock: Clock;
	readonly config: NodeConfig;
	readonly databases: readonly Keyspace[];
	readonly stream: CommandStream;
	readonly latency: LatencyMonitor;
	readonly isPrimary: () => boolean;
	readonly log: (level: LogLevel, line: string) => void;
	/** Data that clients were promised cannot be kept: the node must end. */
	readonly onLost: (reason: string) => void;
	/** For the head of dump.rdb: whose data it has. What was done is in the history when it returns. */
	readonly savedFields: () => ReadonlyMap<string, string>;
	/** More of what was appended is on the disk, or nothing is appended any more. */
	readonly onDurable: () => void;
}

const SAVE_IN_PROGRESS = new CommandError('ERR Background save already in progress');
const OTHER_IN_PROGRESS = new CommandError(
	"ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
);
const REWRITE_IN_PROGRESS = new CommandError('ERR Background append only file rewriting already in progress');
const REWRITE_FAILED = new CommandError(
	"ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
);
const FAILED = new CommandError('ERR');
const CANNOT_RELOAD = new CommandError('ERR Error trying to load the RDB dump, check server logs');
const CANNOT_LOAD_AOF = new CommandError('ERR Error trying to load the AOF files, check server logs');

const SAVE_REFUSAL =
	"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

export class NodePersistence implements PersistenceService {
	readonly #options: PersistenceOptions;
	readonly #settings: Settings;
	readonly #pool = new SnapshotPool();
	readonly #snapshots: Snapshots;
	readonly rdb: RdbSaver;
	readonly aof: Aof;
	#recovery: Recovery | null = null;
	#isLoading = false;

	constructor(options: PersistenceOptions) {
		const {disk, clock, config, databases, stream, latency, log} = options;
		const {settings} = config;
		this.#options = options;
		this.#settings = settings;
		const nowMs = (): number => clock.wallMs();
		const monotonicMs = (): number => clock.monotonicMs();
		const snapshots = new Snapshots({
			databases,
			settings,
			nowMs,
			monotonicMs,
			encoder: (encoding, sink) => this.#pool.encoder(encoding, sink),
		});
		this.#snapshots = snapshots;
		this.rdb = new RdbSaver({
			disk,
			settings,
			databases,
			snapshots,
			image: (give, fields) => {
				snapshots.imageNow(give, fields);
			},
			fields: options.savedFields,
			nowMs,
			log,
		});
		this.aof = new Aof({
			disk,
			settings,
			stream,
			snapshots,
			image: (give) => {
				snapshots.imageNow(give, AOF_BASE, settings.aofUseRdbPreamble ? 'rdb' : 'commands');
			},
			isBackgroundBusy: () => this.isBackgroundBusy,
			nowMs,
			monotonicMs,
			log,
			latency: (event, ms) => {
				latency.add(event, ms, nowMs());
			},
			onLost: (error) => {
				options.onLost(reasonOf(error));
			},
			onDurable: options.onDurable,
		});
		stream.addConsumer(this.aof);
	}

	/** For full resynchronisations: the one maker of snapshots of this node. */
	get snapshots(): SnapshotMaker {
		return this.#snapshots;
	}

	/** For full resynchronisations: takes what a primary sends. The databases must be empty. */
	makeLoader(): SnapshotLoader {
		const {databases} = this.#options;
		// When a replica's keys expire, its primary decides.
		return new RdbLoader({databases, checksum: this.#settings.rdbChecksum, expiredBefore: null});
	}

	get snapshotProgress(): {readonly taken: number; readonly total: number} {
		return this.#snapshots.progress;
	}

	/** Null unless files are being loaded. */
	get loading(): LoadingProgress | null {
		return this.#recovery?.progress ?? null;
	}

	/** After the start: whose data dump.rdb had; null when it did not tell. */
	get restored(): RestoredHistory | null {
		return this.#recovery?.restored ?? null;
	}

	get loadedCount(): number {
		return this.#recovery?.loadedCount ?? 0;
	}

	get expiredCount(): number {
		return this.#recovery?.expiredCount ?? 0;
	}

	/** Whether a BGSAVE or a rewrite is under way. */
	get isBackgroundBusy(): boolean {
		return this.rdb.isSaving || this.aof.isRewriting;
	}

	// Life

	/**
	 * Brings the databases back; then what is done from now on is appended. Clients may be served meanwhile: they hear
	 * LOADING. @throws DataFileError, or the system's error
	 */
	async start(services: Services): Promise<void> {
		const {disk, databases, isPrimary, log, clock} = this.#options;
		const recovery = new Recovery({
			disk,
			settings: this.#settings,
			databases,
			makePlayer: () => new AofPlayer(services),
			isPrimary,
			nowMs: () => clock.wallMs(),
			log,
		});
		this.#recovery = recovery;
		this.#isLoading = true;
		try {
			const manifest = await recovery.start();
			this.rdb.removeLeftovers();
			if (this.#settings.appendOnly) this.aof.openLoaded(manifest);
		} finally {
			this.#isLoading = false;
		}
		this.#watchConfig();
	}

	/** From the cron: ten times a second. */
	tick(): void {
		if (this.#isLoading) return;
		const {rdb, aof} = this;
		aof.tick();
		if (this.isBackgroundBusy || this.#snapshots.isBusy) return;
		if (aof.isScheduled && !aof.isHeldOff) {
			this.#try(() => {
				aof.beginRewrite();
			});
			return;
		}
		const point = rdb.duePoint();
		if (point !== null) {
			this.#options.log('notice', `${point}. Saving...`);
			this.#try(() => {
				rdb.begin();
			});
			return;
		}
		const growth = aof.dueGrowth();
		if (growth > 0) {
			this.#options.log('notice', `Starting automatic rewriting of AOF on ${growth}% growth`);
			this.#try(() => {
				aof.beginRewrite();
			});
			return;
		}
		if (rdb.isScheduled) {
			this.#try(() => {
				rdb.begin();
			});
		}
	}

	/**
	 * What must be safe before the node ends.
	 * @throws the system's error when something cannot be kept; the node should then go on
	 */
	prepareEnd(save: 'default' | 'save' | 'nosave', force: boolean): void {
		const {log} = this.#options;
		// What is in the databases is less than what is in the files.
		if (this.#isLoading) return;
		if (this.rdb.isSaving) {
			log('warning', 'There is a child saving an .rdb. Killing it!');
			this.rdb.cancel();
		}
		if (this.aof.isWaiting && this.aof.isRewriting) {
			if (!force) {
				log('warning', "Writing initial AOF, can't exit.");
				throw new Error('the initial append only file is not complete');
			}
			log('warning', 'Writing initial AOF. Exit anyway.');
		}
		if (this.aof.isOn) {
			if (this.aof.isRewriting) log('warning', 'There is a child rewriting the AOF. Killing it!');
			this.aof.cancelRewrite();
			try {
				this.aof.settle();
			} catch (error) {
				log('warning', `Fail to fsync the AOF file: ${reasonOf(error)}.`);
			}
		}
		if (save !== 'save' && (save === 'nosave' || !this.rdb.hasSavePoints)) return;
		log('notice', 'Saving the final RDB snapshot before exiting.');
		try {
			this.rdb.save();
		} catch (error) {
			if (force) {
				log('warning', 'Error trying to save the DB. Exit anyway.');
				return;
			}
			log('warning', "Error trying to save the DB, can't exit.");
			throw error;
		}
	}

	/** Ends the threads. */
	async close(): Promise<void> {
		this.rdb.cancel();
		this.aof.cancelRewrite();
		await this.#pool.close();
	}

	// A replica's databases are replaced

	/** A replica is about to empty its databases for what its primary sends: what the files would say of them is void. */
	replacementBegins(): void {
		this.rdb.cancel();
		this.aof.turnOff();
	}

	/** It has what its primary sent, or failed to get it: the append-only file begins anew with that. */
	replacementEnded(): void {
		if (this.#settings.appendOnly) this.#turnAofOn();
	}

	// PersistenceService

	get isLoading(): boolean {
		return this.#isLoading;
	}

	get lastSaveSeconds(): number {
		return this.rdb.lastSaveSeconds;
	}

	get writeRefusal(): string | null {
		const {rdb, aof} = this;
		if (!rdb.isLastOk && this.#settings.stopWritesOnBgsaveError && rdb.hasSavePoints) return SAVE_REFUSAL;
		if (!aof.isOn) return null;
		const {failure} = aof;
		return failure === null ? null : `MISCONF Errors writing to the AOF file: ${reasonOf(failure)}`;
	}

	save(): void {
		if (this.rdb.isSaving) throw SAVE_IN_PROGRESS;
		try {
			this.rdb.save();
		} catch {
			throw FAILED;
		}
	}

	saveInBackground(mayBeScheduled: boolean): BackgroundStart {
		if (this.rdb.isSaving) throw SAVE_IN_PROGRESS;
		if (this.#snapshots.isEnding) {
			this.rdb.beginSoon();
			return 'started';
		}
		if (this.#snapshots.isBusy) {
			// One for replicas counts as a save, as the child of redis that makes it does.
			if (!this.aof.isRewriting) throw SAVE_IN_PROGRESS;
			if (!mayBeScheduled) throw OTHER_IN_PROGRESS;
			this.rdb.isScheduled = true;
			return 'scheduled';
		}
		try {
			this.rdb.begin();
		} catch {
			throw FAILED;
		}
		return 'started';
	}

	rewriteAof(): BackgroundStart {
		if (this.aof.isRewriting) throw REWRITE_IN_PROGRESS;
		if (this.#snapshots.isBusy) {
			this.aof.isScheduled = true;
			return 'scheduled';
		}
		try {
			this.aof.beginRewrite();
		} catch {
			throw REWRITE_FAILED;
		}
		return 'started';
	}

	flushedAll(): void {
		this.rdb.cancel();
		if (!this.rdb.hasSavePoints) return;
		this.#try(() => {
			this.rdb.write();
		});
	}

	reload({save, flush, merge}: ReloadOptions): void {
		const {databases, log} = this.#options;
		if (save) {
			this.rdb.cancel();
			this.save();
		}
		if (flush) for (const db of databases) db.flush();
		try {
			this.#recovery!.loadRdbNow(this.rdb.path, merge ? 'replace' : 'refuse');
		} catch (error) {
			log('warning', `Loading ${this.rdb.path}: ${reasonOf(error)}`);
			throw CANNOT_RELOAD;
		}
		log('warning', 'DB reloaded by DEBUG RELOAD');
	}

	loadAof(): void {
		const {databases, log} = this.#options;
		try {
			if (this.aof.isOn) this.aof.settle();
			for (const db of databases) db.flush();
			this.#recovery!.loadAofNow(this.#recovery!.readManifest() ?? EMPTY_MANIFEST);
		} catch (error) {
			log('warning', `Loading the append only file: ${reasonOf(error)}`);
			throw CANNOT_LOAD_AOF;
		}
		log('warning', 'Append Only File loaded by DEBUG LOADAOF');
	}

	#watchConfig(): void {
		const {config, disk} = this.#options;
		config.onChange('appendonly', () => {
			if (!this.#settings.appendOnly) this.aof.turnOff();
			else if (!this.#turnAofOn()) throw new ParameterError('Unable to turn on AOF. Check server logs.');
		});
		config.onChange('dir', () => {
			const problem = directoryProblem(disk, this.#settings.dir);
			if (problem !== null) throw new ParameterError(problem);
		});
	}

	/** False when not even its first file can be made. */
	#turnAofOn(): boolean {
		const {log} = this.#options;
		let manifest: AofManifest;
		try {
			manifest = this.#recovery!.readManifest() ?? EMPTY_MANIFEST;
		} catch (error) {
			log('warning', `Reading the manifest of the AOF: ${reasonOf(error)}`);
			return false;
		}
		this.aof.turnOn(manifest);
		if (this.#snapshots.isBusy) {
			this.aof.isScheduled = true;
			log(
				'notice',
				'AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.',
			);
			return true;
		}
		try {
			this.aof.beginRewrite();
		} catch {
			this.aof.turnOff();
			return false;
		}
		return true;
	}

	/** What failed is logged and shown by INFO; nobody waits for it. */
	#try(run: () => void): void {
		try {
			run();
		} catch (error) {
			this.#options.log('warning', reasonOf(error));
		}
	}
}

function directoryProblem(disk: DataDisk, directory: string): string | null {
	try {
		disk.checkDirectorySync(directory);
		return null;
	} catch (error) {
		return reasonOf(error);
	}
}
