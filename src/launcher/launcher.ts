/**
 * Boots a cluster, watches over its threads, ends it. All nodes start at once; the manager's thread starts beside them and
 * makes them one cluster over RESP, as it would with servers that are not ours.
 *
 *     locked data dir -> threads -> all listening -> created, unless they know each other already -> all see cluster ok
 *
 * What fails on the way is one LaunchError, and nothing of the start is left: no thread, no file, no lock.
 */
import {join} from 'node:path';
import {createSlotTable} from '../node/slot-table.ts';
import {DataDir} from './data-dir.ts';
import {LaunchError} from './errors.ts';
import type {LauncherEvent, LauncherListener, LauncherStatus} from './events.ts';
import {findFreePorts} from './free-ports.ts';
import {
	ManagerThread,
	QuietConsole,
	type JobConsole,
	type JobOutcome,
	type JobRunner,
} from './manager-thread.ts';
import {connectBus} from './mesh.ts';
import {connectStream} from './streams.ts';
import {NodeThread, type NodeHooks} from './node-thread.ts';
import {
	areClusterNodes,
	BUS_PORT_OFFSET,
	count,
	directivesOf,
	nodeCountOf,
	type ClusterSettings,
} from './settings.ts';
import {StartGate} from './start-gate.ts';
import type {ThreadFiles} from './thread-files.ts';
import {ThreadKind} from './threads.ts';
import type {TribJob} from '../trib/messages.ts';
import {version} from './version.ts';

export interface LaunchOptions {
	readonly settings: ClusterSettings;
	readonly threads: ThreadFiles;
	/** False: the nodes are left as they are, empty and alone. Default true. */
	readonly create?: boolean;
	/** Removes the data directory at the end. */
	readonly temporary?: boolean;
	/** `performance.now()` at the moment from which `ready` counts its seconds; the call's own by default. */
	readonly since?: number;
	readonly onEvent?: LauncherListener;
	/** Ends the start: it then rejects, with nothing left behind. */
	readonly signal?: AbortSignal;
}

/** In a node's directory: what CONFIG REWRITE writes, read again at the next start. */
const CONFIG_FILE = 'redis.conf';
/** How long a node may take to close its files before it is ended from outside. */
const STOP_GRACE_MS = 10_000;
/** From the creation to `cluster_state:ok` everywhere; some hundred milliseconds as a rule. */
const AGREEMENT_DEADLINE_MS = 60_000;
/** Between finding a free port and listening on it somebody else may take it: then all is tried once more. */
const FREE_PORT_ATTEMPTS = 5;
/** What one node takes at its start, on any machine; and what is left over for the launcher and the manager. */
const NODE_MEMORY_MB = 16;
const LAUNCHER_MEMORY_MB = 48;

/**
 * Resolves when every node sees `cluster_state:ok`; with `create: false`, when all listen.
 * @throws LaunchError
 */
export async function launch(options: LaunchOptions): Promise<Launcher> {
	checkMemory(nodeCountOf(options.settings));
	for (let attempt = 1; ; attempt++) {
		const launcher = new Launcher(options);
		try {
			await launcher.start();
			return launcher;
		} catch (error) {
			await launcher.abandon();
			const again =
				error instanceof PortInUse && options.settings.basePort === 0 && attempt < FREE_PORT_ATTEMPTS;
			if (!again) throw error;
		}
	}
}

/** A running cluster. Made by `launch`. */
export class Launcher implements JobRunner {
	readonly settings: ClusterSettings;
	readonly #options: LaunchOptions;
	readonly #since: number;
	readonly #dataDir: DataDir;
	readonly #nodes: NodeThread[] = [];
	readonly #listeners = new Set<LauncherListener>();
	/** Resolves when the last node has ended, for whatever reason, or `stop` is done. */
	readonly ended: Promise<void>;
	#resolveEnded: () => void = () => {};
	readonly #gate = new StartGate();
	readonly #nodeKind: ThreadKind;
	readonly #managerKind: ThreadKind;
	#manager: ManagerThread | undefined;
	#stopping: Promise<void> | undefined;

	/** Use `launch`. Takes the data directory and nothing else. */
	constructor(options: LaunchOptions) {
		this.#options = options;
		this.#since = options.since ?? performance.now();
		this.settings = options.settings;
		if (options.onEvent !== undefined) this.#listeners.add(options.onEvent);
		this.#nodeKind = new ThreadKind(options.threads.node);
		this.#managerKind = new ThreadKind(options.threads.manager);
		this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
		this.#dataDir = new DataDir(options.settings.dataDir);
	}

	get nodes(): readonly NodeThread[] {
		return this.#nodes;
	}

	get dataDir(): DataDir {
		return this.#dataDir;
	}

	/** Watches from now on; the returned function ends it. */
	subscribe(listener: LauncherListener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	status(): LauncherStatus {
		const nodes = this.#nodes.map((node) => node.status());
		return {
			name: this.settings.name,
			pid: process.pid,
			version,
			uptimeSeconds: Math.round((performance.now() - this.#since) / 1000),
			dataDir: this.#dataDir.path,
			ok: nodes.every((node) => node.clusterOk),
			assignedCount: this.#nodes.find((node) => node.phase === 'running')?.opinion?.assignedCount ?? 0,
			nodes,
		};
	}

	/** Runs a job of the manager on this cluster, in the manager's thread; a manager that died is started anew. */
	async run(job: TribJob, console: JobConsole): Promise<JobOutcome> {
		this.#manager ??= this.#startManager();
		return this.#manager.run(this.#withPassword(job), console);
	}

	/** The manager need not be told the password of our own nodes; no other server ever gets to hear it. */
	#withPassword(job: TribJob): TribJob {
		const {password} = this.settings;
		const endpoints = job.command === 'create' ? job.options.nodes : [job.options.node];
		const isOurs = endpoints.every(({host, port}) =>
			this.#nodes.some(({start}) => start.host === host && start.port === port),
		);
		if (password === '' || job.options.credentials !== undefined || !isOurs) return job;
		return {...job, options: {...job.options, credentials: {password}}} as TribJob;
	}

	/** Ends all nodes cleanly; the second call and all later ones wait for the first. */
	stop(reason = 'asked to stop'): Promise<void> {
		this.#stopping ??= this.#stop(reason);
		return this.#stopping;
	}

	/** Ends all threads at once; what nodes had not written is lost. */
	async kill(): Promise<void> {
		await Promise.all([...this.#nodes.map((node) => node.terminate()), this.#manager?.stop()]);
		await this.stop();
	}

	async #stop(reason: string): Promise<void> {
		this.#emit({event: 'stopping', reason});
		await Promise.all([
			this.#manager?.stop(),
			...this.#nodes.map((node) => node.stop(reason, STOP_GRACE_MS)),
		]);
		if (this.#options.temporary === true) this.#dataDir.destroy();
		else this.#dataDir.close();
		this.#emit({event: 'stopped'});
		this.#resolveEnded();
	}

	/** Undoes a start that failed. */
	async abandon(): Promise<void> {
		await Promise.all([...this.#nodes.map((node) => node.terminate()), this.#manager?.stop()]);
		this.#dataDir.undo();
	}

	/** Whether the nodes are brought together and waited for; else they only listen. */
	get formsCluster(): boolean {
		return this.#options.create !== false && areClusterNodes(this.settings);
	}

	/** @throws LaunchError; then `abandon` is due */
	async start(): Promise<void> {
		const {signal} = this.#options;
		const create = this.formsCluster;
		const interrupt = (): void => this.#gate.fail(new LaunchError('the start was interrupted'));
		signal?.addEventListener('abort', interrupt);
		if (signal?.aborted === true) interrupt();
		const areFresh = await this.#startNodes();
		// Beside the nodes, since a thread takes as long to start as they do.
		if (create && areFresh) this.#manager = this.#startManager();
		await this.#gate.until(() => this.#nodes.every((node) => node.phase === 'running'));
		if (create) {
			if (areFresh || (await this.#knowNobody())) await this.#createCluster();
			await this.#gate.until(() => this.#nodes.every((node) => node.seesClusterOk), {
				ms: AGREEMENT_DEADLINE_MS,
				tooLate: () => this.#disagreement(),
			});
			this.#emit({
				event: 'ready',
				nodeCount: this.#nodes.length,
				slotCount: this.status().assignedCount,
				addresses: this.#nodes.map(({start: {host, port}}) => `${host}:${port}`),
				seconds: (performance.now() - this.#since) / 1000,
			});
		}
		signal?.removeEventListener('abort', interrupt);
		this.#afterStart();
	}

	/** All at once. Resolves with whether none of them has been anything before. */
	async #startNodes(): Promise<boolean> {
		const {bind, transport} = this.settings;
		const nodeCount = nodeCountOf(this.settings);
		const ports = await this.#choosePorts(nodeCount);
		const slotTable = createSlotTable(nodeCount);
		let areFresh = true;
		for (const [index, port] of ports.entries()) {
			const {directory, fresh} = this.#dataDir.nodeDirectory(port);
			areFresh &&= fresh;
			const busPort = port + BUS_PORT_OFFSET;
			const start = {
				index,
				host: bind,
				port,
				busPort,
				directory,
				config: directivesOf(index, this.settings),
				configFile: join(directory, CONFIG_FILE),
				slotTable,
				nodeCount,
				transport,
			};
			this.#nodes.push(new NodeThread(start, this.#nodeKind, this.#hooks));
		}
		return areFresh;
	}

	/** What had to wait because it costs time. */
	#afterStart(): void {
		for (const node of this.#nodes) node.watchOutput();
		const [first] = this.#nodes;
		if (first !== undefined) this.#nodeKind.makeCache(first.worker);
		if (this.#manager !== undefined) this.#managerKind.makeCache(this.#manager.worker);
	}

	/** Without a base port, the nodes of an earlier run keep their ports, if they are as many. */
	async #choosePorts(nodeCount: number): Promise<number[]> {
		const {basePort, bind} = this.settings;
		if (basePort !== 0) return Array.from({length: nodeCount}, (_, index) => basePort + index);
		const earlier = this.#dataDir.nodePorts();
		return earlier.length === nodeCount ? earlier : findFreePorts(bind, nodeCount);
	}

	#startManager(): ManagerThread {
		const manager = new ManagerThread(this.#managerKind);
		manager.worker.once('exit', () => {
			if (this.#manager === manager) this.#manager = undefined;
		});
		return manager;
	}

	/**
	 * Nodes of an earlier run may be a cluster already: they say so before anything else.
	 * @throws LaunchError when they are one, but not the one that was asked for: waiting for it would be in vain
	 */
	async #knowNobody(): Promise<boolean> {
		await this.#gate.until(() => this.#nodes.every((node) => node.opinion !== null));
		const known = this.#nodes.map((node) => node.opinion?.knownNodeCount ?? 1);
		const largest = Math.max(...known);
		if (largest <= 1) return this.#nodes.every((node) => node.opinion?.assignedCount === 0);
		const strangers = this.#nodes.filter((_, index) => known[index] === 1).map((node) => node.start.port);
		const directory = this.settings.dataDir;
		if (strangers.length > 0 || largest > this.#nodes.length) {
			throw new LaunchError(
				`data directory ${directory} holds a cluster of ${count(largest, 'node')}, and ${count(this.#nodes.length, 'node')} were asked for; ` +
					`ask for as many, name another --data-dir, or start with --no-create and bring them together with shoal trib`,
			);
		}
		return false;
	}

	async #createCluster(): Promise<void> {
		const {shards, replicas} = this.settings;
		const nodes = this.#nodes.map(({start: {host, port}}) => ({host, port}));
		const lines = new QuietConsole();
		const job: TribJob = {
			command: 'create',
			options: {
				nodes,
				replicas,
				primaries: shards,
				yes: true,
				withoutCheck: true,
				joinTimeoutMs: AGREEMENT_DEADLINE_MS,
			},
		};
		const {exitCode} = await this.#gate.during(this.run(job, lines));
		if (exitCode !== 0) throw new LaunchError(`the cluster could not be created:\n${lines.text.trimEnd()}`);
	}

	#disagreement(): string {
		const waiting = this.#nodes.filter((node) => !node.seesClusterOk).map((node) => node.start.port);
		return `after ${AGREEMENT_DEADLINE_MS / 1000} s the cluster is not ok for ${count(waiting.length, 'node')} (${waiting.join(', ')})`;
	}

	#emit(event: LauncherEvent): void {
		for (const listener of this.#listeners) listener(event);
	}

	readonly #hooks: NodeHooks = {
		onListening: (node) => {
			const {index, host, port} = node.start;
			this.#emit({event: 'node-listening', index, host, port, nodeId: node.nodeId});
			this.#gate.look();
		},
		onFailed: (node, code, message) => this.#gate.fail(startError(node, code, message)),
		onClusterState: (node) => {
			const {index, port} = node.start;
			if (node.opinion !== null)
				this.#emit({
					event: 'cluster-state',
					index,
					port,
					ok: node.opinion.ok,
					assignedCount: node.opinion.assignedCount,
				});
			this.#gate.look();
		},
		onBusConnect: (node, request, host, busPort) => connectBus(this.#nodes, node, request, host, busPort),
		onStreamConnect: (node, request, host, port) => connectStream(this.#nodes, node, request, host, port),
		onLog: (node, level, text) =>
			this.#emit({event: 'log', index: node.start.index, port: node.start.port, level, text}),
		onEnd: (node) => {
			const {index, port} = node.start;
			if (node.phase === 'crashed') this.#emit({event: 'node-crashed', index, port, cause: node.cause});
			else this.#emit({event: 'node-stopped', index, port, reason: node.cause});
			this.#gate.fail(new LaunchError(`node ${port} ended during the start: ${node.cause}`));
			if (this.#nodes.every((each) => each.phase === 'crashed' || each.phase === 'stopped'))
				this.#resolveEnded();
		},
	};
}

/** A node could not listen. Its own class, because with ports of the system's choice it is worth another try. */
class PortInUse extends LaunchError {}

function startError(node: NodeThread, code: string, message: string): LaunchError {
	const {host, port} = node.start;
	switch (code) {
		case 'EADDRINUSE':
			return new PortInUse(
				`port ${port} is in use on ${host}; stop what listens there, or choose other ports with --base-port`,
			);
		case 'EACCES':
			return new LaunchError(
				`port ${port} needs rights that this user does not have, or ${node.start.directory} is not readable (${message}); choose a --base-port over 1023`,
			);
		case 'EADDRNOTAVAIL':
			return new LaunchError(`${host} is no address of this machine; name another with --bind`);
		default:
			return new LaunchError(`node ${port} cannot start: ${message}`);
	}
}

/** Better refused now than killed by the system in the middle of the start. */
function checkMemory(nodeCount: number): void {
	const neededMb = LAUNCHER_MEMORY_MB + nodeCount * NODE_MEMORY_MB;
	const freeMb = Math.floor(process.availableMemory() / 2 ** 20);
	if (freeMb >= neededMb) return;
	throw new LaunchError(
		`too little memory: ${count(nodeCount, 'node')} need about ${neededMb} MB, ${freeMb} MB are free; start fewer nodes with --shards`,
	);
}
