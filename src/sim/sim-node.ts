/**
 * One simulated node: a core, the disk that survives it, and just as much data as the core asks about.
 */

import type {ChangeOutcome, ClusterChange} from '../cluster/changes.ts';
import type {ClusterConfig} from '../cluster/config.ts';
import {ClusterCore} from '../cluster/core.ts';
import type {ClusterEvent, Effects, LinkId} from '../cluster/effects.ts';
import type {BusMessage} from '../cluster/messages.ts';
import type {NodeId} from '../cluster/node-id.ts';
import {parseNodesConf} from '../cluster/nodes-conf.ts';
import {Prng} from '../lib/prng.ts';
import type {Endpoint, Network} from './network.ts';
import type {Scheduler} from './scheduler.ts';
import {SimData} from './sim-data.ts';

export interface SimNodeOptions {
	/** From 1; the node is called `n<number>`. */
	readonly number: number;
	readonly id: NodeId;
	readonly config: ClusterConfig;
	readonly seed: number;
	readonly scheduler: Scheduler;
	readonly network: Network;
	/** Told after each step. */
	readonly observer: SimObserver;
	/** When false, nodes.conf is kept in no text: faster, but the node cannot be started again. */
	readonly hasDisk: boolean;
	/** The node that stands at a port, alive or not. */
	readonly nodeAt: (port: number) => SimNode | undefined;
}

export interface SimObserver {
	stepped(node: SimNode, effects: Effects): void;
}

const TICK_MS = 100;
const GATHER_MS = 100;
const BASE_PORT = 7000;

export class SimNode implements Endpoint {
	readonly number: number;
	readonly name: string;
	readonly host = '127.0.0.1';
	readonly port: number;
	readonly busPort: number;
	readonly config: ClusterConfig;
	isAlive = true;
	life = 1;
	core: ClusterCore;
	readonly data: SimData;
	/** nodes.conf as it stands on the disk, or will when the node lives on. */
	disk = '';
	/** What a kill leaves of it: as the shell does, what peers told is gathered for a while before it is written. */
	#survivingDisk = '';
	readonly #options: SimNodeOptions;
	readonly #random: Prng;

	constructor(options: SimNodeOptions) {
		this.#options = options;
		this.number = options.number;
		this.name = `n${options.number}`;
		this.port = BASE_PORT + options.number;
		this.busPort = this.port + 10_000;
		this.config = options.config;
		this.#random = new Prng(options.seed);
		options.network.add(this);
		this.data = new SimData({
			scheduler: options.scheduler,
			isAlive: () => this.isAlive,
			reach: (port) => this.#reach(port),
			offsetMoved: () => {
				if (this.core.view.awaitsOffset) this.#carryOut(this.core.dataAdvanced(this.#now));
			},
			linkChanged: () => {
				this.#carryOut(this.core.dataAdvanced(this.#now));
			},
		});
		this.core = this.#makeCore();
	}

	/** Called when the simulation begins, and by `restart`. */
	start(): void {
		this.#carryOut(this.core.start(this.#now), true);
		const {life} = this;
		const tick = (): void => {
			if (!this.isAlive || this.life !== life) return;
			this.#carryOut(this.core.tick(this.#now));
			this.#options.scheduler.after(TICK_MS, tick);
		};
		this.#options.scheduler.after(this.#random.below(TICK_MS), tick);
	}

	/** Without a word to anybody. What is on the disk by now stays. */
	kill(): void {
		this.isAlive = false;
		this.disk = this.#survivingDisk;
	}

	restart(): void {
		if (this.isAlive) throw new Error(`${this.name} is alive`);
		this.isAlive = true;
		this.life++;
		this.#options.network.forgetLinks(this);
		this.data.restart();
		this.core = this.#makeCore();
		this.start();
	}

	submit(change: ClusterChange): ChangeOutcome {
		const {outcome, effects} = this.core.submit(change, this.#now);
		this.#carryOut(effects, true);
		return outcome;
	}

	reconfigure(change: Partial<ClusterConfig>): void {
		Object.assign(this.config, change);
		this.#carryOut(this.core.reconfigured(this.#now), true);
	}

	// Endpoint

	accepted(fromHost: string): LinkId {
		return this.core.linkAccepted(fromHost, this.host, this.#now);
	}

	opened(link: LinkId): void {
		this.#carryOut(this.core.linkOpened(link, this.#now));
	}

	failed(link: LinkId): void {
		this.#carryOut(this.core.linkFailed(link, this.#now));
	}

	received(link: LinkId, message: BusMessage): void {
		this.#carryOut(this.core.receive(link, message, this.#now));
	}

	get #now(): number {
		return this.#options.scheduler.now;
	}

	#reach(port: number): SimData | null {
		const node = this.#options.nodeAt(port);
		if (node === undefined || !node.isAlive || !this.#options.network.isOpenBetween(this, node)) return null;
		return node.data;
	}

	#makeCore(): ClusterCore {
		return new ClusterCore({
			id: this.#options.id,
			host: this.host,
			port: this.port,
			busPort: this.busPort,
			config: this.config,
			random: this.#random,
			data: this.data,
			now: this.#now,
			restored: parseNodesConf(this.disk),
		});
	}

	/** In the order that effects.ts lays down. */
	#carryOut(effects: Effects, isPromised = false): void {
		const {network, observer, hasDisk} = this.#options;
		if (hasDisk && effects.config !== 'unchanged') this.#save();
		if (isPromised || isSavedAtOnce(effects)) this.#survivingDisk = this.disk;
		for (const link of effects.closes) network.close(this, link);
		for (const {link, busPort} of effects.connects) network.connect(this, link, busPort);
		for (const {link, message} of effects.sends) network.send(this, link, message);
		if (effects.role !== null) this.data.obey(effects.role);
		if (effects.writePause !== null) this.data.isPaused = effects.writePause.kind === 'begin';
		for (const event of effects.events) this.#obey(event);
		observer.stepped(this, effects);
	}

	#save(): void {
		this.disk = this.core.nodesConf();
		const {life} = this;
		this.#options.scheduler.after(GATHER_MS, () => {
			if (this.isAlive && this.life === life) this.#survivingDisk = this.disk;
		});
	}

	#obey(event: ClusterEvent): void {
		if (event.kind === 'slots-lost') for (const slot of event.slots) this.data.keys.delete(slot);
		if (event.kind === 'reset') this.data.keys.clear();
	}
}

/** As in the shell: promises, and what led to a cluster that is up. So is what an operator asked for. */
function isSavedAtOnce({config, events}: Effects): boolean {
	return config === 'durable' || events.some((event) => event.kind === 'state-changed' && event.ok);
}
