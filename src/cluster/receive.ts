/**
 * What a message does, type by type. A type without a handler does not compile.
 * Chapter: Cluster Specification, "Cluster bus", "Heartbeat and gossip messages".
 */

import {receiveVote} from './election.ts';
import {learnEpochs, resolveCollision} from './epochs.ts';
import {noticePong, receiveFail} from './failure-detection.ts';
import {learnGossip} from './gossip.ts';
import {completeHandshake, receiveMeet} from './handshake.ts';
import {introduce, sendPing, sendPong} from './heartbeat.ts';
import {knowInboundLink} from './links.ts';
import {learnPausedOffset, receiveManualFailoverStart} from './manual-failover.ts';
import {followAddress, learnOwnAddress, loseAddress} from './membership.ts';
import type {BusMessage, Header, Heartbeat} from './messages.ts';
import {receivePublish} from './publish.ts';
import {learnRole} from './roles.ts';
import {receiveUpdate, weighClaims} from './slot-ownership.ts';
import {type ClusterNode, hasFlag, type Link, NodeFlags, SEQUENCES_PER_MS} from './state.ts';
import type {Step} from './step.ts';
import {receiveVoteRequest} from './votes.ts';

type Handlers = {
	readonly [T in BusMessage['type']]: (
		step: Step,
		link: Link,
		sender: ClusterNode | null,
		message: Extract<BusMessage, {type: T}>,
	) => void;
};

const HANDLERS: Handlers = {
	ping: receivePing,
	meet: receivePing,
	pong: receivePong,
	fail: (step, _link, sender, message) => receiveFail(step, sender, message),
	update: (step, _link, sender, message) => receiveUpdate(step, sender, message),
	'auth-req': receiveVoteRequest,
	'auth-ack': (step, _link, sender, message) => receiveVote(step, sender, message.header.currentEpoch),
	mfstart: receiveManualFailoverStart,
	publish: (step, _link, sender, message) => receivePublish(step, sender, message),
	publishshard: (step, _link, sender, message) => receivePublish(step, sender, message),
};

/** No packet of one link is so much slower than one of another. */
const OVERTAKEN_MS = 10_000;

export function receiveMessage(step: Step, link: Link, message: BusMessage): void {
	const {state} = step;
	const {header, type} = message;
	state.messages.received[type]++;
	const sender = knownSender(step, message);
	step.isOvertaken = sender !== null && isOvertaken(sender, header);
	if (sender !== null && sender !== state.myself) {
		sender.dataReceivedAt = step.now;
		if (!step.isOvertaken) {
			sender.heardSequence = header.sequence;
			sender.replicationOffset = header.replicationOffset;
		}
		knowInboundLink(step, link, sender);
		learnEpochs(step, sender, header);
		learnPausedOffset(step, sender, header);
	}
	const handle = HANDLERS[type] as (
		step: Step,
		link: Link,
		sender: ClusterNode | null,
		message: BusMessage,
	) => void;
	handle(step, link, sender, message);
}

/**
 * A node speaks on two links, the one that it opened and the one that this node did, and what it says on one may arrive before
 * what it said earlier on the other. A number that is much smaller is of a new life whose clock was set back.
 */
function isOvertaken(sender: ClusterNode, {sequence}: Header): boolean {
	return sequence < sender.heardSequence && sequence > sender.heardSequence - OVERTAKEN_MS * SEQUENCES_PER_MS;
}

/** A node in handshake is not known yet, whatever its stand-in is called. */
function knownSender(step: Step, message: BusMessage): ClusterNode | null {
	const sender = step.state.nodes.get(message.header.sender);
	return sender === undefined || hasFlag(sender, NodeFlags.HANDSHAKE) ? null : sender;
}

function receivePing(
	step: Step,
	link: Link,
	sender: ClusterNode | null,
	message: Heartbeat<'ping'> | Heartbeat<'meet'>,
): void {
	const {header, type} = message;
	learnOwnAddress(step, link, type === 'meet');
	if (sender === null && type === 'meet') receiveMeet(step, link, header);
	if (sender !== null && sender !== step.state.myself) {
		if (!step.isOvertaken) followAddress(step, sender, link, header);
		learnFromHeartbeat(step, link, sender, message);
	}
	sendPong(step, link, sender, type);
}

function receivePong(step: Step, link: Link, sender: ClusterNode | null, message: Heartbeat<'pong'>): void {
	const {header} = message;
	const asked = link.direction === 'to' ? link.node : null;
	if (asked !== null && hasFlag(asked, NodeFlags.HANDSHAKE)) {
		const node = completeHandshake(step, link, asked, header);
		if (node !== null) welcome(step, link, node, message);
		return;
	}
	if (asked !== null && asked.id !== header.sender) {
		loseAddress(step, asked);
		return;
	}
	if (sender === null || sender === step.state.myself) return;
	if (asked !== null) noticePong(step, sender);
	learnFromHeartbeat(step, link, sender, message);
}

/** The node of a handshake is known from here on: learn what it says at once, ask it for more, and tell the others. */
function welcome(step: Step, link: Link, node: ClusterNode, message: Heartbeat<'pong'>): void {
	node.dataReceivedAt = step.now;
	node.heardSequence = message.header.sequence;
	node.replicationOffset = message.header.replicationOffset;
	noticePong(step, node);
	learnEpochs(step, node, message.header);
	learnFromHeartbeat(step, link, node, message);
	sendPing(step, node);
	introduce(step, node);
}

function learnFromHeartbeat(step: Step, link: Link, sender: ClusterNode, message: Heartbeat): void {
	const {header} = message;
	if (step.isOvertaken) {
		learnGossip(step, sender, message.gossip);
		return;
	}
	learnRole(step, sender, header);
	weighClaims(step, link, sender, header);
	resolveCollision(step, sender, header.configEpoch);
	learnGossip(step, sender, message.gossip);
	// The primary of a replica may have become known by this very packet.
	if (header.primary !== null && sender.primary === null) learnRole(step, sender, header);
}
