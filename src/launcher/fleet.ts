/**
 * All nodes of a launcher, the living and the dead, and what is done to them: started, stopped, killed, started again. A node
 * is its place here: index, port, directory and region of the slot table are its own for as long as the launcher lives,
 * whatever becomes of its thread. It comes back as itself, by the nodes.conf in its directory.
 *
 * Whatever cannot be done is a LaunchError that says why, and the other nodes never notice.
 */
import {createServer} from 'node:net';
import {join} from 'node:path';
import {
	createSlotTable,
	FOREIGN_OWNER,
	slotTableNodeCount,
	SlotTableReader,
	UNASSIGNED,
} from '../node/slot-table.ts';
import type {DataDir} from './data-dir.ts';
import {LaunchError, UsageError} from './errors.ts';
import {findFreePorts} from './free-ports.ts';
import type {NodeStart} from './messages.ts';
import {NodeThread, type NodeHooks} from './node-thread.ts';
import {BUS_PORT_OFFSET, count, directivesOf, HIGHEST_PORT, type ClusterSettings} from './settings.ts';
import {FREE_PORT_ATTEMPTS, PortInUse, startError} from './start-error.ts';
import {Supervisor, type SupervisorClock} from './supervisor.ts';
import type {ThreadKind} from './threads.ts';

/** Regions of the slot table beyond those of the nodes that the launcher begins with: as many can be started later. */
export const SPARE_REGIONS = 64;
/**
 * How long a node may take to save what it has before it is killed. A snapshot of some ten million keys beside five other
 * nodes that save theirs takes a minute; whoever cannot wait has a second signal.
 */
const STOP_GRACE_MS = 120_000;
/** In a node's directory: what CONFIG REWRITE writes, read again at the next start. */
const CONFIG_FILE = 'redis.conf';

export interface FleetOptions {
	readonly settings: ClusterSettings;
	readonly dataDir: DataDir;
	readonly kind: ThreadKind;
	readonly hooks: NodeHooks;
	readonly clock: SupervisorClock;
	/** A node runs that was not there or was down. */
	onStarted(node: NodeThread, isNew: boolean): void;
	/** A node that crashed is started again in so many ms; `crashes` in a row led to it. */
	onRestartPlanned(node: NodeThread, delayMs: number, crashes: number): void;
}

/** How nodes are ended by `end`. */
export interface EndOptions {
	/** Who asks for it, for people to read. */
	readonly by: string;
	/** The node may save what it has, as on SHUTDOWN; else nothing is flushed. */
	readonly gracefully: boolean;
}

export class Fleet {
	readonly #options: FleetOptions;
	readonly #supervisor: Supervisor;
	/** By index. A node that is started again gets a new thread in its old place. */
	readonly #nodes: NodeThread[] = [];
	/** Had nothing on disk when the launcher first started them. */
	readonly #fresh = new Set<number>();
	/** Down, or on their way, because of what somebody asked for: what becomes of them is up to him. */
	readonly #heldDown = new Set<number>();
	/** Waits of restarts; called, they are over at once. */
	readonly #waits = new Set<() => void>();
	#slotTable: SharedArrayBuffer | undefined;
	#adding: Promise<unknown> = Promise.resolve();
	#isBooted = false;
	#isClosed = false;

	constructor(options: FleetOptions) {
		this.#options = options;
		this.#supervisor = new Supervisor({
			clock: options.clock,
			onPlanned: (index, delayMs, crashes) => options.onRestartPlanned(this.#at(index), delayMs, crashes),
			restart: (index) => void this.#revive(this.#at(index)),
		});
	}

	get nodes(): readonly NodeThread[] {
		return this.#nodes;
	}

	/** Nobody lives, and nobody is going to: none is down on purpose, and no restart is due. */
	get isExtinct(): boolean {
		return (
			this.#nodes.every((node) => node.isOver) && this.#heldDown.size === 0 && !this.#supervisor.isWaiting
		);
	}

	/** Whether the node had no nodes.conf when the launcher first started it. */
	isFresh(node: NodeThread): boolean {
		return this.#fresh.has(node.start.index);
	}

	/** In how many ms the node is started again; null when that is not planned. */
	restartsInMs(node: NodeThread): number | null {
		return this.#supervisor.restartsInMs(node.start.index);
	}

	/** Who serves a slot as the living see it: the first of them that sees the cluster ok. Null: none, or none of ours. */
	ownerOf(slot: number): number | null {
		if (this.#slotTable === undefined) return null;
		const reader = new SlotTableReader(this.#slotTable);
		const witness =
			this.#nodes.find((node) => node.seesClusterOk) ?? this.#nodes.find((node) => node.phase === 'running');
		const owner = witness === undefined ? undefined : reader.read(witness.start.index)?.owners[slot];
		return owner === undefined || owner === UNASSIGNED || owner === FOREIGN_OWNER ? null : owner - 1;
	}

	/** Starts the nodes that the launcher begins with, all at once. Does not wait for them. */
	boot(ports: readonly number[]): void {
		this.#slotTable = createSlotTable(ports.length + SPARE_REGIONS);
		for (const port of ports) this.#nodes.push(this.#launch(this.#newStart(port, ports.length)));
	}

	/** The boot is over: from now on what threads print is heard, and who has crashed is started again. */
	booted(): void {
		this.#isBooted = true;
		this.#options.dataDir.keep();
		for (const node of this.#nodes) {
			node.watchOutput();
			if (node.isOver) this.ended(node);
		}
	}

	/** What the launcher's hooks must pass on. */
	listening(node: NodeThread): void {
		this.#heldDown.delete(node.start.index);
		this.#supervisor.listening(node.start.index);
	}

	/** What the launcher's hooks must pass on. */
	ended(node: NodeThread): void {
		const {index} = node.start;
		// A node that refuses its files would refuse them again; a port may be free by then.
		const isAccident = node.phase === 'crashed' || node.failure?.code === 'EADDRINUSE';
		// Whoever took care of the node himself hears what became of it, and decides.
		const isOurs = this.#isBooted && !this.#heldDown.has(index);
		if (isAccident && isOurs && this.#options.settings.restart === 'on-failure')
			this.#supervisor.crashed(index);
	}

	/** Resolves when the node is gone, and stays so until it is started. */
	async end(node: NodeThread, {by, gracefully}: EndOptions): Promise<void> {
		this.#refuseWhenClosed();
		const wasPlanned = this.#supervisor.leave(node.start.index);
		if (node.isOver && !wasPlanned)
			throw new LaunchError(`node ${node.start.port} does not run: it is ${node.phase}`);
		this.#heldDown.add(node.start.index);
		await (gracefully ? node.stop(by, STOP_GRACE_MS) : node.kill(by));
	}

	/** Starts a node that is down, from its directory. Resolves when it listens. */
	async start(node: NodeThread): Promise<NodeThread> {
		this.#refuseWhenClosed();
		const {index, port} = node.start;
		if (this.#at(index).isUp) throw new LaunchError(`node ${port} runs already`);
		this.#supervisor.leave(index);
		this.#heldDown.add(index);
		await node.ended;
		this.#refuseWhenClosed();
		// Somebody else may have been faster.
		const current = this.#at(index);
		const revived = current === node ? await this.#revive(node) : current;
		await revived.settled;
		if (revived.phase === 'running') return revived;
		throw revived.failure === null
			? new LaunchError(`node ${port} ended while it started: ${revived.cause}`)
			: startError(revived, revived.failure, 'start it again when it is free');
	}

	/** Ends the node if it is up, waits, and starts it if nobody has until then. Resolves when it listens. */
	async restart(node: NodeThread, afterMs: number, how: EndOptions): Promise<NodeThread> {
		if (node.isUp || this.restartsInMs(node) !== null) await this.end(node, how);
		await this.#wait(afterMs);
		const current = this.#at(node.start.index);
		return current.isUp ? current : this.start(current);
	}

	/**
	 * One more node, empty and alone, with a directory as the others have it. Resolves when it listens.
	 * @param port the next free one behind all others unless given
	 */
	add(port?: number): Promise<NodeThread> {
		// One after the other: two must not choose the same port and region.
		const adding = this.#adding.then(() => this.#add(port));
		this.#adding = adding.catch(() => {});
		return adding;
	}

	/** Ends all nodes cleanly. Replicas go first: none is left that could want to replace a primary that is gone. */
	async stop(reason: string): Promise<void> {
		this.#close();
		const isReplica = (node: NodeThread): boolean => node.role?.role === 'replica';
		const [replicas, others] = [
			this.#nodes.filter(isReplica),
			this.#nodes.filter((node) => !isReplica(node)),
		];
		for (const group of [replicas, others])
			await Promise.all(group.map((node) => node.stop(reason, STOP_GRACE_MS)));
	}

	/** Ends all threads at once. */
	async kill(reason: string): Promise<void> {
		this.#close();
		await Promise.all(this.#nodes.map((node) => node.kill(reason)));
	}

	/** Nothing is started from here on. */
	#close(): void {
		this.#isClosed = true;
		this.#supervisor.stop();
		for (const end of this.#waits) end();
	}

	#refuseWhenClosed(): void {
		if (this.#isClosed) throw new LaunchError('the cluster is being stopped');
	}

	#at(index: number): NodeThread {
		const node = this.#nodes[index];
		if (node === undefined) throw new LaunchError(`there is no node ${index}`);
		return node;
	}

	async #add(wished: number | undefined): Promise<NodeThread> {
		this.#refuseWhenClosed();
		const there = this.#nodes.find((node) => node.start.port === wished);
		if (there !== undefined)
			throw new UsageError(
				`node ${wished} is there and ${there.phase}${there.isUp ? '; choose another port' : `; start it again with shoal node start ${wished}`}`,
			);
		if (wished !== undefined) return this.#addAt(wished);
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#addAt(await this.#nextPort());
			} catch (error) {
				// Between our look and the node's bind somebody else may take it.
				if (!(error instanceof PortInUse) || attempt === FREE_PORT_ATTEMPTS) throw error;
			}
		}
	}

	async #addAt(port: number): Promise<NodeThread> {
		this.#refuseWhenClosed();
		const node = this.#launch(this.#newStart(port, this.#nodes.length + 1));
		this.#nodes.push(node);
		this.#heldDown.add(node.start.index);
		await node.settled;
		if (node.phase === 'running') {
			this.#options.dataDir.keep();
			this.#options.onStarted(node, true);
			return node;
		}
		// Nobody has heard of it: as if it had never been.
		await node.ended;
		this.#nodes.pop();
		this.#heldDown.delete(node.start.index);
		this.#options.dataDir.removeMade();
		throw startError(node, node.failure ?? {code: '', message: node.cause}, 'choose another with --port');
	}

	async #nextPort(): Promise<number> {
		const {bind} = this.#options.settings;
		const highest = Math.max(...this.#nodes.map((node) => node.start.port));
		for (let port = highest + 1; port <= HIGHEST_PORT; port++) if (await isFree(bind, port)) return port;
		const [port = 0] = await findFreePorts(bind, 1);
		return port;
	}

	/** A new thread for a node that is gone. Resolves when it listens or has ended. */
	async #revive(former: NodeThread): Promise<NodeThread> {
		const {index} = former.start;
		const node = this.#launch({...former.start, nodeCount: this.#nodes.length}, former.nodeId);
		this.#nodes[index] = node;
		await node.settled;
		if (node.phase === 'running') this.#options.onStarted(node, false);
		else await node.ended;
		return node;
	}

	#launch(start: NodeStart, nodeId?: string): NodeThread {
		const node = new NodeThread(start, this.#options.kind, this.#options.hooks, nodeId);
		if (this.#isBooted) node.watchOutput();
		return node;
	}

	#newStart(port: number, nodeCount: number): NodeStart {
		const {settings, dataDir} = this.#options;
		const index = this.#nodes.length;
		const slotTable = this.#slotTable;
		if (slotTable === undefined || index >= slotTableNodeCount(slotTable))
			throw new LaunchError(
				`this launcher has room for ${count(index, 'node')} and no more; stop it and start it again: then it has room for ${SPARE_REGIONS} more`,
			);
		const {directory, fresh} = dataDir.nodeDirectory(port);
		if (fresh) this.#fresh.add(index);
		else this.#fresh.delete(index);
		return {
			index,
			host: settings.bind,
			port,
			busPort: port + BUS_PORT_OFFSET,
			directory,
			config: directivesOf(index, settings),
			configFile: join(directory, CONFIG_FILE),
			slotTable,
			nodeCount,
			transport: settings.transport,
		};
	}

	#wait(ms: number): Promise<void> {
		return new Promise((resolve) => {
			const end = (): void => {
				cancel();
				this.#waits.delete(end);
				resolve();
			};
			const cancel = this.#options.clock.after(ms, end);
			this.#waits.add(end);
		});
	}
}

function isFree(host: string, port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once('error', () => resolve(false));
		server.listen(port, host, () => server.close(() => resolve(true)));
	});
}
