/**
 * The real disk, behind the Disk port: whole files replaced atomically, and locks that die with their holder.
 * Knows nothing of what the files say.
 */
import {createHash, randomBytes} from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import {tmpdir} from 'node:os';
import * as path from 'node:path';
import type {Disk, DiskLock, ReplaceOptions} from './ports.ts';

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

export class FileDisk implements Disk {
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
