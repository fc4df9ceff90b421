/**
 * Slots as the operator sets them: ADDSLOTS, DELSLOTS, FLUSHSLOTS, and SETSLOT with which a slot moves.
 * Chapter: Cluster Specification, "Live reconfiguration", "ASK redirection".
 */

import {SlotBitmap} from '../slots/slot-bitmap.ts';
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
	for (const slot of slotsOf(ranges)) {
		if (state.owner(slot) !== null) return refused(`ERR Slot ${slot} is already busy`);
		if (!slots.add(slot)) return refused(`ERR Slot ${slot} specified multiple times`);
	}
	for (const slot of slots) {
		state.importingFrom.delete(slot);
		state.assign(slot, state.myself);
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
	return openedOrClosed(step);
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
	return openedOrClosed(step);
}

/** CLUSTER SETSLOT slot STABLE */
export function setSlotStable(step: Step, slot: number): ChangeOutcome {
	const {state} = step;
	if (isReplica(state.myself)) return ONLY_PRIMARIES;
	state.migratingTo.delete(slot);
	state.importingFrom.delete(slot);
	return openedOrClosed(step);
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
	step.slotsChanged();
	// Who has the slot by now, and who had it, say so; others have nothing new to say of themselves.
	if (leaves || owner === myself) step.isAnnouncementDue = true;
	return DONE;
}

/**
 * The end of an atomic migration, on its destination. Their source must own all of the slots still: what it gave is void if
 * anybody else does. The new epoch is durable before anybody hears of it.
 */
export function takeSlots(step: Step, ranges: readonly SlotRange[], from: string): ChangeOutcome {
	const {state} = step;
	const {myself} = state;
	if (isReplica(myself)) return ONLY_PRIMARIES;
	const source = findNode(step, from);
	if (source === null) return refused(`ERR I don't know about node ${from}`);
	for (const slot of slotsOf(ranges)) {
		if (state.owner(slot) !== source)
			return refused(`ERR Slot ${slot} is not owned by node ${from} any more`);
	}
	for (const slot of slotsOf(ranges)) {
		state.importingFrom.delete(slot);
		state.assign(slot, myself);
	}
	// As for SETSLOT NODE.
	bumpEpochWithoutConsensus(step);
	step.saveDurably();
	return changed(step);
}

const ONLY_PRIMARIES = refused('ERR Please use SETSLOT only with masters.');

/** It is on its way, or not any more: nobody else has to know, but it must be known after a restart. */
function openedOrClosed(step: Step): ChangeOutcome {
	step.save();
	return DONE;
}

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
