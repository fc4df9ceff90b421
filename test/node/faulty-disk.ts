/** A disk that refuses when the test says so; otherwise the real one, in a directory of the test. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {FileDisk} from '../../src/node/disk.ts';
import type {DataDisk, DiskFile, DiskLock, DiskReader, ReplaceOptions} from '../../src/node/ports.ts';

/** As the system reports it. */
export function systemError(code: string): Error {
	return Object.assign(new Error(`${code}: refused by the test`), {code});
}

export class FaultyDisk implements DataDisk, Disposable {
	readonly directory = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
	/** Bytes that writes may still take, in sum; then ENOSPC, after a short write. */
	roomBytes = Number.POSITIVE_INFINITY;
	/** What truncating, syncing and renaming throw, if anything. */
	truncateError: Error | null = null;
	syncError: Error | null = null;
	renameError: Error | null = null;
	/** While set, `sync` takes until it resolves. */
	syncGate: Promise<void> | null = null;
	/** Calls of sync and syncSync. */
	syncCount = 0;
	readonly #disk = new FileDisk();

	[Symbol.dispose](): void {
		rmSync(this.directory, {recursive: true, force: true});
	}

	path(name: string): string {
		return join(this.directory, name);
	}

	/** Of `wanted` bytes, how many the disk takes. */
	take(wanted: number): number {
		const taken = Math.min(wanted, this.roomBytes);
		if (taken === 0) throw systemError('ENOSPC');
		this.roomBytes -= taken;
		return taken;
	}

	read(file: string): Uint8Array | null {
		return this.#disk.read(file);
	}

	replaceSync(file: string, bytes: Uint8Array, options?: ReplaceOptions): void {
		if (this.renameError !== null) throw this.renameError;
		this.#disk.replaceSync(file, bytes, options);
	}

	async flush(file: string): Promise<void> {
		return this.#disk.flush(file);
	}

	async lock(file: string): Promise<DiskLock> {
		return this.#disk.lock(file);
	}

	open(file: string, how: 'append' | 'create'): DiskFile {
		return new FaultyFile(this, this.#disk.open(file, how));
	}

	openReader(file: string): DiskReader | null {
		return this.#disk.openReader(file);
	}

	renameSync(from: string, to: string): void {
		if (this.renameError !== null) throw this.renameError;
		this.#disk.renameSync(from, to);
	}

	removeSync(file: string): void {
		this.#disk.removeSync(file);
	}

	sizeOf(file: string): number {
		return this.#disk.sizeOf(file);
	}

	checkDirectorySync(directory: string): void {
		this.#disk.checkDirectorySync(directory);
	}

	makeDirectorySync(directory: string): void {
		this.#disk.makeDirectorySync(directory);
	}
}

class FaultyFile implements DiskFile {
	readonly #disk: FaultyDisk;
	readonly #file: DiskFile;

	constructor(disk: FaultyDisk, file: DiskFile) {
		this.#disk = disk;
		this.#file = file;
	}

	writeSync(bytes: Uint8Array, from: number, to: number): number {
		return this.#file.writeSync(bytes, from, from + this.#disk.take(to - from));
	}

	async write(bytes: Uint8Array, from: number, to: number): Promise<number> {
		return this.#file.write(bytes, from, from + this.#disk.take(to - from));
	}

	truncateSync(length: number): void {
		if (this.#disk.truncateError !== null) throw this.#disk.truncateError;
		this.#file.truncateSync(length);
	}

	syncSync(): void {
		this.#disk.syncCount++;
		if (this.#disk.syncError !== null) throw this.#disk.syncError;
		this.#file.syncSync();
	}

	async sync(): Promise<void> {
		this.#disk.syncCount++;
		await this.#disk.syncGate;
		if (this.#disk.syncError !== null) throw this.#disk.syncError;
		await this.#file.sync();
	}

	close(): void {
		this.#file.close();
	}
}
