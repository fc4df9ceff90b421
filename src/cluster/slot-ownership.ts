/**
 * Whose claim to a slot holds. Chapter: Cluster Specification, "Hash slots configuration propagation", "UPDATE messages, a
 * closer look".
 *
 * Rule 1: a slot without an owner goes to whoever claims it. Rule 2: a claim with a higher configEpoch wins. Whoever claims
 * with a lower one is told by UPDATE who the owner is.
 *
 * An owner that does not claim its slot any more has moved it. It stays the owner, since clients it redirects are better off
 * than clients that get an error, but its epoch does not defend the slot: whoever claims it gets it.
 */

import {endOfRun} from '../lib/runs.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {nextGap, nextSlot, SlotBitmap} from '../slots/slot-bitmap.ts';
import {makeHeader} from './header.ts';
import {sendOn} from './links.ts';
import type {Header, UpdateMessage} from './messages.ts';
import {becomePrimary, followSlots} from './roles.ts';
import {type ClusterNode, isPrimary, isReplica, type Link, primaryOf} from './state.ts';
import type {Step} from './step.ts';

/** Holds the slots that a packet's sender claims against what is known, and corrects one of the two. */
export function weighClaims(step: Step, link: Link, sender: ClusterNode, header: Header): void {
	const {state} = step;
	const claimant = primaryOf(sender);
	if (claimant === null || state.isCurrentClaim(claimant, header.slots)) return;
	if (isPrimary(sender) && acceptClaims(step, sender, header.configEpoch, header.slots)) return;
	correctStaleClaim(step, link, sender, header);
}

/** Somebody knows better than this node who owns some slots. */
export function receiveUpdate(step: Step, sender: ClusterNode | null, message: UpdateMessage): void {
	const {state} = step;
	if (sender === null) return;
	const node = state.nodes.get(message.node);
	if (node === undefined || node.configEpoch >= message.configEpoch) return;
	if (node !== state.myself && isReplica(node)) becomePrimary(step, node);
	node.configEpoch = message.configEpoch;
	step.save();
	acceptClaims(step, node, message.configEpoch, message.slots);
}

/**
 * Gives the claimant every slot that rules 1 and 2 give it. Slots this node imports are the operator's to settle.
 * True when the claimant's slots are what it claims now.
 */
function acceptClaims(step: Step, claimant: ClusterNode, configEpoch: number, claimed: Uint8Array): boolean {
	const {state, data} = step;
	const {myself} = state;
	if (claimant === myself) return false;
	const served = primaryOf(myself);
	let takenCount = 0;
	const lost: number[] = [];
	let hasChanged = false;
	let claimedCount = 0;
	let grantedCount = 0;
	// Slots with the same owner have the same fate, unless something is known of single ones.
	const isUniform = state.importingFrom.size === 0 && state.unclaimed.count === 0;
	for (let slot = nextSlot(claimed, 0), end = 0; slot < SLOT_COUNT; slot = nextSlot(claimed, end)) {
		end = isUniform ? endOfRun(state.owners, slot, nextGap(claimed, slot)) : slot + 1;
		const count = end - slot;
		claimedCount += count;
		const owner = state.owner(slot);
		if (owner === claimant) {
			grantedCount += count;
			state.unclaimed.delete(slot);
			continue;
		}
		if (state.importingFrom.has(slot)) continue;
		if (owner !== null && owner.configEpoch >= configEpoch && !state.unclaimed.has(slot)) continue;
		if (owner === myself)
			for (let own = slot; own < end; own++) if (data.slotKeyCount(own) > 0) lost.push(own);
		if (owner === served) takenCount += count;
		state.assignRange(slot, end, claimant);
		hasChanged = true;
		grantedCount += count;
	}
	if (hasChanged) step.slotsChanged();
	const isEmptied = served !== null && takenCount > 0 && served.slotCount === 0;
	if (isEmptied && (step.config.allowReplicaMigration || claimedCount === takenCount)) {
		followSlots(step, claimant);
		step.saveDurably();
	} else if (lost.length > 0) step.effects.events.push({kind: 'slots-lost', slots: lost});
	if (claimant.slotCount > grantedCount) noteUnclaimed(step, claimant, claimed);
	if (grantedCount < claimedCount || claimant.slotCount !== claimedCount) return false;
	// The same bits: keeping the claimant's own array saves making one.
	claimant.slots = claimed;
	return true;
}

function noteUnclaimed(step: Step, owner: ClusterNode, claimed: Uint8Array): void {
	const {owners, unclaimed} = step.state;
	const bitmap = new SlotBitmap(claimed);
	for (let slot = 0; slot < owners.length; slot++) {
		if (owners[slot] === owner.index && !bitmap.has(slot)) unclaimed.add(slot);
	}
}

/** One UPDATE a packet is enough: the sender's next packet shows what is still stale. */
function correctStaleClaim(step: Step, link: Link, sender: ClusterNode, header: Header): void {
	const {state} = step;
	for (const slot of new SlotBitmap(header.slots)) {
		const owner = state.owner(slot);
		if (owner === null || owner === sender || state.unclaimed.has(slot)) continue;
		if (owner.configEpoch <= header.configEpoch) continue;
		step.log(
			'verbose',
			`Node ${sender.id} has old slots configuration, sending an UPDATE message about ${owner.id}`,
		);
		sendOn(step, link, {
			type: 'update',
			header: makeHeader(step),
			node: owner.id,
			configEpoch: owner.configEpoch,
			slots: state.slotsOf(owner),
		});
		return;
	}
}
