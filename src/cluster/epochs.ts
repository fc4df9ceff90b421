/**
 * The cluster's clock of configuration changes.
 * Chapter: Cluster Specification, "Configuration epoch", "configEpoch conflicts resolution algorithm".
 */

import {type ChangeOutcome, DONE, refused} from './changes.ts';
import type {Header} from './messages.ts';
import {type ClusterNode, isPrimary} from './state.ts';
import type {Step} from './step.ts';

/** Takes over epochs that are newer than those known. */
export function learnEpochs(step: Step, sender: ClusterNode, header: Header): void {
	const {state} = step;
	if (header.currentEpoch > state.currentEpoch) {
		state.currentEpoch = header.currentEpoch;
		step.effects.slotTableDirty = true;
		step.save();
	}
	if (header.configEpoch > sender.configEpoch) {
		sender.configEpoch = header.configEpoch;
		step.save();
	}
}

/** Two primaries with one epoch: the one with the smaller id takes a new one, until all differ. */
export function resolveCollision(step: Step, sender: ClusterNode, senderEpoch: number): void {
	const {state} = step;
	const {myself} = state;
	if (sender === myself || senderEpoch !== myself.configEpoch) return;
	if (!isPrimary(sender) || !isPrimary(myself) || sender.id <= myself.id) return;
	takeNextEpoch(step);
	step.log(
		'verbose',
		`WARNING: configEpoch collision with node ${sender.id}. configEpoch set to ${myself.configEpoch}`,
	);
}

/**
 * Takes the highest epoch for this node without asking anybody: only for an operator's move of slots, whose target must win
 * over the source, or takeover of a primary's place. False when the node's epoch is the highest already. That of a replica
 * says nothing: after a restart it is its primary's.
 */
export function bumpEpochWithoutConsensus(step: Step): boolean {
	const {state} = step;
	const {myself} = state;
	const hasHighest = myself.configEpoch !== 0 && myself.configEpoch === highestEpoch(step);
	if (hasHighest && isPrimary(myself)) return false;
	takeNextEpoch(step);
	step.log('warning', `New configEpoch set to ${myself.configEpoch}`);
	return true;
}

/** CLUSTER BUMPEPOCH */
export function bumpEpoch(step: Step): ChangeOutcome {
	const word = bumpEpochWithoutConsensus(step) ? 'BUMPED' : 'STILL';
	return {ok: true, reply: `${word} ${step.state.myself.configEpoch}`};
}

/** CLUSTER SET-CONFIG-EPOCH: gives a node of a cluster to be its first epoch. */
export function setConfigEpoch(step: Step, epoch: number | bigint): ChangeOutcome {
	const {state} = step;
	const {myself} = state;
	if (epoch < 0) return refused(`ERR Invalid config epoch specified: ${epoch}`);
	if (state.nodes.size > 1) {
		return refused('ERR The user can assign a config epoch only when the node does not know any other node.');
	}
	if (myself.configEpoch !== 0) return refused('ERR Node config epoch is already non-zero');
	myself.configEpoch = Number(epoch);
	state.currentEpoch = Math.max(state.currentEpoch, myself.configEpoch);
	step.log('warning', `configEpoch set to ${myself.configEpoch} via CLUSTER SET-CONFIG-EPOCH`);
	step.slotsChanged();
	return DONE;
}

function takeNextEpoch(step: Step): void {
	const {state} = step;
	state.currentEpoch = Math.max(state.currentEpoch, highestEpoch(step)) + 1;
	state.myself.configEpoch = state.currentEpoch;
	step.slotsChanged();
	step.saveDurably();
	step.isAnnouncementDue = true;
}

function highestEpoch(step: Step): number {
	let highest = step.state.currentEpoch;
	for (const node of step.state.nodes.values()) highest = Math.max(highest, node.configEpoch);
	return highest;
}
