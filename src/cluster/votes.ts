/**
 * A replica is elected in place of its failing primary: the voters' part. The candidate's part is election.ts.
 * Chapter: Cluster Specification, "Masters reply to replica vote request", "Practical example of configuration epoch usefulness
 * during partitions".
 */

import {SlotBitmap} from '../slots/slot-bitmap.ts';
import {makeHeader} from './header.ts';
import {sendOn} from './links.ts';
import type {AuthRequest} from './messages.ts';
import {type ClusterNode, hasFlag, isPrimary, isVoter, type Link, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** After a vote for a replica of a primary no other replica of it gets one for this many node timeouts: it has won by then. */
const VOTE_INTERVAL_TIMEOUTS = 2;

/**
 * A replica asks for a vote. It is granted when this node is a primary with slots and
 *
 * 1. the request is of the newest epoch known here,
 * 2. in which this node has not voted yet,
 * 3. the replica's primary is known and fails (unless an operator asked for the failover),
 * 4. no other replica of it got this node's vote lately,
 * 5. and the replica knows of the newest owner of every slot that it claims.
 *
 * The vote is on the disk before it leaves.
 */
export function receiveVoteRequest(
	step: Step,
	link: Link,
	sender: ClusterNode | null,
	request: AuthRequest,
): void {
	const {now, state} = step;
	if (sender === null || !isVoter(state.myself)) return;
	const reason = whyNot(step, sender, request);
	if (reason !== null) {
		step.log('warning', `Failover auth denied to ${sender.id}: ${reason}`);
		return;
	}
	sender.primary!.votedAt = now;
	state.lastVoteEpoch = state.currentEpoch;
	step.saveDurably();
	step.effects.events.push({kind: 'voted', node: sender.id, epoch: state.currentEpoch});
	sendOn(step, link, {type: 'auth-ack', header: makeHeader(step)});
	step.log('warning', `Failover auth granted to ${sender.id} for epoch ${state.currentEpoch}`);
}

function whyNot(step: Step, sender: ClusterNode, {header, isForced}: AuthRequest): string | null {
	const {config, now, state} = step;
	const {currentEpoch, lastVoteEpoch} = state;
	if (header.currentEpoch < currentEpoch) {
		return `reqEpoch (${header.currentEpoch}) < curEpoch(${currentEpoch})`;
	}
	if (lastVoteEpoch === currentEpoch) return `already voted for epoch ${currentEpoch}`;
	if (isPrimary(sender)) return 'it is a master node';
	const {primary} = sender;
	if (primary === null) return "I don't know its master";
	if (!hasFlag(primary, NodeFlags.FAIL) && !isForced) return 'its master is up';
	const waitMs = primary.votedAt + config.nodeTimeoutMs * VOTE_INTERVAL_TIMEOUTS - now;
	if (primary.votedAt !== 0 && waitMs > 0) {
		return `can't vote about this master before ${waitMs} milliseconds`;
	}
	for (const slot of new SlotBitmap(header.slots)) {
		const owner = state.owner(slot);
		if (owner === null || owner.configEpoch <= header.configEpoch) continue;
		return `slot ${slot} epoch (${owner.configEpoch}) > reqEpoch (${header.configEpoch})`;
	}
	return null;
}
