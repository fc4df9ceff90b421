/**
 * Starts worker threads, fast when they are bundled: the file and its V8 code cache are read once, and each worker compiles
 * from the cache instead of parsing half a megabyte again (six workers: 310 ms without, 200 ms with it).
 *
 * The cache belongs to one bundle on one V8; any other is ignored. It is made by the first worker that served its purpose,
 * because what a worker has run by then is compiled in it. A missing or unwritable cache costs time and nothing else.
 */
import * as fs from 'node:fs';
import {homedir} from 'node:os';
import * as path from 'node:path';
import {fileURLToPath} from 'node:url';
import {
	MessageChannel,
	Worker,
	type MessagePort,
	type ResourceLimits,
	type Transferable,
} from 'node:worker_threads';

export interface ThreadOptions {
	readonly name: string;
	readonly workerData: unknown;
	readonly transferList?: Transferable[];
	readonly resourceLimits?: ResourceLimits;
}

/** One entry file, of which any number of threads can be started. */
export class ThreadKind {
	readonly #file: URL;
	readonly #bundle: Bundle | undefined;

	constructor(file: URL) {
		this.#file = file;
		this.#bundle = file.pathname.endsWith('.cjs') ? readBundle(fileURLToPath(file)) : undefined;
	}

	start({name, workerData, transferList = [], resourceLimits}: ThreadOptions): Worker {
		const options = {
			name,
			// A thread says what it has to say in messages: the output of the process is the embedding program's.
			stdout: true,
			stderr: true,
			// The embedding program's loaders and hooks are not for us.
			execArgv: [],
			trackUnmanagedFds: false,
			...(resourceLimits === undefined ? {} : {resourceLimits}),
		};
		if (this.#bundle === undefined) return new Worker(this.#file, {...options, workerData, transferList});
		const {port1, port2} = new MessageChannel();
		const boot: BootData = {...this.#bundle, port: port2, workerData};
		const worker = new Worker(BOOTSTRAP, {
			...options,
			eval: true,
			workerData: boot,
			transferList: [...transferList, port2],
		});
		cachePorts.set(worker, port1);
		port1.unref();
		return worker;
	}

	/** Call when a worker has done its typical work: makes the cache for the next start, if there is none. */
	makeCache(worker: Worker): void {
		const bundle = this.#bundle;
		const port = cachePorts.get(worker);
		if (bundle === undefined || port === undefined) return;
		cachePorts.delete(worker);
		port.once('message', (bytes: Uint8Array | null) => {
			if (bytes !== null) writeCache(bundle.cacheFiles, bytes);
			port.close();
		});
		port.unref();
		port.postMessage('make');
	}
}

const cachePorts = new WeakMap<Worker, MessagePort>();

interface Bundle {
	readonly filename: string;
	readonly source: string;
	readonly cache: SharedArrayBuffer | undefined;
	readonly cacheFiles: readonly string[];
}

interface BootData extends Bundle {
	readonly port: MessagePort;
	readonly workerData: unknown;
}

const WRAPPER = '(function(exports,require,module,__filename,$import){';

/** What runs first in a bundled worker. It sees to it that the bundle finds its own workerData, and packages from where it stands. */
const BOOTSTRAP = `'use strict';
const threads = require('node:worker_threads');
const {createRequire} = require('node:module');
const {pathToFileURL} = require('node:url');
const {Script} = require('node:vm');
const {filename, source, cache, port, workerData} = threads.workerData;
threads.workerData = workerData;
// The wrapper stands before the first column: places in stack traces are those of the file.
const script = new Script(source, {filename, columnOffset: -${WRAPPER.length}, cachedData: cache === undefined ? undefined : new Uint8Array(cache)});
// V8 rejects a cache that is damaged, or was made with other flags or for another processor.
const wantsCache = cache === undefined || script.cachedDataRejected;
port.once('message', () => port.postMessage(wantsCache ? script.createCachedData() : null));
port.unref();
const module_ = {exports: {}};
const require_ = createRequire(filename);
// What is compiled from a cache cannot import() by itself.
const import_ = (name) => import(pathToFileURL(require_.resolve(name)).href);
script.runInThisContext().call(module_.exports, module_.exports, require_, module_, filename, import_);
`;

function readBundle(filename: string): Bundle {
	const code = fs.readFileSync(filename, 'utf8');
	// Written by scripts/bundle.mjs: V8 itself compares no more than the length.
	const build = /\n\/\/# build=([0-9a-f]{32})\n$/.exec(code.slice(-100))?.[1] ?? 'unknown';
	const key = `${path.basename(filename, '.cjs')}-${process.version}-${process.arch}-${build}.cache`;
	// Beside the bundle where we may write there, else where the user keeps such things; never where others may write.
	const cacheFiles = [
		path.join(path.dirname(filename), '.cache'),
		path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'shoal'),
	];
	const files = cacheFiles.map((directory) => path.join(directory, key));
	return {
		filename,
		source: `${WRAPPER}${code}})`,
		cache: build === 'unknown' ? undefined : readCache(files),
		cacheFiles: build === 'unknown' ? [] : files,
	};
}

function readCache(files: readonly string[]): SharedArrayBuffer | undefined {
	for (const file of files) {
		try {
			const bytes = fs.readFileSync(file);
			const shared = new SharedArrayBuffer(bytes.length);
			new Uint8Array(shared).set(bytes);
			return shared;
		} catch {
			// Not there: the next one, or none.
		}
	}
	return undefined;
}

function writeCache(files: readonly string[], bytes: Uint8Array): void {
	for (const file of files) {
		try {
			const directory = path.dirname(file);
			fs.mkdirSync(directory, {recursive: true, mode: 0o700});
			removeOutdated(directory, path.basename(file));
			const temporary = `${file}.${process.pid}`;
			fs.writeFileSync(temporary, bytes);
			fs.renameSync(temporary, file);
			return;
		} catch {
			// Not writable: the next place, or no cache.
		}
	}
}

/** Caches of earlier bundles would pile up; those of this bundle for other versions of Node stay. */
function removeOutdated(directory: string, name: string): void {
	const kind = name.slice(0, name.indexOf('-v') + 2);
	const bundleHash = name.slice(name.lastIndexOf('-'));
	for (const old of fs.readdirSync(directory)) {
		if (old.startsWith(kind) && !old.endsWith(bundleHash))
			fs.rmSync(path.join(directory, old), {force: true});
	}
}
