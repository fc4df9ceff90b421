/**
 * A storm: a cluster of random size in a random network, to which random things happen for a while; then everything heals
 * and the cluster must agree again. All of it follows from the seed.
 */

import type {NodeId} from '../cluster/node-id.ts';
import {isVoter} from '../cluster/state.ts';
import type {Prng} from '../lib/prng.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {checkClaims, disagreement, InvariantChecker} from './invariants.ts';
import type {SimNode} from './sim-node.ts';
import {Simulation} from './simulation.ts';

export interface StormReport {
	readonly seed: number;
	readonly nodes: number;
	readonly messages: number;
	/** What happened, one line each. */
	readonly story: readonly string[];
	/** Virtual time from the heal until all agreed. */
	readonly convergedAfterMs: number;
}

/** What the storm found; its message ends with the seed and the story, which is all that is needed to see it again. */
export class StormError extends Error {
	override readonly name = 'StormError';
}

const NODE_TIMEOUT_MS = 1000;
const ACTS = 25;
const MAX_PAUSE_MS = 1500;
/** FAIL of a returning primary stays for two timeouts, links are given up after half a timeout, bans last no time here. */
const CONVERGENCE_LIMIT_MS = 20 * NODE_TIMEOUT_MS;
/** FAIL, and an election that is tried again more than once. */
const FAILOVER_LIMIT_MS = 20 * NODE_TIMEOUT_MS;

/** Throws StormError. */
export function runStorm(seed: number): StormReport {
	const story: string[] = [];
	try {
		return new Storm(seed, story).run();
	} catch (error) {
		const problem = error instanceof Error ? error.message : String(error);
		throw new StormError(`${problem}\nseed ${seed}\n${story.join('\n')}`, {cause: error});
	}
}

class Storm {
	readonly #sim: Simulation;
	readonly #random: Prng;
	readonly #checker = new InvariantChecker();
	readonly #story: string[];
	readonly #seed: number;
	/** An operator takes an epoch without asking anybody: another may have it until the two meet. */
	readonly #hasTakeovers: boolean;

	constructor(seed: number, story: string[]) {
		this.#seed = seed;
		this.#hasTakeovers = seed % 4 === 3;
		this.#story = story;
		this.#sim = new Simulation({
			nodes: 3 + (seed % 5),
			seed,
			config: {nodeTimeoutMs: NODE_TIMEOUT_MS, replicaValidityFactor: seed % 2 === 0 ? 0 : 10},
			onStep: (node, effects) => this.#checker.checkNode(node, effects),
		});
		this.#random = this.#sim.random;
	}

	run(): StormReport {
		const sim = this.#sim;
		const {faults} = sim.network;
		faults.maxDelayMs = 1 + this.#random.below(60);
		faults.refusesDead = this.#random.below(2) === 0;
		sim.form(1 + this.#random.below(sim.nodes.length));
		this.#tell(`${sim.nodes.length} nodes, delay up to ${faults.maxDelayMs} ms`);
		this.#converge();
		for (const node of sim.nodes) if (node.core.view.myself.slotCount === 0) this.#replicate(node);
		this.#converge();
		// What a node learnt in its last tenth of a second may die with it: that there are others it must know from now on.
		sim.run(200);
		for (let act = 0; act < ACTS; act++) {
			this.#act();
			sim.run(this.#random.below(MAX_PAUSE_MS));
			if (!this.#hasTakeovers) checkClaims(sim.aliveNodes);
		}
		this.#tell('heal');
		sim.network.heal();
		sim.run(FAILOVER_LIMIT_MS);
		this.#checkFailovers();
		for (const node of sim.nodes) if (!node.isAlive) node.restart();
		const convergedAfterMs = this.#converge();
		return {
			seed: this.#seed,
			nodes: sim.nodes.length,
			messages: sim.network.deliveredCount,
			story: this.#story,
			convergedAfterMs,
		};
	}

	#converge(): number {
		const sim = this.#sim;
		const limitMs = CONVERGENCE_LIMIT_MS;
		for (let tookMs = 0; tookMs <= limitMs; tookMs += 10) {
			if (disagreement(sim.nodes) === null) return tookMs;
			sim.run(10);
		}
		throw new Error(`no agreement ${limitMs} ms after the heal: ${disagreement(sim.nodes)}`);
	}

	#act(): void {
		const node = this.#any(this.#sim.nodes);
		switch (this.#random.below(13)) {
			case 0:
				return this.#partition();
			case 1:
				this.#tell('network heals');
				return this.#sim.network.heal();
			case 2:
			case 3:
				return node.isAlive ? this.#kill(node) : this.#restart(node);
			case 4:
				return this.#lose();
			case 5:
				return this.#cut(node, this.#any(this.#sim.nodes));
			case 6:
				return this.#replicate(node);
			case 7:
				return this.#failOver(node);
			case 8:
			case 9:
				return this.#write();
			default:
				return this.#moveSlots(node, this.#any(this.#sim.nodes));
		}
	}

	#partition(): void {
		const sides: [SimNode[], SimNode[]] = [[], []];
		for (const node of this.#sim.nodes) sides[this.#random.below(2) as 0 | 1].push(node);
		this.#tell(`partition ${sides.map((side) => side.map(({name}) => name).join(',')).join(' | ')}`);
		this.#sim.partition(sides);
	}

	#kill(node: SimNode): void {
		this.#tell(`kill ${node.name}`);
		node.kill();
	}

	#restart(node: SimNode): void {
		this.#tell(`restart ${node.name}`);
		node.restart();
	}

	#lose(): void {
		const {faults} = this.#sim.network;
		faults.lossPercent = this.#random.below(31);
		faults.repeatPercent = this.#random.below(31);
		this.#tell(`loss ${faults.lossPercent} %, repeat ${faults.repeatPercent} %`);
	}

	#cut(from: SimNode, to: SimNode): void {
		if (from === to) return;
		this.#tell(`cut ${from.name} > ${to.name}`);
		this.#sim.network.cutOneWay(from.name, to.name);
	}

	/** What a manager does to move a few slots, told to both ends; others hear of it by the target's new epoch. */
	#moveSlots(source: SimNode, target: SimNode): void {
		if (source === target || !source.isAlive || !target.isAlive) return;
		const {view} = source.core;
		const first = this.#random.below(SLOT_COUNT);
		const slots: number[] = [];
		for (let slot = first; slot < first + 40 && slot < SLOT_COUNT; slot++) {
			if (view.owners[slot] === view.myself.index) slots.push(slot);
		}
		const sourceId = view.myself.id;
		const targetId = target.core.view.myself.id;
		if (slots.length === 0 || !view.nodes.has(targetId) || !target.core.view.nodes.has(sourceId)) return;
		this.#tell(`move ${slots.length} slots from ${first} on, ${source.name} to ${target.name}`);
		for (const slot of slots) {
			if (!target.submit({kind: 'set-slot-importing', slot, from: sourceId}).ok) continue;
			source.submit({kind: 'set-slot-migrating', slot, to: targetId});
			target.submit({kind: 'set-slot-node', slot, owner: targetId});
			source.submit({kind: 'set-slot-node', slot, owner: targetId});
		}
	}

	/** A node without slots becomes a replica; others refuse. */
	#replicate(node: SimNode): void {
		const primaries = [...node.core.view.nodes.values()].filter(({slotCount}) => slotCount > 0);
		if (!node.isAlive || primaries.length === 0) return;
		const primary = primaries[this.#random.below(primaries.length)]!;
		if (node.submit({kind: 'replicate', node: primary.id}).ok)
			this.#tell(`${node.name} replicates ${primary.id}`);
	}

	#failOver(node: SimNode): void {
		const modes = ['default', 'force', 'takeover'] as const;
		const mode = modes[this.#random.below(this.#hasTakeovers ? 3 : 2)]!;
		if (node.isAlive && node.submit({kind: 'failover', mode}).ok) this.#tell(`failover ${mode} ${node.name}`);
	}

	#write(): void {
		for (const node of this.#sim.aliveNodes) node.data.write(this.#random.below(1000));
	}

	/**
	 * The network is well, the dead are still dead: where the majority of primaries lives, no replica still waits for the place
	 * of a dead one.
	 */
	#checkFailovers(): void {
		const sim = this.#sim;
		const isDead = (id: NodeId): boolean =>
			sim.nodes.some((node) => node.core.view.myself.id === id && !node.isAlive);
		for (const {core, data, name} of sim.aliveNodes) {
			const {config, view} = core;
			const voters = [...view.nodes.values()].filter(isVoter);
			const {primary} = view.myself;
			if (primary === null || !isVoter(primary) || !isDead(primary.id)) continue;
			if (voters.filter(({id}) => !isDead(id)).length <= voters.length / 2) continue;
			if (config.replicaValidityFactor > 0 && data.dataAgeMs(sim.now) === Infinity) continue;
			const ageLimitMs = config.nodeTimeoutMs * config.replicaValidityFactor;
			if (config.replicaValidityFactor > 0 && data.dataAgeMs(sim.now) - FAILOVER_LIMIT_MS > ageLimitMs)
				continue;
			throw new Error(`${name} did not take the place of ${primary.id}`);
		}
	}

	#any(nodes: readonly SimNode[]): SimNode {
		return nodes[this.#random.below(nodes.length)]!;
	}

	#tell(line: string): void {
		this.#story.push(`${this.#sim.elapsedMs} ms: ${line}`);
	}
}
