/**
 * The real disk, behind the Disk ports: whole files replaced atomically, files that grow, and locks that die with their holder.
 * Knows nothing of what the files say.
 */
import {createHash, randomBytes} from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import {tmpdir} from 'node:os';
import * as path from 'node:path';
import type {DataDisk, DiskFile, DiskLock, DiskReader, ReplaceOptions} from './ports.ts';

/** Thrown by `lock` when another thread or process holds the file. */
export class FileInUseError extends Error {
	override readonly name = 'FileInUseError';
	readonly file: string;

	constructor(file: string) {
		super(`${file} is in use by another node`);
		this.file = file;
	}
}

const DEFAULT_MODE = 0o644;
/** What is in the databases is nobody else's to read. */
const DATA_MODE = 0o600;

export class FileDisk implements DataDisk {
	read(file: string): Uint8Array | null {
		try {
			return fs.readFileSync(file);
		} catch (error) {
			if (isErrno(error, 'ENOENT')) return null;
			throw error;
		}
	}

	replaceSync(
		file: string,
		bytes: Uint8Array,
		{durable = true, mode = DEFAULT_MODE}: ReplaceOptions = {},
	): void {
		const temporary = temporaryName(file);
		try {
			const descriptor = fs.openSync(temporary, 'wx', mode);
			try {
				writeFully(descriptor, bytes);
				if (durable) fs.fsyncSync(descriptor);
			} finally {
				fs.closeSync(descriptor);
			}
			fs.renameSync(temporary, file);
		} catch (error) {
			fs.rmSync(temporary, {force: true});
			throw error;
		}
		if (durable) syncDirectory(path.dirname(file));
	}

	async flush(file: string): Promise<void> {
		await syncLater(file);
		if (HAS_DIRECTORY_SYNC) await syncLater(path.dirname(file));
	}

	async lock(file: string): Promise<DiskLock> {
		const lock = await lockFile(file);
		removeLeftovers(file);
		return lock;
	}

	open(file: string, how: 'append' | 'create'): DiskFile {
		return new OpenFile(fs.openSync(file, how === 'append' ? 'a' : 'w', DATA_MODE));
	}

	openReader(file: string): DiskReader | null {
		try {
			return new OpenReader(fs.openSync(file, 'r'));
		} catch (error) {
			if (isErrno(error, 'ENOENT')) return null;
			throw error;
		}
	}

	renameSync(from: string, to: string): void {
		fs.renameSync(from, to);
		syncDirectory(path.dirname(to));
	}

	removeSync(file: string): void {
		fs.rmSync(file, {force: true});
	}

	sizeOf(file: string): number {
		return fs.statSync(file, {throwIfNoEntry: false})?.size ?? -1;
	}

	checkDirectorySync(directory: string): void {
		fs.opendirSync(directory).closeSync();
	}

	makeDirectorySync(directory: string): void {
		if (fs.statSync(directory, {throwIfNoEntry: false})?.isDirectory() === true) return;
		fs.mkdirSync(directory, DIRECTORY_MODE);
		syncDirectory(path.dirname(directory));
	}
}

const DIRECTORY_MODE = 0o700;

class OpenFile implements DiskFile {
	#descriptor: number;

	constructor(descriptor: number) {
		this.#descriptor = descriptor;
	}

	writeSync(bytes: Uint8Array, from: number, to: number): number {
		return fs.writeSync(this.#descriptor, bytes, from, to - from);
	}

	write(bytes: Uint8Array, from: number, to: number): Promise<number> {
		return new Promise((resolve, reject) => {
			fs.write(this.#descriptor, bytes, from, to - from, null, (error, written) => {
				if (error === null) resolve(written);
				else reject(error);
			});
		});
	}

	truncateSync(length: number): void {
		fs.ftruncateSync(this.#descriptor, length);
	}

	syncSync(): void {
		fs.fdatasyncSync(this.#descriptor);
	}

	sync(): Promise<void> {
		return new Promise((resolve, reject) => {
			fs.fdatasync(this.#descriptor, (error) => {
				if (error === null) resolve();
				else reject(error);
			});
		});
	}

	close(): void {
		const descriptor = this.#descriptor;
		this.#descriptor = -1;
		if (descriptor >= 0) fs.closeSync(descriptor);
	}
}

class OpenReader implements DiskReader {
	readonly size: number;
	#descriptor: number;

	constructor(descriptor: number) {
		this.#descriptor = descriptor;
		this.size = fs.fstatSync(descriptor).size;
	}

	read(bytes: Uint8Array, position: number): Promise<number> {
		return new Promise((resolve, reject) => {
			fs.read(this.#descriptor, bytes, 0, bytes.length, position, (error, count) => {
				if (error === null) resolve(count);
				else reject(error);
			});
		});
	}

	readSync(bytes: Uint8Array, position: number): number {
		return fs.readSync(this.#descriptor, bytes, 0, bytes.length, position);
	}

	close(): void {
		const descriptor = this.#descriptor;
		this.#descriptor = -1;
		if (descriptor >= 0) fs.closeSync(descriptor);
	}
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
	let at = 0;
	while (at < bytes.length) at += fs.writeSync(descriptor, bytes, at, bytes.length - at);
}

/** Beside the file, so that the rename stays in one file system; unlike any other, so that two writers never share one. */
const temporaryName = (file: string): string => `${file}.${randomBytes(8).toString('hex')}.tmp`;
const TEMPORARY = /\.[0-9a-f]{16}\.tmp$/;

/** What a node that died within a replace left beside the file. Only the holder of the lock may look. */
function removeLeftovers(file: string): void {
	const directory = path.dirname(file);
	const prefix = `${path.basename(file)}.`;
	for (const name of fs.readdirSync(directory)) {
		if (name.startsWith(prefix) && TEMPORARY.test(name)) fs.rmSync(path.join(directory, name), {force: true});
	}
}

/** A rename is durable when its directory is. Windows cannot flush directories and needs it not. */
const HAS_DIRECTORY_SYNC = process.platform !== 'win32';

function syncDirectory(directory: string): void {
	if (!HAS_DIRECTORY_SYNC) return;
	const descriptor = fs.openSync(directory, 'r');
	try {
		fs.fsyncSync(descriptor);
	} finally {
		fs.closeSync(descriptor);
	}
}

async function syncLater(file: string): Promise<void> {
	const handle = await fs.promises.open(file, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/**
 * Node has no flock(2), and a file that holds a pid outlives a terminated worker, whose process goes on. A listening
 * local socket is what the kernel takes back by itself when its thread's handles are closed, even after SIGKILL:
 * an abstract one on Linux, a pipe's name on Windows, elsewhere one in the temporary directory, where a dead holder's
 * file is told from a living one by connecting to it.
 *
 * The name is made of the directory's device and inode, so that two spellings of one path are one lock.
 */
async function lockFile(file: string): Promise<DiskLock> {
	const directory = fs.statSync(path.dirname(file), {bigint: true});
	const identity = `${directory.dev}:${directory.ino}:${path.basename(file)}`;
	const name = createHash('sha256').update(identity).digest('hex').slice(0, 32);
	if (process.platform === 'linux') return listenOn(`\0shoal-lock-${name}`, file);
	if (process.platform === 'win32') return listenOn(`\\\\.\\pipe\\shoal-lock-${name}`, file);
	const address = path.join(tmpdir(), `shoal-lock-${name}`);
	try {
		return await listenOn(address, file);
	} catch (error) {
		if (!(error instanceof FileInUseError) || (await isAnswering(address))) throw error;
		fs.rmSync(address, {force: true});
		return listenOn(address, file);
	}
}

function listenOn(address: string, file: string): Promise<DiskLock> {
	return new Promise((resolve, reject) => {
		const server = net.createServer((socket) => socket.destroy());
		server.once('error', (error) => reject(isErrno(error, 'EADDRINUSE') ? new FileInUseError(file) : error));
		server.listen(address, () => {
			server.unref();
			resolve({release: () => void server.close()});
		});
	});
}

function isAnswering(address: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = net.connect(address);
		socket.once('connect', () => {
			socket.destroy();
			resolve(true);
		});
		socket.once('error', () => resolve(false));
	});
}

const isErrno = (error: unknown, code: string): boolean =>
	error instanceof Error && 'code' in error && error.code === code;
