/**
 * The directory that a cluster lives in: a directory a node, named after its port, and beside them what belongs to the
 * launcher that runs now: `launcher.lock` and `control.json`. Takes back what it made when a start fails.
 */
import {randomBytes} from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {errorCode, LaunchError, messageOf} from './errors.ts';
import {HIGHEST_PORT} from './settings.ts';

const LOCK_FILE = 'launcher.lock';
const NODES_FILE = 'nodes.conf';
const CONTROL_FILE = 'control.json';

/** Address and secret of a running launcher's control endpoint. */
export interface ControlAddress {
	readonly pid: number;
	readonly host: string;
	readonly port: number;
	readonly secret: string;
}

/** Held by one launcher from `open` to `close`. */
export class DataDir {
	readonly path: string;
	/** Made since the last `keep` and empty of anybody's data: removed when a start fails. The outermost come first. */
	#made: string[] = [];
	readonly #lock: string;

	/**
	 * Makes the directory when it is missing and locks it.
	 * @throws LaunchError when another launcher has it, or the system refuses
	 */
	constructor(directory: string) {
		this.path = path.resolve(directory);
		this.#make(this.path);
		this.#lock = path.join(this.path, LOCK_FILE);
		try {
			takeLock(this.#lock, directory);
		} catch (error) {
			this.removeMade();
			throw error;
		}
	}

	/** Ports of the nodes that left something here, in order. */
	nodePorts(): number[] {
		const isNode = (name: string): boolean =>
			/^[1-9]\d{0,4}$/.test(name) &&
			Number(name) <= HIGHEST_PORT &&
			fs.existsSync(path.join(this.path, name, NODES_FILE));
		return fs
			.readdirSync(this.path)
			.filter(isNode)
			.map(Number)
			.toSorted((a, b) => a - b);
	}

	/** The node's directory, made when it is missing; `fresh` when it held no nodes.conf. */
	nodeDirectory(port: number): {directory: string; fresh: boolean} {
		const directory = path.join(this.path, String(port));
		this.#make(directory);
		return {directory, fresh: !fs.existsSync(path.join(directory, NODES_FILE))};
	}

	writeControl(address: ControlAddress): void {
		const file = path.join(this.path, CONTROL_FILE);
		// Removed first: the mode below counts for new files only, and this one holds a secret.
		fs.rmSync(file, {force: true});
		fs.writeFileSync(file, `${JSON.stringify(address)}\n`, {mode: 0o600, flag: 'wx'});
	}

	/** Lets go of the directory; what nodes wrote stays. */
	close(): void {
		fs.rmSync(path.join(this.path, CONTROL_FILE), {force: true});
		fs.rmSync(this.#lock, {force: true});
	}

	/** Lets go of the directory and removes all that this start made in it. */
	undo(): void {
		this.close();
		this.removeMade();
	}

	/** What was made so far has come to use and stays. */
	keep(): void {
		this.#made = [];
	}

	/** Removes what was made and has not come to use. */
	removeMade(): void {
		for (const directory of this.#made) fs.rmSync(directory, {recursive: true, force: true});
		this.#made = [];
	}

	/** Lets go of the directory and removes it whole. */
	destroy(): void {
		fs.rmSync(this.path, {recursive: true, force: true});
	}

	#make(directory: string): void {
		try {
			const first = fs.mkdirSync(directory, {recursive: true});
			if (first !== undefined) this.#made.push(first);
		} catch (error) {
			this.removeMade();
			throw new LaunchError(
				`data directory ${directory} cannot be made: ${messageOf(error)}; name another with --data-dir`,
			);
		}
		try {
			fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
		} catch {
			throw new LaunchError(`data directory ${directory} is not writable; name another with --data-dir`);
		}
	}
}

/** Null when no launcher runs on that directory, or none that can be reached. */
export function readControl(directory: string): ControlAddress | null {
	try {
		const {pid, host, port, secret} = JSON.parse(
			fs.readFileSync(path.join(directory, CONTROL_FILE), 'utf8'),
		) as Partial<ControlAddress>;
		const whole =
			typeof pid === 'number' &&
			typeof host === 'string' &&
			typeof port === 'number' &&
			typeof secret === 'string';
		return whole && isAlive(pid) ? {pid, host, port, secret} : null;
	} catch (error) {
		if (errorCode(error) === 'EACCES')
			throw new LaunchError(`${path.join(directory, CONTROL_FILE)} belongs to another user`);
		return null;
	}
}

/** Who holds a data directory: a process, told apart by its start from a later one with the same number. */
interface Holder {
	readonly pid: number;
	/** Ticks since the boot of the machine; empty where the system does not tell. */
	readonly startedAt: string;
}

function takeLock(file: string, directory: string): void {
	const text = JSON.stringify({pid: process.pid, startedAt: startOf(process.pid)} satisfies Holder);
	// Each round but the last removes the lock of a dead launcher.
	for (let round = 0; round < 5; round++) {
		try {
			writeWhole(file, text);
			return;
		} catch (error) {
			if (errorCode(error) !== 'EEXIST')
				throw new LaunchError(`data directory ${directory} cannot be locked: ${messageOf(error)}`);
		}
		const holder = readHolder(file);
		if (holder !== null && isHolding(holder)) {
			throw new LaunchError(
				`data directory ${directory} is in use by process ${holder.pid}; stop it (shoal down), or name another with --data-dir`,
			);
		}
		removeStale(file);
	}
	throw new LaunchError(`data directory ${directory} cannot be locked: others take it at the same time`);
}

/** Fails with EEXIST when the file is there; never seen half-written by others. */
function writeWhole(file: string, text: string): void {
	const temporary = `${file}.${randomBytes(6).toString('hex')}`;
	fs.writeFileSync(temporary, text);
	try {
		fs.linkSync(temporary, file);
	} finally {
		fs.rmSync(temporary, {force: true});
	}
}

/** Of several that see a stale lock, one removes it; a lock that came in its place meanwhile is put back. */
function removeStale(file: string): void {
	const aside = `${file}.${randomBytes(6).toString('hex')}`;
	try {
		fs.renameSync(file, aside);
		const holder = readHolder(aside);
		if (holder !== null && isHolding(holder)) fs.linkSync(aside, file);
	} catch (error) {
		if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'EEXIST') throw error;
	} finally {
		fs.rmSync(aside, {force: true});
	}
}

function readHolder(file: string): Holder | null {
	try {
		const {pid, startedAt} = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<Holder>;
		return typeof pid === 'number' && typeof startedAt === 'string' ? {pid, startedAt} : null;
	} catch {
		return null;
	}
}

const isHolding = (holder: Holder): boolean =>
	isAlive(holder.pid) && (holder.startedAt === '' || holder.startedAt === startOf(holder.pid));

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// Somebody else's process is alive all the same.
		return errorCode(error) === 'EPERM';
	}
}

/** Field 22 of /proc/<pid>/stat; the name before it may hold blanks and brackets. */
function startOf(pid: number): string {
	try {
		const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
		return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
	} catch {
		return '';
	}
}
