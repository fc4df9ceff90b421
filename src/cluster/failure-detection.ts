/**
 * From silence to PFAIL, from PFAIL of the majority to FAIL, and back.
 * Chapter: Cluster Specification, "Failure detection".
 */

import {
	addFailureReport,
	countFailureReports,
	expireFailureReports,
	withdrawFailureReport,
} from './failure-reports.ts';
import {gossipAbout} from './gossip-entry.ts';
import {makeHeader} from './header.ts';
import {broadcast, sendOn} from './links.ts';
import type {FailMessage} from './messages.ts';
import {type ClusterNode, hasFlag, isReplica, isVoter, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** A failed primary that still owns slots is taken back after this many node timeouts: its replicas had their chance. */
const FAIL_UNDO_TIMEOUTS = 2;
/** In clusters of up to this many primaries with slots each of them tells the others at once whom it does not reach. */
const REPORTED_TO_VOTERS = 64;

/** Marks those as PFAIL who owe an answer, and were silent otherwise too, for longer than the node timeout. */
export function noticeSilence(step: Step): void {
	const {state, config, now} = step;
	for (const node of state.table) {
		if (node === null || node.pingSentAt === 0) continue;
		if (hasFlag(node, NodeFlags.MYSELF | NodeFlags.NOADDR | NodeFlags.HANDSHAKE)) continue;
		if (hasFlag(node, NodeFlags.PFAIL | NodeFlags.FAIL)) continue;
		if (now - Math.max(node.pingSentAt, node.dataReceivedAt) <= config.nodeTimeoutMs) continue;
		step.log('debug', `*** NODE ${node.id} possibly failing`);
		state.setFlags(node, node.flags | NodeFlags.PFAIL);
		step.effects.events.push({kind: 'node-failing', node: node.id});
		step.isHealthDue = true;
		// Where one primary has all the slots no report will ever come: it is the majority.
		if (state.size === 1) markFailedIfAgreed(step, node);
		else reportToVoters(step, node);
	}
}

/** A pong came on the link to the node: it is reachable. */
export function noticePong(step: Step, node: ClusterNode): void {
	node.pongReceivedAt = step.now;
	node.pingSentAt = 0;
	if (hasFlag(node, NodeFlags.PFAIL)) {
		step.state.setFlags(node, node.flags & ~NodeFlags.PFAIL);
		step.effects.events.push({kind: 'node-cleared', node: node.id});
		step.save();
		step.isHealthDue = true;
	} else if (hasFlag(node, NodeFlags.FAIL)) {
		clearFailureIfPossible(step, node);
	}
}

/** What `reporter` said of the reachability of `about`. Only the word of primaries that serve slots counts. */
export function learnFailureReport(
	step: Step,
	reporter: ClusterNode,
	about: ClusterNode,
	isFailing: boolean,
): void {
	if (!isVoter(reporter)) return;
	if (isFailing) {
		if (addFailureReport(about, reporter.id, step.now)) {
			step.log('verbose', `Node ${reporter.id} reported node ${about.id} as not reachable.`);
		}
		markFailedIfAgreed(step, about);
	} else if (withdrawFailureReport(about, reporter.id)) {
		step.log('verbose', `Node ${reporter.id} reported node ${about.id} is back online.`);
	}
}

/** A node says that the majority agreed on a failure. Its word is taken, whoever it is, as long as it is known. */
export function receiveFail(step: Step, sender: ClusterNode | null, message: FailMessage): void {
	if (sender === null) {
		step.log(
			'notice',
			`Ignoring FAIL message from unknown node ${message.header.sender} about ${message.about}`,
		);
		return;
	}
	const node = step.state.nodes.get(message.about);
	if (node === undefined || hasFlag(node, NodeFlags.FAIL | NodeFlags.MYSELF | NodeFlags.HANDSHAKE)) return;
	step.log('notice', `FAIL message received from ${sender.id} about ${node.id}`);
	markFailed(step, node);
}

/**
 * Turns PFAIL into FAIL when the majority of the primaries that serve slots, this node included if it is one of them,
 * did not reach the node lately.
 */
function markFailedIfAgreed(step: Step, node: ClusterNode): void {
	const {state, config, now} = step;
	if (!hasFlag(node, NodeFlags.PFAIL) || hasFlag(node, NodeFlags.FAIL)) return;
	expireFailureReports(node, config.nodeTimeoutMs, now);
	const votes = countFailureReports(node, config.nodeTimeoutMs, now) + (isVoter(state.myself) ? 1 : 0);
	if (votes < Math.floor(state.size / 2) + 1) return;
	step.log('notice', `Marking node ${node.id} as failing (quorum reached).`);
	markFailed(step, node);
	// Everybody who can be reached must agree at once; the others will hear it from the gossip of the majority.
	broadcast(step, {type: 'fail', header: makeHeader(step), about: node.id});
}

function markFailed(step: Step, node: ClusterNode): void {
	step.state.setFlags(node, (node.flags & ~NodeFlags.PFAIL) | NodeFlags.FAIL);
	node.failedAt = step.now;
	step.isFailoverDue = true;
	step.effects.events.push({kind: 'node-failed', node: node.id});
	step.slotsChanged();
}

/** Gossip would tell them too, a second or two later. In a huge cluster gossip is enough: its packets are many. */
function reportToVoters(step: Step, node: ClusterNode): void {
	const {state} = step;
	if (!isVoter(state.myself) || state.size > REPORTED_TO_VOTERS) return;
	const message = {type: 'pong', header: makeHeader(step), gossip: [gossipAbout(node)]} as const;
	for (const voter of state.nodes.values()) {
		if (voter !== node && voter.outbound !== null && isVoter(voter)) sendOn(step, voter.outbound, message);
	}
}

/** FAIL goes only where nobody can have been promoted, or nobody was for long enough. */
function clearFailureIfPossible(step: Step, node: ClusterNode): void {
	const {config, now} = step;
	if (isReplica(node) || node.slotCount === 0) {
		const role = isReplica(node) ? 'replica' : 'master without slots';
		step.log('notice', `Clear FAIL state for node ${node.id}: ${role} is reachable again.`);
	} else if (now - node.failedAt > config.nodeTimeoutMs * FAIL_UNDO_TIMEOUTS) {
		const reason = 'is reachable again and nobody is serving its slots after some time.';
		step.log('notice', `Clear FAIL state for node ${node.id}: ${reason}`);
	} else {
		return;
	}
	node.flags &= ~NodeFlags.FAIL;
	step.effects.events.push({kind: 'node-cleared', node: node.id});
	step.slotsChanged();
}
