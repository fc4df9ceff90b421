/**
 * CLUSTER FAILOVER: an operator has a replica take the place of its primary, as a rule with the primary's help, so that no
 * write is lost. Chapter: Cluster Specification, "Manual failover".
 *
 *     replica                               primary
 *     mfstart            ------------->     holds its writes up
 *                        <-------------     its last offset
 *     applies up to there
 *     is elected (the voters do not ask whether the primary fails), announces itself
 *                                           turns replica, lets the writes go on (they are redirected)
 */

import {type ChangeOutcome, DONE, type FailoverMode, refused} from './changes.ts';
import {bumpEpochWithoutConsensus} from './epochs.ts';
import {makeHeader} from './header.ts';
import {sendPong} from './heartbeat.ts';
import {sendOn} from './links.ts';
import type {Header} from './messages.ts';
import {takePlaceOf} from './promotion.ts';
import {
	type ClusterNode,
	type ClusterState,
	hasFlag,
	isPrimary,
	isReplica,
	type Link,
	type ManualFailover,
	NodeFlags,
} from './state.ts';
import type {Step} from './step.ts';

const TIMEOUT_MS = 5000;
/** Writes are held up for this long at the most, should the end of the failover not end the pause. */
const MAX_PAUSE_MS = 2 * TIMEOUT_MS;

/** CLUSTER FAILOVER. DONE says that it was begun. */
export function failOver(step: Step, mode: FailoverMode): ChangeOutcome {
	const {now, state} = step;
	const {myself} = state;
	const {primary} = myself;
	if (isPrimary(myself)) return refused('ERR You should send CLUSTER FAILOVER to a replica');
	if (primary === null) return refused("ERR I'm a replica but my master is unknown to me");
	const link = primary.outbound;
	if (mode === 'default' && (hasFlag(primary, NodeFlags.FAIL) || link?.isOpen !== true)) {
		return refused('ERR Master is down or failed, please use CLUSTER FAILOVER FORCE');
	}
	end(step);
	if (mode === 'takeover') {
		step.log('warning', 'Taking over the master (user request).');
		bumpEpochWithoutConsensus(step);
		takePlaceOf(step, primary, false);
		return DONE;
	}
	const isForced = mode === 'force';
	step.log('warning', `${isForced ? 'Forced' : 'Manual'} failover user request accepted.`);
	const endsAt = now + TIMEOUT_MS;
	state.manualFailover = {side: 'replica', primary, endsAt, pausedAtOffset: null, canStart: isForced};
	// An earlier attempt would make this one wait.
	state.election = null;
	step.isFailoverDue = true;
	if (!isForced) sendOn(step, link!, {type: 'mfstart', header: makeHeader(step)});
	return DONE;
}

/** A replica of this node wants to take its place. */
export function receiveManualFailoverStart(step: Step, link: Link, sender: ClusterNode | null): void {
	const {effects, now, state} = step;
	if (sender === null || sender.primary !== state.myself || !isPrimary(state.myself)) return;
	state.manualFailover = {side: 'primary', replica: sender, endsAt: now + TIMEOUT_MS};
	effects.writePause = {kind: 'begin', untilMs: now + MAX_PAUSE_MS};
	step.log('warning', `Manual failover requested by replica ${sender.id}.`);
	sendPong(step, link, sender, 'ping');
}

/** A paused primary says in every packet where its data ends. */
export function learnPausedOffset(step: Step, sender: ClusterNode, header: Header): void {
	const {manualFailover: failover, myself} = step.state;
	if (header.pausedFor !== myself.id || failover?.side !== 'replica' || failover.primary !== sender) return;
	if (failover.pausedAtOffset !== null || failover.canStart) return;
	failover.pausedAtOffset = header.replicationOffset;
	step.isFailoverDue = true;
	step.log(
		'warning',
		`Received replication offset for paused master manual failover: ${header.replicationOffset}`,
	);
}

/** Ends a failover that succeeded, lost its sense or took too long; lets the election begin when the data is complete. */
export function pursueManualFailover(step: Step): void {
	const {now, state} = step;
	const failover = state.manualFailover;
	if (failover === null) return;
	if (!isStillMeant(state, failover)) {
		end(step);
	} else if (now > failover.endsAt) {
		step.log('warning', 'Manual failover timed out.');
		end(step);
	} else if (failover.side === 'replica' && isDataComplete(step, failover)) {
		failover.canStart = true;
		step.log('warning', 'All master replication stream processed, manual failover can start.');
	}
}

function isStillMeant({myself, nodes}: ClusterState, failover: ManualFailover): boolean {
	if (failover.side === 'replica') return isReplica(myself) && myself.primary === failover.primary;
	const {replica} = failover;
	return isPrimary(myself) && replica.primary === myself && nodes.get(replica.id) === replica;
}

function isDataComplete({state}: Step, {pausedAtOffset}: ManualFailover & {side: 'replica'}): boolean {
	return state.awaitsOffset && state.myself.replicationOffset === pausedAtOffset;
}

function end(step: Step): void {
	const {effects, state} = step;
	if (state.manualFailover?.side === 'primary') effects.writePause = {kind: 'end'};
	state.manualFailover = null;
}
