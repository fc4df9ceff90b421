/**
 * A node that comes back: its state from nodes.conf, and its keys against its slots.
 * Chapter: Cluster Specification, "Cluster topology" (the configuration each node keeps on disk).
 */

import {SLOT_COUNT} from '../slots/key-slot.ts';
import {firstWritableAt} from './cluster-health.ts';
import type {NodesConf, RestoredNode} from './nodes-conf.ts';
import {type ClusterNode, ClusterState, hasFlag, isPrimary, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** The state that a nodes.conf describes. `conf` comes from `parseNodesConf`, which has checked that it hangs together. */
export function restoreState(conf: NodesConf, now: number): ClusterState {
	const state = new ClusterState(conf.myself, now);
	for (const restored of conf.nodes) {
		const node = restored.id === conf.myself ? state.myself : state.addNode(restored.id, 0, now);
		restoreNode(state, node, restored, now);
	}
	for (const restored of conf.nodes) {
		const node = state.nodes.get(restored.id)!;
		if (restored.primary !== null) state.setPrimary(node, state.nodes.get(restored.primary)!);
		for (const [first, last] of restored.slots) state.assignRange(first, last + 1, node);
		state.currentEpoch = Math.max(state.currentEpoch, node.configEpoch);
	}
	for (const [slot, id] of conf.migratingTo) state.migratingTo.set(slot, state.nodes.get(id)!);
	for (const [slot, id] of conf.importingFrom) state.importingFrom.set(slot, state.nodes.get(id)!);
	state.currentEpoch = Math.max(state.currentEpoch, conf.currentEpoch);
	state.lastVoteEpoch = conf.lastVoteEpoch;
	state.myself.shardId = conf.shardId ?? conf.myself;
	state.writableAt = firstWritableAt(now, conf.nodes.length > 1);
	return state;
}

/**
 * Keys in slots that are not this node's: slots of nobody become its own; for slots of others it counts as importing, so that
 * the keys can still be reached with ASKING and be moved.
 */
export function checkDataAgainstSlots(step: Step): void {
	const {state, data} = step;
	if (!isPrimary(state.myself) || data.keyCount() === 0) return;
	for (let slot = 0; slot < SLOT_COUNT; slot++) {
		const owner = state.owner(slot);
		if (owner === state.myself || state.importingFrom.has(slot) || data.slotKeyCount(slot) === 0) continue;
		if (owner === null) {
			step.log('warning', `I have keys for unassigned slot ${slot}. Taking responsibility for it.`);
			state.assign(slot, state.myself);
		} else {
			const consequence = 'but the slot is assigned to another node. Setting it to importing state.';
			step.log('warning', `I have keys for slot ${slot}, ${consequence}`);
			state.importingFrom.set(slot, owner);
		}
		step.slotsChanged();
	}
}

function restoreNode(state: ClusterState, node: ClusterNode, restored: RestoredNode, now: number): void {
	const {host, port, busPort, hostname, configEpoch} = restored;
	Object.assign(node, {host, port, busPort, hostname, configEpoch});
	state.setFlags(node, restored.flags);
	if (restored.pingWasActive) node.pingSentAt = now;
	if (restored.pongWasReceived) node.pongReceivedAt = now;
	if (hasFlag(node, NodeFlags.FAIL)) node.failedAt = now;
}
