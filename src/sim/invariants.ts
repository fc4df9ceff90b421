/**
 * What must hold in every state of a simulated cluster, and what must hold again after all faults have healed.
 */

import type {Effects} from '../cluster/effects.ts';
import type {ClusterView} from '../cluster/state.ts';
import {hasFlag, NodeFlags} from '../cluster/state.ts';
import type {SimNode} from './sim-node.ts';

/** Checks what one step of one node may have broken. Throws with what is wrong. */
export class InvariantChecker {
	/** Highest epoch seen in each life of a node. */
	readonly #epochs = new Map<string, number>();
	/** Highest epoch that each node voted in. */
	readonly #votes = new Map<string, number>();
	/** Who was elected in each epoch. */
	readonly #elected = new Map<number, SimNode>();

	/**
	 * After a step: the node's own state hangs together, its epoch did not go back, it voted once an epoch, and nobody else was
	 * elected in the epoch that it was elected in. Votes and elections count beyond deaths.
	 */
	checkNode(node: SimNode, effects: Effects): void {
		const {view} = node.core;
		const {currentEpoch, myself} = view;
		const life = `${myself.id} ${node.life}`;
		const before = this.#epochs.get(life) ?? 0;
		if (currentEpoch < before)
			throw new Error(`${node.name}: currentEpoch went from ${before} to ${currentEpoch}`);
		this.#epochs.set(life, currentEpoch);
		for (const event of effects.events) {
			if (event.kind === 'voted') this.#checkVote(node, event.epoch);
			if (event.kind === 'promoted' && event.elected) this.#checkElected(node, event.epoch);
		}
		if (myself.configEpoch > currentEpoch) {
			throw new Error(
				`${node.name}: configEpoch ${myself.configEpoch} is beyond currentEpoch ${currentEpoch}`,
			);
		}
		if (effects.slotTableDirty) checkOwners(node.name, view);
	}

	/** A reset (hard) starts a life with new epochs. */
	forget(node: SimNode): void {
		const {id} = node.core.view.myself;
		this.#epochs.delete(`${id} ${node.life}`);
		this.#votes.delete(id);
	}

	#checkVote({core, name}: SimNode, epoch: number): void {
		const {id} = core.view.myself;
		const last = this.#votes.get(id) ?? 0;
		if (epoch <= last) throw new Error(`${name}: voted in epoch ${epoch} after a vote in epoch ${last}`);
		this.#votes.set(id, epoch);
	}

	#checkElected(node: SimNode, epoch: number): void {
		const other = this.#elected.get(epoch);
		if (other !== undefined) {
			throw new Error(`${other.name} and ${node.name} were both elected in epoch ${epoch}`);
		}
		this.#elected.set(epoch, node);
	}
}

/** Over all nodes: no slot is claimed by two of them with one epoch. */
export function checkClaims(nodes: readonly SimNode[]): void {
	const claims = new Map<number, SimNode>();
	for (const node of nodes) {
		const {owners, myself} = node.core.view;
		for (let slot = 0; slot < owners.length; slot++) {
			if (owners[slot] !== myself.index) continue;
			const key = slot * 2 ** 32 + myself.configEpoch;
			const other = claims.get(key);
			if (other !== undefined) {
				throw new Error(
					`slot ${slot} is claimed by ${other.name} and ${node.name} with epoch ${myself.configEpoch}`,
				);
			}
			claims.set(key, node);
		}
	}
}

/** What keeps the nodes from agreeing, or null when they agree and all is well. */
export function disagreement(nodes: readonly SimNode[]): string | null {
	let owners: string | null = null;
	let primaries: string | null = null;
	for (const {name, core} of nodes) {
		const {view} = core;
		if (!view.isOk) return `${name} is down`;
		if (view.nodes.size !== nodes.length) return `${name} knows ${view.nodes.size} nodes`;
		for (const node of view.nodes.values()) {
			if (hasFlag(node, NodeFlags.PFAIL | NodeFlags.FAIL | NodeFlags.HANDSHAKE | NodeFlags.NOADDR)) {
				return `${name} sees ${node.id.slice(0, 4)} with flags ${node.flags}`;
			}
		}
		owners ??= ownersText(view);
		if (ownersText(view) !== owners) return `${name} and ${nodes[0]!.name} have different owners of slots`;
		primaries ??= primariesText(view);
		if (primariesText(view) !== primaries) {
			return `${name} and ${nodes[0]!.name} do not agree on who replicates whom`;
		}
	}
	return null;
}

function ownersText(view: ClusterView): string {
	const {owners, table} = view;
	let text = '';
	for (let slot = 0; slot < owners.length; slot++) {
		if (slot > 0 && owners[slot] === owners[slot - 1]) continue;
		text += `${slot}:${table[owners[slot]!]?.id ?? ''} `;
	}
	return text;
}

function primariesText(view: ClusterView): string {
	return [...view.nodes.values()]
		.map(({id, primary}) => `${id}:${primary?.id ?? ''}`)
		.toSorted()
		.join(' ');
}

function checkOwners(name: string, view: ClusterView): void {
	const {owners, table} = view;
	const counts = new Uint32Array(table.length);
	for (let slot = 0; slot < owners.length; slot++) counts[owners[slot]!]!++;
	let assigned = 0;
	for (const [index, count] of counts.entries()) {
		if (index === 0) continue;
		assigned += count;
		const slotCount = table[index]?.slotCount ?? 0;
		if (slotCount !== count)
			throw new Error(`${name}: slotCount ${slotCount} of index ${index}, but it owns ${count}`);
	}
	if (assigned !== view.assignedCount)
		throw new Error(`${name}: assignedCount ${view.assignedCount}, not ${assigned}`);
}
