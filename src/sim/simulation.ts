/**
 * N cores, virtual time and a seeded network: the same seed gives the same run, message by message.
 */

import type {ClusterConfig} from '../cluster/config.ts';
import {defaultClusterConfig} from '../cluster/config.ts';
import type {Effects} from '../cluster/effects.ts';
import type {NodeId} from '../cluster/node-id.ts';
import {Prng} from '../lib/prng.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {Network} from './network.ts';
import {Scheduler} from './scheduler.ts';
import {SimNode} from './sim-node.ts';

export interface SimulationOptions {
	readonly nodes: number;
	readonly seed: number;
	readonly config?: Partial<ClusterConfig>;
	/** Told after each step of each node. */
	readonly onStep?: (node: SimNode, effects: Effects) => void;
	/** Default true. Large simulations without restarts do without. */
	readonly hasDisk?: boolean;
}

/** Any time but 0 will do; a real one makes texts look like real ones. */
const STARTED_AT = 1_700_000_000_000;

export class Simulation {
	readonly random: Prng;
	readonly network: Network;
	/** Node `n1` comes first. */
	readonly nodes: SimNode[] = [];
	readonly #scheduler = new Scheduler(STARTED_AT);
	readonly #options: SimulationOptions;

	constructor(options: SimulationOptions) {
		this.#options = options;
		this.random = new Prng(options.seed);
		this.network = new Network(this.#scheduler, this.random);
		for (let number = 1; number <= options.nodes; number++) this.addNode();
	}

	/** Milliseconds since the simulation began. */
	get elapsedMs(): number {
		return this.#scheduler.now - STARTED_AT;
	}

	get now(): number {
		return this.#scheduler.now;
	}

	get aliveNodes(): SimNode[] {
		return this.nodes.filter((node) => node.isAlive);
	}

	/** One more empty node, which starts at once. */
	addNode(): SimNode {
		const number = this.nodes.length + 1;
		const node = new SimNode({
			number,
			id: idOf(number),
			config: {...defaultClusterConfig(), ...this.#options.config},
			seed: this.random.next32(),
			scheduler: this.#scheduler,
			network: this.network,
			observer: {stepped: (stepped, effects) => this.#options.onStep?.(stepped, effects)},
			hasDisk: this.#options.hasDisk ?? true,
			nodeAt: (port) => this.nodes.find((node) => node.port === port),
		});
		this.nodes.push(node);
		node.start();
		return node;
	}

	/** Node `number`, from 1. */
	node(number: number): SimNode {
		const node = this.nodes[number - 1];
		if (node === undefined) throw new RangeError(`there is no node n${number}`);
		return node;
	}

	/** What an operator does to form a cluster: an epoch and an even share of the slots to each of `primaries`, all meet n1. */
	form(primaries = this.nodes.length): void {
		for (const [index, node] of this.nodes.entries()) {
			if (index < primaries) {
				node.submit({kind: 'set-config-epoch', epoch: index + 1});
				const first = Math.round((index * SLOT_COUNT) / primaries);
				const last = Math.round(((index + 1) * SLOT_COUNT) / primaries) - 1;
				node.submit({kind: 'add-slots', ranges: [[first, last]]});
			}
			if (index > 0)
				this.node(1).submit({kind: 'meet', host: node.host, port: node.port, busPort: node.busPort});
		}
	}

	run(forMs: number): void {
		const limit = this.#scheduler.now + forMs;
		while (this.#scheduler.step(limit));
	}

	/** Runs until it holds, looking every millisecond; how long it took, or null when it did not hold within `limitMs`. */
	runUntil(holds: () => boolean, limitMs: number): number | null {
		const startedAt = this.#scheduler.now;
		while (!holds()) {
			if (this.#scheduler.now - startedAt >= limitMs) return null;
			this.run(1);
		}
		return this.#scheduler.now - startedAt;
	}

	/** Nothing passes between nodes of different groups. Nodes that stand in no group reach everybody. */
	partition(groups: readonly (readonly SimNode[])[]): void {
		for (const [index, group] of groups.entries()) {
			for (const other of groups.slice(index + 1).flat()) {
				for (const node of group) this.network.cut(node.name, other.name);
			}
		}
	}
}

/** Ids in the order of the nodes' numbers, so that a scenario can say whose is smaller. */
function idOf(number: number): NodeId {
	return number.toString(16).padStart(4, '0').repeat(10) as NodeId;
}
