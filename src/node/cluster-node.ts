/**
 * The shell around the pure cluster core of one node: gives it time, messages and requests, and carries out what it answers
 * in the order that is its contract:
 *
 * 1. nodes.conf on the disk, where the step makes a promise (a vote, an epoch of its own);
 * 2. the slot table published and the fast routes brought up to date;
 * 3. links closed, opened, and messages sent;
 * 4. the data plane told whom to follow and whether writes are held up;
 * 5. what happened told to the data plane, the log and the launcher.
 *
 * One step is carried out before the next begins. Nothing here decides anything about the cluster.
 */
import type {ChangeOutcome, ClusterChange} from '../cluster/changes.ts';
import type {ClusterConfig, DataFacts, Random} from '../cluster/config.ts';
import {ClusterCore} from '../cluster/core.ts';
import type {ClusterEvent, Effects, LinkId, LogLevel, RoleChange, WritePause} from '../cluster/effects.ts';
import type {BusMessage} from '../cluster/messages.ts';
import {NodesConfError, parseNodesConf} from '../cluster/nodes-conf.ts';
import {RouteFlags, Verdict} from '../cluster/routing.ts';
import {MYSELF_INDEX, UNASSIGNED_INDEX, type ClusterView} from '../cluster/state.ts';
import type {
	ClusterService,
	KeyPresence,
	LinkBuffer,
	RoutedClient,
	RoutedCommand,
} from '../commands/cluster-service.ts';
import {FLAG} from '../commands/command.ts';
import {endOfRun} from '../lib/runs.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {NodesConfFile} from './nodes-conf-file.ts';
import type {Bus, BusReceiver, Clock, Disk} from './ports.ts';
import {SlotTableWriter, UNASSIGNED} from './slot-table.ts';

export interface ClusterNodeOptions {
	/** The address that this node listens on and announces. */
	readonly host: string;
	readonly port: number;
	readonly busPort: number;
	/** Path of nodes.conf. */
	readonly file: string;
	/** Shared with whoever carries out CONFIG SET, which calls `reconfigured` after a change. */
	readonly config: ClusterConfig;
	readonly data: DataFacts;
	readonly bus: Bus;
	readonly clock: Clock;
	readonly disk: Disk;
	readonly random: Random;
	readonly slotTable: SharedArrayBuffer;
	/** This node's region in the slot table. */
	readonly index: number;
	/** `cluster-link-sendbuf-limit` as it is now; 0: no limit. */
	readonly sendBufferLimitBytes: () => number;
	readonly outlets: ClusterOutlets;
}

/** Where the node tells what happened. None may call back into the node before it returned. */
export interface ClusterOutlets {
	/** Before the events of the same step. A node that hears nothing after its start leads. */
	role(change: RoleChange): void;
	/** After the role of the same step. */
	writePause(change: WritePause): void;
	/** In the order in which they happened; after the slot table says so. */
	event(event: ClusterEvent): void;
	log(level: LogLevel, text: string): void;
	/** This node's own view in a few figures: once at the start, then whenever one of them changed. */
	state(state: ClusterStateReport): void;
}

export interface ClusterStateReport {
	readonly ok: boolean;
	readonly assignedCount: number;
	readonly knownNodeCount: number;
	/** Nodes that it knows as replicas of a primary that it knows, itself perhaps among them. */
	readonly replicaCount: number;
}

/** Why a step was made: what a client was told is done must survive the process, what peers told need not. */
type Cause = 'peer' | 'operator';

const TICK_MS = 100;

export class ClusterNode implements ClusterService, BusReceiver {
	readonly #options: ClusterNodeOptions;
	readonly #core: ClusterCore;
	readonly #file: NodesConfFile;
	readonly #slotTable: SlotTableWriter;
	/** 1: every command on the slot's keys runs here. What the executor reads for each command. */
	readonly #routes = new Uint8Array(SLOT_COUNT);
	/** Owners as they are published: numbers of the launcher. */
	readonly #owners = new Uint16Array(SLOT_COUNT);
	/** The core's owners of which `#owners` is the translation. */
	readonly #translated = new Uint16Array(SLOT_COUNT);
	/** What `cluster_state` was when the routes were made. */
	#routedOk = false;
	/** The slots that were migrating when the routes were made. */
	readonly #openSlots: number[] = [];
	/** By the core's index of a node, the launcher's number for it. */
	#numbers: readonly number[] = [];
	#publishedId = '';
	#reported: ClusterStateReport | null = null;
	#stopTicking: (() => void) | null = null;
	#linksOverLimitCount = 0;
	/** The publication that is due at the end of this turn. */
	#publication: NodeJS.Immediate | null = null;
	/** A client asked for a change that may still wait to be in nodes.conf. */
	#hasPromised = false;
	readonly #nodesConf = (): string => this.#core.nodesConf();

	private constructor(options: ClusterNodeOptions, file: NodesConfFile, core: ClusterCore) {
		this.#options = options;
		this.#file = file;
		this.#core = core;
		this.#slotTable = new SlotTableWriter(options.slotTable, options.index);
	}

	/**
	 * Locks and reads nodes.conf. Rejects with FileInUseError when another node has it, with an error that names file and line
	 * when it cannot be trusted: then the node must not start, and has changed nothing.
	 */
	static async open(options: ClusterNodeOptions): Promise<ClusterNode> {
		const {bus, clock, config, data, disk, outlets, random} = options;
		const file = await NodesConfFile.open({
			disk,
			clock,
			file: options.file,
			onFailure: (error) =>
				outlets.log('warning', `Can't write ${options.file}: ${reasonOf(error)}. Trying again.`),
		});
		try {
			const text = file.read();
			const core = new ClusterCore({
				host: options.host,
				port: options.port,
				busPort: options.busPort,
				config,
				random,
				data,
				now: clock.steadyWallMs(),
				restored: text === null ? null : restore(text, options.file),
			});
			const node = new ClusterNode(options, file, core);
			bus.start(node);
			return node;
		} catch (error) {
			await file.close();
			throw error;
		}
	}

	/** Once, when clients can connect: from now on the node takes part in its cluster. */
	start(): void {
		this.#publish();
		this.#carryOut(this.#core.start(this.nowMs()), 'operator');
		this.#reportState();
		this.#stopTicking = this.#options.clock.every(TICK_MS, () => this.#tick());
	}

	/** Leaves the bus without a word, as a process that ends does, and makes nodes.conf durable. */
	async stop(): Promise<void> {
		this.#stopTicking?.();
		this.#stopTicking = null;
		if (this.#publication !== null) clearImmediate(this.#publication);
		this.#options.bus.stop();
		await this.#file.close();
	}

	/** A field of `config` was changed. */
	reconfigured(): void {
		this.#carryOut(this.#core.reconfigured(this.nowMs()), 'operator');
	}

	/** True while `dataAdvanced` must be called whenever the replica's applied offset moved, before the turn ends. */
	get awaitsOffset(): boolean {
		return this.#core.view.awaitsOffset;
	}

	/** The applied offset moved while `awaitsOffset`, or the link to the primary went up or down. */
	dataAdvanced(): void {
		this.#carryOut(this.#core.dataAdvanced(this.nowMs()), 'peer');
	}

	// ClusterService

	get view(): ClusterView {
		return this.#core.view;
	}

	get config(): Readonly<ClusterConfig> {
		return this.#core.config;
	}

	get linksOverLimitCount(): number {
		return this.#linksOverLimitCount;
	}

	nowMs(): number {
		return this.#options.clock.steadyWallMs();
	}

	linkBuffer(link: LinkId): LinkBuffer {
		return this.#options.bus.buffer(link);
	}

	isServedHere(slot: number): boolean {
		return this.#routes[slot] === 1 && this.#publication === null;
	}

	redirect(
		slot: number,
		command: RoutedCommand,
		client: RoutedClient,
		countKeys: () => KeyPresence,
	): string | null {
		const flags = routeFlags(command, client);
		let verdict = this.#core.route(slot, flags);
		if (verdict === Verdict.CHECK_KEYS) {
			const {presentCount, missingCount, hasSeveralKeys} = countKeys();
			verdict = this.#core.routeOpenSlot(slot, flags, presentCount, missingCount, hasSeveralKeys);
		}
		return verdict === Verdict.SERVE ? null : this.#core.redirection(verdict, slot);
	}

	crossSlot(firstSlot: number): string {
		if (this.#core.view.owners[firstSlot] === UNASSIGNED_INDEX)
			return this.#core.redirection(Verdict.UNBOUND, firstSlot);
		return "CROSSSLOT Keys in request don't hash to the same slot";
	}

	submit(change: ClusterChange): ChangeOutcome {
		const {outcome, effects} = this.#core.submit(change, this.nowMs());
		if (change.kind !== 'save-config') {
			this.#carryOut(effects, 'operator');
			return outcome;
		}
		try {
			this.#file.saveDurably(this.#nodesConf);
		} catch (error) {
			return {ok: false, error: `ERR error saving the cluster node config: ${reasonOf(error)}`};
		}
		effects.config = 'unchanged';
		this.#carryOut(effects, 'operator');
		return outcome;
	}

	settle(): void {
		if (!this.#hasPromised) return;
		this.#hasPromised = false;
		this.#file.settle();
	}

	// BusReceiver

	accepted(fromHost: string): LinkId {
		return this.#core.linkAccepted(fromHost, this.#options.host, this.nowMs());
	}

	opened(link: LinkId): void {
		this.#carryOut(this.#core.linkOpened(link, this.nowMs()), 'peer');
	}

	refused(link: LinkId): void {
		this.#carryOut(this.#core.linkFailed(link, this.nowMs()), 'peer');
	}

	closed(link: LinkId): void {
		this.#carryOut(this.#core.linkFailed(link, this.nowMs()), 'peer');
	}

	received(link: LinkId, message: BusMessage | null): void {
		const now = this.nowMs();
		const effects =
			message === null ? this.#core.messageRejected(link, now) : this.#core.receive(link, message, now);
		this.#carryOut(effects, 'peer');
	}

	// Steps

	#tick(): void {
		this.#dropLinksOverLimit();
		this.#carryOut(this.#core.tick(this.nowMs()), 'peer');
	}

	#carryOut(effects: Effects, cause: Cause): void {
		const {bus, outlets} = this.#options;
		if (effects.config === 'durable') this.#file.saveDurably(this.#nodesConf);
		else if (effects.config === 'write') this.#file.saveSoon(this.#nodesConf);
		if (cause === 'operator') this.#hasPromised = true;

		if (effects.slotTableDirty && cause === 'peer') this.#publishSoon();
		else if (effects.slotTableDirty) this.#publish();
		// Opening and closing a slot for migration changes no owner, but who may be served without a look at the keys.
		else if (cause === 'operator') this.#updateOpenSlots();

		for (const link of effects.closes) bus.close(link);
		for (const {link, host, busPort} of effects.connects) bus.connect(link, host, busPort);
		for (const {link, message} of effects.sends) bus.send(link, message);

		if (effects.role !== null) outlets.role(effects.role);
		if (effects.writePause !== null) outlets.writePause(effects.writePause);
		for (const event of effects.events) outlets.event(event);
		for (const {level, text} of effects.logs) outlets.log(level, text);
		if (this.#publication === null && (effects.slotTableDirty || effects.events.length > 0))
			this.#reportState();
	}

	/**
	 * Once for all that peers say in this turn: while a cluster forms they say much at once. Until then no slot counts as
	 * served here without a question to the core.
	 */
	#publishSoon(): void {
		this.#publication ??= setImmediate(() => {
			this.#publish();
			this.#reportState();
		});
	}

	#dropLinksOverLimit(): void {
		const limit = this.#options.sendBufferLimitBytes();
		if (limit === 0) return;
		const {bus, outlets} = this.#options;
		for (const link of this.#core.view.links.values()) {
			const {allocatedBytes} = bus.buffer(link.id);
			if (allocatedBytes <= limit) continue;
			const name = `${link.direction} node ${link.node?.id ?? ''}`;
			outlets.log(
				'warning',
				`Freeing cluster link(${name}, used memory: ${allocatedBytes}) due to exceeding send buffer memory limit.`,
			);
			this.#linksOverLimitCount++;
			bus.close(link.id);
			this.#carryOut(this.#core.linkFailed(link.id, this.nowMs()), 'peer');
		}
	}

	#publish(): void {
		if (this.#publication !== null) clearImmediate(this.#publication);
		this.#publication = null;
		const {view} = this.#core;
		if (view.myself.id !== this.#publishedId) {
			this.#publishedId = view.myself.id;
			this.#slotTable.identify(this.#publishedId);
		}
		const {isOk} = view;
		this.#translateOwners(this.#renumber(), isOk, isOk !== this.#routedOk);
		this.#routedOk = isOk;
		this.#updateOpenSlots();
		this.#slotTable.publish(isOk, view.currentEpoch, view.assignedCount, this.#owners);
	}

	/** Brings `#numbers` up to date. True when a node that owns slots has another number than before. */
	#renumber(): boolean {
		const before = this.#numbers;
		this.#numbers = this.#core.view.table.map((node) =>
			node === null ? UNASSIGNED : this.#slotTable.ownerNumber(node.id),
		);
		return this.#core.view.table.some(
			(node, index) => node !== null && node.slotCount > 0 && before[index] !== this.#numbers[index],
		);
	}

	/** Brings owners and routes up to date, a run of slots with one owner at a time. */
	#translateOwners(all: boolean, isOk: boolean, isRouted: boolean): void {
		const {owners} = this.#core.view;
		const translated = this.#translated;
		for (let first = 0, end = 0; first < SLOT_COUNT; first = end) {
			end = endOfRun(owners, first);
			const owner = owners[first]!;
			const isKnown = translated[first] === owner && endOfRun(translated, first, end) === end;
			if (isKnown && !all && !isRouted) continue;
			this.#owners.fill(this.#numbers[owner]!, first, end);
			translated.fill(owner, first, end);
			this.#routes.fill(isOk && owner === MYSELF_INDEX ? 1 : 0, first, end);
		}
	}

	/** A command on a slot that moves away is not served before the core has seen its keys. */
	#updateOpenSlots(): void {
		const {isOk, migratingTo, owners} = this.#core.view;
		for (const slot of this.#openSlots) this.#routes[slot] = isOk && owners[slot] === MYSELF_INDEX ? 1 : 0;
		this.#openSlots.length = 0;
		for (const slot of migratingTo.keys()) {
			this.#routes[slot] = 0;
			this.#openSlots.push(slot);
		}
	}

	#reportState(): void {
		const {assignedCount, isOk: ok, nodes} = this.#core.view;
		let replicaCount = 0;
		for (const node of nodes.values()) if (node.primary !== null) replicaCount++;
		const state: ClusterStateReport = {ok, assignedCount, knownNodeCount: nodes.size, replicaCount};
		const last = this.#reported;
		if (last !== null && isSameState(state, last)) return;
		// Who hears of a cluster that is up may kill this node at once: it must find its peers when it is started again.
		if (ok && last?.ok !== true) this.#file.settle();
		this.#reported = state;
		this.#options.outlets.state(state);
	}
}

const isSameState = (a: ClusterStateReport, b: ClusterStateReport): boolean =>
	a.ok === b.ok &&
	a.assignedCount === b.assignedCount &&
	a.knownNodeCount === b.knownNodeCount &&
	a.replicaCount === b.replicaCount;

function routeFlags(command: RoutedCommand, client: RoutedClient): number {
	return (
		((command.flagBits & FLAG.write) !== 0 ? RouteFlags.WRITE : 0) |
		(client.readonlyMode ? RouteFlags.READONLY_CLIENT : 0) |
		(client.asking || (command.flagBits & FLAG.asking) !== 0 ? RouteFlags.ASKING : 0) |
		(command.name === 'migrate' ? RouteFlags.MIGRATE : 0) |
		(SHARDED_PUBSUB.has(command.name) ? RouteFlags.SHARDED_PUBSUB : 0)
	);
}

const SHARDED_PUBSUB: ReadonlySet<string> = new Set(['ssubscribe', 'sunsubscribe', 'spublish']);

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The parser knows no files and no remedies; a person needs both. */
function restore(text: string, file: string): ReturnType<typeof parseNodesConf> {
	try {
		return parseNodesConf(text);
	} catch (error) {
		if (!(error instanceof NodesConfError)) throw error;
		throw new Error(
			`${file}: ${error.message}; nothing was changed: repair the file, or remove it for an empty node under a new id`,
			{cause: error},
		);
	}
}
