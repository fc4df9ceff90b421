/**
 * Slots as the operator sets them: ADDSLOTS, DELSLOTS, FLUSHSLOTS, and SETSLOT with which a slot moves.
 * Chapter: Cluster Specification, "Live reconfiguration", "ASK redirection".
 */

import {endOfRun} from '../lib/runs.ts';
import {nextSlot, SlotBitmap} from '../slots/slot-bitmap.ts';
import type {SlotRange} from '../slots/slot-ranges.ts';
import {type ChangeOutcome, DONE, refused} from './changes.ts';
import {bumpEpochWithoutConsensus} from './epochs.ts';
import {parseNodeId} from './node-id.ts';
import {followSlots} from './roles.ts';
import {type ClusterNode, isReplica} from './state.ts';
import type {Step} from './step.ts';

/** CLUSTER ADDSLOTS, ADDSLOTSRANGE: all of the slots, or none. */
export function addSlots(step: Step, ranges: readonly SlotRange[]): ChangeOutcome {
	const {state} = step;
	const slots = new SlotBitmap();
	for (const [first, last] of ranges) {
		const busy = state.owner(first) === null ? endOfRun(state.owners, first, last + 1) : first;
		const repeated = nextSlot(slots.bytes, first);
		if (busy <= Math.min(last, repeated)) return refused(`ERR Slot ${busy} is already busy`);
		if (repeated <= last) return refused(`ERR Slot ${repeated} specified multiple times`);
		slots.addRun(first, last + 1);
	}
	for (const [first, last] of ranges) {
		for (const slot of state.importingFrom.keys())
			if (slot >= first && slot <= last) state.importingFrom.delete(slot);
		state.assignRange(first, last + 1, state.myself);
	}
	return changed(step);
}

/** CLUSTER DELSLOTS, DELSLOTSRANGE: this node knows no owner any more, whoever it was. */
export function deleteSlots(step: Step, ranges: readonly SlotRange[]): ChangeOutcome {
	const {state} = step;
	const slots = new SlotBitmap();
	for (const slot of slotsOf(ranges)) {
		if (state.owner(slot) === null) return refused(`ERR Slot ${slot} is already unassigned`);
		if (!slots.add(slot)) return refused(`ERR Slot ${slot} specified multiple times`);
	}
	for (const slot of slots) state.assign(slot, null);
	return changed(step);
}

/** CLUSTER FLUSHSLOTS */
export function flushSlots(step: Step): ChangeOutcome {
	if (step.data.keyCount() > 0) return refused('ERR DB must be empty to perform CLUSTER FLUSHSLOTS.');
	step.state.releaseSlots(step.state.myself);
	return changed(step);
}

/** CLUSTER SETSLOT slot MIGRATING: keys that are not here are looked for at the target. */
export function setSlotMigrating(step: Step, slot: number, to: string): ChangeOutcome {
	const {state} = step;
	if (isReplica(state.myself)) return ONLY_PRIMARIES;
	if (state.owner(slot) !== state.myself) return refused(`ERR I'm not the owner of hash slot ${slot}`);
	const target = findNode(step, to);
	if (target === null) return refused(`ERR I don't know about node ${to}`);
	if (isReplica(target)) return refused('ERR Target node is not a master');
	state.migratingTo.set(slot, target);
	return changed(step);
}

/** CLUSTER SETSLOT slot IMPORTING: clients that say ASKING are served. */
export function setSlotImporting(step: Step, slot: number, from: string): ChangeOutcome {
	const {state} = step;
	if (isReplica(state.myself)) return ONLY_PRIMARIES;
	if (state.owner(slot) === state.myself) return refused(`ERR I'm already the owner of hash slot ${slot}`);
	const source = findNode(step, from);
	if (source === null) return refused(`ERR I don't know about node ${from}`);
	if (isReplica(source)) return refused('ERR Target node is not a master');
	state.importingFrom.set(slot, source);
	return changed(step);
}

/** CLUSTER SETSLOT slot STABLE */
export function setSlotStable(step: Step, slot: number): ChangeOutcome {
	const {state} = step;
	if (isReplica(state.myself)) return ONLY_PRIMARIES;
	state.migratingTo.delete(slot);
	state.importingFrom.delete(slot);
	return changed(step);
}

/** CLUSTER SETSLOT slot NODE: the end of a move, told to the target first. */
export function setSlotNode(step: Step, slot: number, ownerName: string): ChangeOutcome {
	const {state, data} = step;
	const {myself} = state;
	if (isReplica(myself)) return ONLY_PRIMARIES;
	const owner = findNode(step, ownerName);
	if (owner === null) return refused(`ERR Unknown node ${ownerName}`);
	if (isReplica(owner)) return refused('ERR Target node is not a master');
	const keyCount = data.slotKeyCount(slot);
	const leaves = state.owner(slot) === myself && owner !== myself;
	if (leaves && keyCount > 0) {
		const reason = `to a different node while I still hold keys for this hash slot.`;
		return refused(`ERR Can't assign hashslot ${slot} ${reason}`);
	}
	if (keyCount === 0) state.migratingTo.delete(slot);
	state.assign(slot, owner);
	if (leaves && myself.slotCount === 0 && step.config.allowReplicaMigration) followSlots(step, owner);
	if (owner === myself && state.importingFrom.delete(slot)) {
		// Without a newer epoch the source would win the slot back with its next packet. No vote is needed: one operator moves
		// the slot, and should two do it at once, the collision of their epochs is resolved.
		if (bumpEpochWithoutConsensus(step))
			step.log('warning', `configEpoch updated after importing slot ${slot}`);
	}
	return changed(step);
}

const ONLY_PRIMARIES = refused('ERR Please use SETSLOT only with masters.');

function changed(step: Step): ChangeOutcome {
	step.slotsChanged();
	step.isAnnouncementDue = true;
	return DONE;
}

function* slotsOf(ranges: readonly SlotRange[]): Generator<number, void, undefined> {
	for (const [first, last] of ranges) for (let slot = first; slot <= last; slot++) yield slot;
}

function findNode(step: Step, name: string): ClusterNode | null {
	const id = parseNodeId(name);
	return id === null ? null : (step.state.nodes.get(id) ?? null);
}
