/**
 * The multi-part append-only file: a base, what came after it in incremental files, and a manifest that names them.
 *
 *     appendonlydir/  appendonly.aof.1.base.rdb    the databases at one moment
 *                     appendonly.aof.1.incr.aof    every command since
 *                     appendonly.aof.manifest      which files these are, in order
 *
 * A rewrite makes a new base while the node goes on: commands go to a new incremental file from the moment of which the new
 * base is the image. When that is complete the manifest names it and the new incremental files only; the others go.
 *
 *     off  --turnOn-->  waiting  --first rewrite done-->  on
 *
 * While `waiting` the base is still being made: commands gather in a temporary file, and the old files count.
 */
import {join} from 'node:path';
import type {Settings} from '../commands/settings.ts';
import {latin1ToBytes} from '../lib/bytes.ts';
import {type AofManifest, EMPTY_MANIFEST, formatManifest} from '../persistence/aof-manifest.ts';
import {AofFile} from './aof-file.ts';
import type {CommandStream, StreamConsumer} from './command-stream.ts';
import type {DataDisk, DiskFile} from './ports.ts';
import {removeQuietly} from './remove-quietly.ts';
import {SnapshotFile} from './snapshot-file.ts';
import type {SnapshotMaker} from './snapshot-port.ts';
import {reasonOf} from './system-words.ts';

export interface AofOptions {
	readonly disk: DataDisk;
	readonly settings: Settings;
	readonly stream: CommandStream;
	readonly snapshots: SnapshotMaker;
	/** Gives the whole image of now, in pieces, in the form of a base file. */
	readonly image: (give: (bytes: Uint8Array) => void) => void;
	/** Whether other work in the background would compete with flushes for the disk. */
	readonly isBackgroundBusy: () => boolean;
	/** Unix ms. */
	readonly nowMs: () => number;
	readonly monotonicMs: () => number;
	readonly log: (level: 'notice' | 'warning', line: string) => void;
	readonly latency: (event: string, ms: number) => void;
	/** The disk refused with `appendfsync always`: the node must end. */
	readonly onLost: (error: unknown) => void;
	/** `durablePosition` may have grown. May be called while the stream is flushed. */
	readonly onDurable: () => void;
}

/** What the head of a base file says of itself. */
export const AOF_BASE: ReadonlyMap<string, string> = new Map([['aof-base', '1']]);

/** After so many failures in a row a rewrite by itself waits, a minute at first and twice as long each time. */
const FAILURES_BEFORE_WAIT = 3;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;

interface Rewrite {
	readonly file: SnapshotFile;
	readonly startedAtMs: number;
	/** Whether the base is an RDB file; a change of the parameter meanwhile does not count. */
	readonly isRdb: boolean;
}

export class Aof implements StreamConsumer {
	readonly #options: AofOptions;
	#state: 'off' | 'waiting' | 'on' = 'off';
	#manifest: AofManifest = EMPTY_MANIFEST;
	#file: AofFile | null = null;
	#rewrite: Rewrite | null = null;
	/** Bytes of the files before the one that is written to. */
	#earlierBytes = 0;
	#stampedSecond = 0;
	#retryAtMs = 0;
	#waitMs = 0;
	isScheduled = false;
	/** Size after the last rewrite, or at the start. */
	baseBytes = 0;
	isLastRewriteOk = true;
	/** -1 before the first. */
	lastRewriteSeconds = -1;
	rewritesCount = 0;
	failuresInRow = 0;
	#delayedBefore = 0;
	/** Positions of the command stream less bytes of the file. */
	#positionShift = 0;
	#durablePosition = 0;
	/** Files before this one that are not on the disk as a whole, and that no new base stands for. */
	readonly #unsafe = new Set<AofFile>();

	constructor(options: AofOptions) {
		this.#options = options;
	}

	get isOn(): boolean {
		return this.#state !== 'off';
	}

	get isRewriting(): boolean {
		return this.#rewrite !== null;
	}

	get isWaiting(): boolean {
		return this.#state === 'waiting';
	}

	get currentRewriteSeconds(): number {
		if (this.#rewrite === null) return -1;
		return Math.floor((this.#options.monotonicMs() - this.#rewrite.startedAtMs) / 1000);
	}

	/** Bytes of all files that the next start would load. */
	get currentBytes(): number {
		return this.#earlierBytes + (this.#file?.size ?? 0);
	}

	get pendingBytes(): number {
		return this.#file?.pendingBytes ?? 0;
	}

	get isFlushing(): boolean {
		return this.#file?.isFlushing ?? false;
	}

	get delayedCount(): number {
		return this.#delayedBefore + (this.#file?.delayedCount ?? 0);
	}

	/** Why what was written is not safe; null when it is. */
	get failure(): unknown {
		return this.#file?.failure ?? null;
	}

	/**
	 * How far the command stream is on the disk, as a position of it; -1 when there is no file, or its base is not complete.
	 * Bytes that no policy flushes never count.
	 */
	get durablePosition(): number {
		if (this.#state !== 'on') return -1;
		this.#noteDurable();
		return this.#durablePosition;
	}

	/** What follows in one file counts only when the file before it is flushed, too. */
	#noteDurable(): void {
		if (this.#file === null || this.#unsafe.size > 0) return;
		this.#durablePosition = Math.max(this.#durablePosition, this.#file.durableSize + this.#positionShift);
	}

	// The stream

	get wantsCommands(): boolean {
		return this.#file !== null;
	}

	take(bytes: Uint8Array, from: number, to: number): void {
		const file = this.#file!;
		try {
			if (this.#options.settings.aofTimestampEnabled) this.#stamp(file);
			// Time stamps are bytes of the file that no position of the stream stands for.
			this.#positionShift = this.#options.stream.position - (file.appendedSize + to - from);
			file.append(bytes, from, to);
		} catch (error) {
			this.#options.onLost(error);
			throw error;
		}
	}

	/** From the cron. */
	tick(): void {
		if (this.#file === null) return;
		try {
			this.#file.tick();
		} catch (error) {
			this.#options.onLost(error);
			throw error;
		}
	}

	// Life

	/**
	 * Goes on with the files that were just loaded, or begins with what is in the databases.
	 * @throws the system's error
	 */
	openLoaded(manifest: AofManifest): void {
		const {disk} = this.#options;
		disk.makeDirectorySync(this.#directory);
		// What a node that died within a rewrite left.
		removeQuietly(disk, this.#temporaryBase);
		removeQuietly(disk, this.#temporaryIncremental);
		this.#manifest = manifest;
		if (manifest.base === null && manifest.incremental.length === 0) this.#makeFirstBase();
		if (this.#manifest.incremental.length === 0) this.#addIncremental();
		this.#removeHistory();
		const names = [
			...(this.#manifest.base === null ? [] : [this.#manifest.base]),
			...this.#manifest.incremental,
		];
		const last = names.at(-1)!;
		this.#earlierBytes = 0;
		for (const {name} of names.slice(0, -1))
			this.#earlierBytes += Math.max(0, disk.sizeOf(this.#pathOf(name)));
		this.#file = this.#openFile(this.#pathOf(last.name), 'append');
		this.baseBytes = this.currentBytes;
		this.#state = 'on';
		this.#options.stream.selectAgain();
		// What was loaded is there.
		this.#positionShift = this.#options.stream.position - this.#file.appendedSize;
	}

	/** CONFIG SET appendonly yes. The manifest is that of the files there, which the first rewrite replaces. */
	turnOn(manifest: AofManifest): void {
		this.#manifest = manifest;
		this.#state = 'waiting';
	}

	/** CONFIG SET appendonly no: what was appended is flushed to the disk; the files stay. */
	turnOff(): void {
		const {disk, stream, log} = this.#options;
		stream.flush();
		this.cancelRewrite();
		const file = this.#file;
		this.#file = null;
		const wasWaiting = this.#state === 'waiting';
		this.#state = 'off';
		this.isScheduled = false;
		this.#unsafe.clear();
		this.#options.onDurable();
		if (file === null) return;
		this.#delayedBefore += file.delayedCount;
		try {
			file.settleSync();
		} catch (error) {
			log('warning', `Fail to fsync the AOF file: ${reasonOf(error)}`);
		}
		void file.close();
		if (wasWaiting) disk.removeSync(this.#temporaryIncremental);
	}

	/** Before the node ends: everything is in the file, and on the disk unless the policy leaves that to the system. */
	settle(): void {
		this.#options.stream.flush();
		this.#file?.settleSync();
	}

	// Rewrite

	/** After failures in a row: a rewrite that nobody asked for just now waits. */
	get isHeldOff(): boolean {
		return this.#options.monotonicMs() < this.#retryAtMs;
	}

	/** Whether the size calls for a rewrite, in percent of growth; 0 when it does not. */
	dueGrowth(): number {
		const {settings} = this.#options;
		if (this.#state !== 'on' || settings.autoAofRewritePercentage === 0) return 0;
		if (this.currentBytes <= settings.autoAofRewriteMinBytes || this.isHeldOff) return 0;
		const growth = Math.floor((this.currentBytes * 100) / Math.max(1, this.baseBytes)) - 100;
		return growth >= settings.autoAofRewritePercentage ? growth : 0;
	}

	/** No snapshot may be under way. @throws the system's error when it cannot even begin */
	beginRewrite(): void {
		const {disk, settings, snapshots, stream, log, monotonicMs} = this.#options;
		this.isScheduled = false;
		try {
			disk.makeDirectorySync(this.#directory);
			const file = new SnapshotFile({
				disk,
				path: this.#temporaryBase,
				isSyncedMeanwhile: settings.aofRewriteIncrementalFsync,
				onDone: (bytes) => {
					this.#finishRewrite(bytes);
				},
				onFailed: (error) => {
					this.#rewriteFailed(error);
				},
			});
			try {
				// What was done so far is in the image: it belongs to the files before.
				stream.selectAgain();
				this.#switchFile();
			} catch (error) {
				file.cancel();
				throw error;
			}
			const isRdb = settings.aofUseRdbPreamble;
			this.#rewrite = {file, startedAtMs: monotonicMs(), isRdb};
			log('notice', 'Background append only file rewriting started');
			file.fillFrom(snapshots.begin(file, AOF_BASE, isRdb ? 'rdb' : 'commands'));
		} catch (error) {
			this.#noteFailure();
			log('warning', `Can't rewrite append only file in background: ${reasonOf(error)}`);
			throw error;
		}
	}

	cancelRewrite(): void {
		const rewrite = this.#rewrite;
		this.#rewrite = null;
		rewrite?.file.cancel();
	}

	#finishRewrite(bytes: number): void {
		const {disk, log, monotonicMs} = this.#options;
		const rewrite = this.#rewrite;
		if (rewrite === null) return;
		const before = this.#manifest;
		const sequence = (before.base?.sequence ?? 0) + 1;
		const name = `${this.#baseName}.${sequence}.base.${rewrite.isRdb ? 'rdb' : 'aof'}`;
		const replaced = this.#state === 'waiting' ? before.incremental : before.incremental.slice(0, -1);
		const history = [...before.history, ...(before.base === null ? [] : [before.base]), ...replaced];
		try {
			disk.renameSync(this.#temporaryBase, this.#pathOf(name));
			const incremental = this.#state === 'waiting' ? [this.#adoptTemporary()] : before.incremental.slice(-1);
			this.#persist({base: {name, sequence}, incremental, history});
		} catch (error) {
			this.#manifest = before;
			removeQuietly(disk, this.#temporaryBase);
			removeQuietly(disk, this.#pathOf(name));
			this.#rewriteFailed(error);
			return;
		}
		this.#rewrite = null;
		this.#state = 'on';
		this.#unsafe.clear();
		this.#earlierBytes = bytes;
		this.baseBytes = this.currentBytes;
		this.isLastRewriteOk = true;
		this.failuresInRow = 0;
		this.#waitMs = 0;
		this.#retryAtMs = 0;
		this.rewritesCount++;
		this.lastRewriteSeconds = Math.floor((monotonicMs() - rewrite.startedAtMs) / 1000);
		log('notice', 'Background AOF rewrite finished successfully');
		this.#removeHistory();
		this.#options.onDurable();
	}

	#rewriteFailed(error: unknown): void {
		const rewrite = this.#rewrite;
		if (rewrite === null) return;
		this.#rewrite = null;
		this.lastRewriteSeconds = Math.floor((this.#options.monotonicMs() - rewrite.startedAtMs) / 1000);
		this.#options.log('warning', `Background AOF rewrite error: ${reasonOf(error)}`);
		this.#noteFailure();
	}

	#noteFailure(): void {
		this.isLastRewriteOk = false;
		this.failuresInRow++;
		// A file without a base is of no use to anybody: it is tried again and again.
		if (this.#state === 'waiting') this.isScheduled = true;
		if (this.failuresInRow < FAILURES_BEFORE_WAIT) return;
		this.#waitMs = this.#waitMs === 0 ? FIRST_WAIT_MS : Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
		this.#retryAtMs = this.#options.monotonicMs() + this.#waitMs;
		this.#options.log(
			'warning',
			`Background AOF rewrite has repeatedly failed and triggered the limit, will retry in ${this.#waitMs / 60_000} minutes`,
		);
	}

	// Files

	/** From now on commands go to a new incremental file. */
	#switchFile(): void {
		const before = this.#file;
		if (this.#state === 'waiting') {
			this.#file = this.#openFile(this.#temporaryIncremental, 'create');
		} else {
			const path = this.#pathOf(this.#addIncremental());
			this.#file = this.#openFile(path, 'append');
			this.#earlierBytes += before?.size ?? 0;
		}
		this.#positionShift = this.#options.stream.position - this.#file.appendedSize;
		if (before === null) return;
		this.#delayedBefore += before.delayedCount;
		this.#unsafe.add(before);
		void before.closeLater().then((isDurable) => {
			if (!isDurable || !this.#unsafe.delete(before)) return;
			this.#options.onDurable();
		});
	}

	/** Makes an empty incremental file and names it in the manifest, durably, before anything is written to it. */
	#addIncremental(): string {
		const {disk} = this.#options;
		const sequence = this.#nextSequence();
		const name = `${this.#baseName}.${sequence}.incr.aof`;
		disk.open(this.#pathOf(name), 'create').close();
		try {
			this.#persist({...this.#manifest, incremental: [...this.#manifest.incremental, {name, sequence}]});
		} catch (error) {
			removeQuietly(disk, this.#pathOf(name));
			throw error;
		}
		return name;
	}

	/** The temporary file that commands gathered in becomes an incremental one. */
	#adoptTemporary(): {name: string; sequence: number} {
		const sequence = this.#nextSequence();
		const name = `${this.#baseName}.${sequence}.incr.aof`;
		this.#options.disk.renameSync(this.#temporaryIncremental, this.#pathOf(name));
		return {name, sequence};
	}

	#nextSequence(): number {
		return (this.#manifest.incremental.at(-1)?.sequence ?? 0) + 1;
	}

	#makeFirstBase(): void {
		const {disk, settings, image} = this.#options;
		const name = `${this.#baseName}.1.base.${settings.aofUseRdbPreamble ? 'rdb' : 'aof'}`;
		const file = disk.open(this.#temporaryBase, 'create');
		try {
			image((bytes) => {
				for (let at = 0; at < bytes.length;) at += file.writeSync(bytes, at, bytes.length);
			});
			file.syncSync();
		} finally {
			file.close();
		}
		disk.renameSync(this.#temporaryBase, this.#pathOf(name));
		this.#persist({base: {name, sequence: 1}, incremental: [], history: []});
	}

	#removeHistory(): void {
		const {disk, settings, log} = this.#options;
		if (this.#manifest.history.length === 0 || settings.aofDisableAutoGc) return;
		try {
			for (const {name} of this.#manifest.history) disk.removeSync(this.#pathOf(name));
			this.#persist({...this.#manifest, history: []});
		} catch (error) {
			// They are named as history: the next rewrite or start tries again.
			log('warning', `Removing old files of the AOF: ${reasonOf(error)}`);
		}
	}

	#persist(manifest: AofManifest): void {
		const path = this.#pathOf(`${this.#baseName}.manifest`);
		this.#options.disk.replaceSync(path, latin1ToBytes(formatManifest(manifest)), {mode: 0o600});
		this.#manifest = manifest;
	}

	#openFile(path: string, how: 'append' | 'create'): AofFile {
		const {disk, settings, monotonicMs, log, latency, isBackgroundBusy, onDurable} = this.#options;
		const file: DiskFile = disk.open(path, how);
		return new AofFile({
			file,
			size: how === 'create' ? 0 : disk.sizeOf(path),
			policy: () => settings.appendFsync,
			isFlushHeldOff: () => settings.noAppendFsyncOnRewrite && isBackgroundBusy(),
			nowMs: monotonicMs,
			log,
			latency,
			onDurable,
		});
	}

	/** Once a second: when what follows was done. */
	#stamp(file: AofFile): void {
		const second = Math.floor(this.#options.nowMs() / 1000);
		if (second <= this.#stampedSecond) return;
		this.#stampedSecond = second;
		const line = latin1ToBytes(`#TS:${second}\r\n`);
		file.append(line, 0, line.length);
	}

	get #baseName(): string {
		return this.#options.settings.appendFilename;
	}

	get #directory(): string {
		const {dir, appendDirname} = this.#options.settings;
		return join(dir, appendDirname);
	}

	#pathOf(name: string): string {
		return join(this.#directory, name);
	}

	get #temporaryBase(): string {
		return this.#pathOf(`temp-rewriteaof-bg-${this.#options.settings.port}.aof`);
	}

	get #temporaryIncremental(): string {
		return this.#pathOf(`temp-${this.#baseName}.incr`);
	}
}
