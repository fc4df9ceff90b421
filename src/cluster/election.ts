/**
 * A replica is elected in place of its failing primary: the candidate's part. The voters' part is votes.ts.
 * Chapter: Cluster Specification, "Replica election and promotion", "Replica rank".
 *
 * The attempt is scheduled in the step that learns of the failure, so that siblings hear of this replica's offset early; the
 * delay gives FAIL the time to reach the voters, and replicas with newer data the precedence.
 */

import {makeHeader} from './header.ts';
import {broadcast, sendOn} from './links.ts';
import {takePlaceOf} from './promotion.ts';
import {type ClusterNode, type Election, hasFlag, isReplica, isVoter, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

const FIXED_DELAY_MS = 500;
/** Keeps replicas with the same data from asking at the same time. */
const RANDOM_DELAY_MS = 500;
const DELAY_PER_RANK_MS = 1000;
/** However short the node timeout, votes are waited for this long. */
const MIN_AUTH_TIMEOUT_MS = 2000;
/** A lasting hindrance is told again after this time. */
const REPEAT_HINDRANCE_MS = 5 * 60_000;
/** What hinders a replica so soon after the failure is nothing to tell: it passes as a rule. In addition to the node timeout. */
const QUIET_MS = 5000;

/** Whatever can be done now to replace the primary: schedule an attempt, ask for votes, win. */
export function pursueElection(step: Step): void {
	const {config, now, state} = step;
	if (state.election !== null && state.election.primary !== state.myself.primary) state.election = null;
	const primary = primaryToReplace(step);
	if (primary === null) {
		state.electionHindrance = null;
		// One that asked for votes paces the next attempt.
		if (state.election?.epoch === 0) state.election = null;
		return;
	}
	if (!isManual(step) && isDataTooOld(step)) {
		tellHindrance(
			step,
			primary,
			`Disconnected from master for longer than allowed. Please check the 'cluster-replica-validity-factor' configuration option.`,
		);
		return;
	}
	const authTimeoutMs = Math.max(config.nodeTimeoutMs * 2, MIN_AUTH_TIMEOUT_MS);
	if (state.election === null || now - state.election.startsAt > authTimeoutMs * 2) schedule(step, primary);
	const election = state.election!;
	if (election.epoch === 0) adjustRank(step, election);
	if (now < election.startsAt) {
		tellHindrance(step, primary, 'Waiting the delay before I can start a new failover.');
	} else if (now - election.startsAt > authTimeoutMs) {
		tellHindrance(step, primary, 'Failover attempt expired.');
	} else if (election.epoch === 0) {
		askForVotes(step, election);
	} else if (election.voters.size > state.size / 2) {
		win(step, election);
	} else {
		tellHindrance(step, primary, 'Waiting for votes, but majority still not reached.');
	}
}

/** A vote came. One that was meant for an earlier attempt does not count. */
export function receiveVote(step: Step, sender: ClusterNode | null, epoch: number): void {
	const {election, size} = step.state;
	if (sender === null || election === null || !isVoter(sender)) return;
	if (election.epoch === 0 || election.epoch !== epoch) return;
	election.voters.add(sender.id);
	if (election.voters.size > size / 2) step.isFailoverDue = true;
}

/** The primary that this replica may try to replace now; null when there is none. */
function primaryToReplace(step: Step): ClusterNode | null {
	const {config, state} = step;
	const {primary} = state.myself;
	if (!isReplica(state.myself) || primary === null || primary.slotCount === 0) return null;
	const {manualFailover} = state;
	if (manualFailover?.side === 'replica' && manualFailover.canStart) return primary;
	return hasFlag(primary, NodeFlags.FAIL) && !config.replicaNoFailover ? primary : null;
}

/** An operator asked for it: this replica, now, whatever the others have. */
function isManual({state}: Step): boolean {
	return state.manualFailover?.side === 'replica';
}

function isDataTooOld({config, data, now}: Step): boolean {
	const {nodeTimeoutMs, replicaPingPeriodMs, replicaValidityFactor} = config;
	if (replicaValidityFactor === 0) return false;
	// The time until the failure was found out does not count against the replica.
	const ageMs = data.dataAgeMs(now) - nodeTimeoutMs;
	return ageMs > nodeTimeoutMs * replicaValidityFactor + replicaPingPeriodMs;
}

function schedule(step: Step, primary: ClusterNode): void {
	const {now, random, state} = step;
	const rank = isManual(step) ? 0 : rankOf(step, primary);
	const delayMs = isManual(step)
		? 0
		: FIXED_DELAY_MS + random.below(RANDOM_DELAY_MS) + rank * DELAY_PER_RANK_MS;
	state.election = {primary, startsAt: now + delayMs, rank, epoch: 0, voters: new Set()};
	const offset = state.myself.replicationOffset;
	step.log(
		'warning',
		`Start of election delayed for ${delayMs} milliseconds (rank #${rank}, offset ${offset}).`,
	);
	tellSiblings(step, primary);
}

/** Offsets that siblings told meanwhile may put this replica further back, never forward. */
function adjustRank(step: Step, election: Election): void {
	if (isManual(step)) return;
	const rank = rankOf(step, election.primary);
	if (rank <= election.rank) return;
	const addedMs = (rank - election.rank) * DELAY_PER_RANK_MS;
	election.startsAt += addedMs;
	election.rank = rank;
	step.log('warning', `Replica rank updated to #${rank}, added ${addedMs} milliseconds of delay.`);
}

/** Number of siblings that could be elected now and have newer data. */
function rankOf({state}: Step, primary: ClusterNode): number {
	const {myself} = state;
	return primary.replicas.filter(
		(sibling) =>
			sibling !== myself &&
			!hasFlag(sibling, NodeFlags.NOFAILOVER | NodeFlags.FAIL) &&
			sibling.replicationOffset > myself.replicationOffset,
	).length;
}

function tellSiblings(step: Step, primary: ClusterNode): void {
	const message = {type: 'pong', header: makeHeader(step), gossip: []} as const;
	for (const {outbound} of primary.replicas) if (outbound !== null) sendOn(step, outbound, message);
}

function askForVotes(step: Step, election: Election): void {
	const {state} = step;
	state.currentEpoch++;
	election.epoch = state.currentEpoch;
	step.log('warning', `Starting a failover election for epoch ${election.epoch}.`);
	step.effects.slotTableDirty = true;
	step.effects.events.push({kind: 'election-started', epoch: election.epoch});
	// After a crash the same epoch must not be asked for again.
	step.saveDurably();
	broadcast(step, {type: 'auth-req', header: makeHeader(step), isForced: isManual(step)});
}

function win(step: Step, election: Election): void {
	const {myself} = step.state;
	step.log('warning', "Failover election won: I'm the new master.");
	if (myself.configEpoch < election.epoch) {
		myself.configEpoch = election.epoch;
		step.log('warning', `configEpoch set to ${election.epoch} after successful failover`);
	}
	takePlaceOf(step, election.primary, true);
}

function tellHindrance(step: Step, primary: ClusterNode, reason: string): void {
	const {config, now, state} = step;
	const last = state.electionHindrance;
	if (last?.reason === reason && now - last.saidAt < REPEAT_HINDRANCE_MS) return;
	const isFresh =
		hasFlag(primary, NodeFlags.FAIL) && now - primary.failedAt < config.nodeTimeoutMs + QUIET_MS;
	if (isFresh) return;
	state.electionHindrance = {reason, saidAt: now};
	step.log('warning', `Currently unable to failover: ${reason}`);
}
