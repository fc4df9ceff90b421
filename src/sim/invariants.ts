/**
 * What must hold in every state of a simulated cluster, and what must hold again after all faults have healed.
 */

import type {ClusterView} from '../cluster/state.ts';
import {hasFlag, NodeFlags} from '../cluster/state.ts';
import type {SimNode} from './sim-node.ts';

/** Checks what one step of one node may have broken. Throws with what is wrong. */
export class InvariantChecker {
	/** Highest epoch seen of each node's life-long name. */
	readonly #epochs = new Map<string, number>();

	/** After a step (`hasSlotsChanged`: its effects said so): the node's own state hangs together, and its epoch did not go back. */
	checkNode(node: SimNode, hasSlotsChanged: boolean): void {
		const {view} = node.core;
		const {currentEpoch, myself} = view;
		const before = this.#epochs.get(myself.id) ?? 0;
		if (currentEpoch < before)
			throw new Error(`${node.name}: currentEpoch went from ${before} to ${currentEpoch}`);
		this.#epochs.set(myself.id, currentEpoch);
		if (myself.configEpoch > currentEpoch) {
			throw new Error(
				`${node.name}: configEpoch ${myself.configEpoch} is beyond currentEpoch ${currentEpoch}`,
			);
		}
		if (hasSlotsChanged) checkOwners(node.name, view);
	}

	/** A reset (hard) starts a life with new epochs. */
	forget(id: string): void {
		this.#epochs.delete(id);
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
