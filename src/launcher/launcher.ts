/**
 * A running cluster: its nodes, its manager and its data directory, what is told of it and what can be asked of it. How it
 * comes to be is boot.ts, what is done to single nodes is fleet.ts.
 *
 * A start that fails is one LaunchError, and nothing of it is left: no thread, no file, no lock.
 */
import {Boot} from './boot.ts';
import {DataDir} from './data-dir.ts';
import type {Engine} from './engine.ts';
import {LaunchError} from './errors.ts';
import type {LauncherEvent, LauncherListener, LauncherStatus, NodeStatus} from './events.ts';
import {Fleet} from './fleet.ts';
import {JobBoard} from './jobs.ts';
import {withJournal} from './journal.ts';
import {ManagerThread, type JobConsole, type JobOutcome, type JobRunner} from './manager-thread.ts';
import type {NodeHooks, NodeHandle} from './node-handle.ts';
import {areClusterNodes, count, nodeCountOf, OWN_ENGINE, type ClusterSettings} from './settings.ts';
import {FREE_PORT_ATTEMPTS, PortInUse} from './start-error.ts';
import type {SupervisorClock} from './supervisor.ts';
import type {ThreadFiles} from './thread-files.ts';
import {ThreadEngine} from './thread-engine.ts';
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

/** What one node takes at its start, on any machine; and what is left over for the launcher and the manager. */
const NODE_MEMORY_MB = 16;
const LAUNCHER_MEMORY_MB = 48;
/** The longest time that a timer can wait, about 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const systemClock: SupervisorClock = {
	monotonicMs: () => performance.now(),
	after(delayMs, run) {
		const timer = setTimeout(run, delayMs);
		return () => clearTimeout(timer);
	},
};

/**
 * Resolves when every node sees `cluster_state:ok` and every replica hears its primary; with `create: false`, when all listen.
 * @throws LaunchError
 */
export async function launch(options: LaunchOptions): Promise<Launcher> {
	checkMemory(nodeCountOf(options.settings));
	for (let attempt = 1; ; attempt++) {
		const launcher = new Launcher(options, await engineOf(options));
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

/** Loaded when it is wanted: most clusters are threads. */
async function engineOf({settings, threads}: LaunchOptions): Promise<Engine> {
	const {engine, transport} = settings;
	if (engine === OWN_ENGINE) return new ThreadEngine({file: threads.node, transport});
	return (await import('./process-engine.ts')).ProcessEngine.find(engine);
}

/** A running cluster. Made by `launch`. */
export class Launcher implements JobRunner {
	readonly settings: ClusterSettings;
	readonly #options: LaunchOptions;
	readonly #since: number;
	readonly #dataDir: DataDir;
	readonly fleet: Fleet;
	/** What is asked of the manager from outside; the creation at the boot is no such job. */
	readonly jobs: JobBoard;
	readonly #listeners = new Set<LauncherListener>();
	/**
	 * Resolves when `stop` is done, or when the last node has ended by itself: crashed for good, or by a client's SHUTDOWN. As
	 * long as a node is down because somebody used the launcher to end it, the launcher waits for what he does next.
	 */
	readonly ended: Promise<void>;
	#resolveEnded: () => void = () => {};
	/** Keeps the process alive until `ended`, also while no node runs. */
	#hold: NodeJS.Timeout | undefined;
	readonly #boot: Boot;
	#isBooted = false;
	readonly engine: Engine;
	readonly #managerKind: ThreadKind;
	#manager: ManagerThread | undefined;
	#stopping: Promise<void> | undefined;

	/** Use `launch`. Takes the data directory and nothing else. */
	constructor(options: LaunchOptions, engine: Engine) {
		this.#options = options;
		this.#since = options.since ?? performance.now();
		this.settings = options.settings;
		if (options.onEvent !== undefined) this.#listeners.add(options.onEvent);
		this.engine = engine;
		this.#managerKind = new ThreadKind(options.threads.manager);
		this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
		this.#dataDir = new DataDir(options.settings.dataDir);
		this.fleet = new Fleet({
			settings: this.settings,
			dataDir: this.#dataDir,
			engine,
			hooks: this.#hooks,
			clock: systemClock,
			onStarted: (node, isNew) => {
				const {index, host, port} = node.start;
				this.#emit({event: 'node-started', index, host, port, nodeId: node.nodeId, isNew});
			},
			onRestartPlanned: (node, delayMs, crashes) => {
				const {index, port} = node.start;
				this.#emit({event: 'node-restarting', index, port, cause: node.cause, delayMs, crashes});
			},
		});
		this.jobs = new JobBoard({
			runner: this,
			onEvent: (event) => this.#emit(event),
			wallMs: () => Date.now(),
		});
		this.#boot = new Boot({
			settings: this.settings,
			formsCluster: this.formsCluster,
			dataDir: this.#dataDir,
			fleet: this.fleet,
			prepareManager: () => (this.#manager ??= this.#startManager()),
			runner: this,
		});
	}

	/** By index, the dead among them. */
	get nodes(): readonly NodeHandle[] {
		return this.fleet.nodes;
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
		const counted = this.nodes.filter((node) => node.phase !== 'stopped' && !node.isAlone);
		return {
			name: this.settings.name,
			pid: process.pid,
			version,
			uptimeSeconds: Math.round((performance.now() - this.#since) / 1000),
			dataDir: this.#dataDir.path,
			engine: this.engine.title,
			ok: counted.length > 0 && counted.every((node) => node.seesClusterOk && !node.isCutOff),
			assignedCount: counted.find((node) => node.phase === 'running')?.opinion?.assignedCount ?? 0,
			nodes: this.nodes.map((node) => this.statusOf(node)),
		};
	}

	statusOf(node: NodeHandle): NodeStatus {
		const restartsInMs = this.fleet.restartsInMs(node);
		return restartsInMs === null ? node.status() : {...node.status(), restartsInMs: Math.round(restartsInMs)};
	}

	/** Runs a job of the manager on this cluster, in the manager's thread; a manager that died is started anew. */
	async run(job: TribJob, console: JobConsole, signal?: AbortSignal): Promise<JobOutcome> {
		this.#manager ??= this.#startManager();
		return this.#manager.run(withJournal(this.#withPassword(job), this.dataDir.path), console, signal);
	}

	/** The manager need not be told the password of our own nodes; no other server ever gets to hear it. */
	#withPassword(job: TribJob): TribJob {
		const {password} = this.settings;
		const endpoints = job.command === 'create' ? job.options.nodes : [job.options.node];
		const isOurs = endpoints.every(({host, port}) =>
			this.nodes.some(({start}) => start.host === host && start.port === port),
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
		await Promise.all([this.fleet.kill('the launcher was told to end at once'), this.#manager?.stop()]);
		await this.stop();
	}

	async #stop(reason: string): Promise<void> {
		this.#emit({event: 'stopping', reason});
		await Promise.all([this.#manager?.stop(), this.fleet.stop(reason)]);
		if (this.#options.temporary === true) this.#dataDir.destroy();
		else this.#dataDir.close();
		this.#emit({event: 'stopped'});
		this.#end();
	}

	#end(): void {
		clearInterval(this.#hold);
		this.#resolveEnded();
	}

	/** Undoes a start that failed. */
	async abandon(): Promise<void> {
		await Promise.all([this.fleet.kill('the start failed'), this.#manager?.stop()]);
		this.#dataDir.undo();
	}

	/** Whether the nodes are brought together and waited for; else they only listen. */
	get formsCluster(): boolean {
		return this.#options.create !== false && areClusterNodes(this.settings);
	}

	/** @throws LaunchError; then `abandon` is due */
	async start(): Promise<void> {
		await this.#boot.run(this.#options.signal);
		if (this.formsCluster) {
			const running = this.nodes.filter((node) => node.phase === 'running');
			this.#emit({
				event: 'ready',
				nodeCount: running.length,
				slotCount: this.status().assignedCount,
				addresses: running.map(({start: {host, port}}) => `${host}:${port}`),
				seconds: (performance.now() - this.#since) / 1000,
			});
		}
		this.#hold = setInterval(() => {}, LONGEST_TIMER_MS);
		this.#isBooted = true;
		this.fleet.booted();
		this.#makeCaches();
	}

	/** After the start, because it costs time. */
	#makeCaches(): void {
		const node = this.nodes.find(({phase}) => phase === 'running');
		if (node !== undefined) this.engine.prepareNext(node.start.index);
		if (this.#manager !== undefined) this.#managerKind.makeCache(this.#manager.worker);
	}

	#startManager(): ManagerThread {
		const manager = new ManagerThread(this.#managerKind);
		manager.worker.once('exit', () => {
			if (this.#manager === manager) this.#manager = undefined;
		});
		return manager;
	}

	#emit(event: LauncherEvent): void {
		for (const listener of this.#listeners) listener(event);
	}

	readonly #hooks: NodeHooks = {
		onListening: (node) => {
			const {index, host, port} = node.start;
			this.fleet.listening(node);
			this.#emit({event: 'node-listening', index, host, port, nodeId: node.nodeId});
			this.#boot.look();
		},
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
			this.#boot.look();
		},
		onRole: (node) => {
			const {index, port} = node.start;
			if (node.role !== null)
				this.#emit({event: 'node-role', index, port, role: node.role.role, linkUp: node.role.linkUp});
			this.#boot.look();
		},
		onLog: (node, level, text) =>
			this.#emit({event: 'log', index: node.start.index, port: node.start.port, level, text}),
		onEnd: (node) => {
			// What the start fails of is its error and no event: there is no cluster yet to tell of.
			if (this.#isBooted || this.#boot.survives(node)) this.#emit(endOf(node));
			this.fleet.ended(node);
			if (this.#isBooted && this.fleet.isExtinct) this.#end();
		},
	};
}

function endOf(node: NodeHandle): LauncherEvent {
	const {index, port} = node.start;
	switch (node.phase) {
		case 'crashed':
			return {event: 'node-crashed', index, port, cause: node.cause};
		case 'failed':
			return {event: 'node-failed', index, port, cause: node.cause};
		case 'killed':
			return {event: 'node-killed', index, port, reason: node.cause};
		default:
			return {event: 'node-stopped', index, port, reason: node.cause};
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
