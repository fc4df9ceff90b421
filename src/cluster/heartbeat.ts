/**
 * Sending of pings, pongs and meets, and when a ping is due.
 * Chapter: Cluster Specification, "Heartbeat and gossip messages", "Heartbeat packet content".
 */

import {gossipFor, gossipForNewcomer} from './gossip.ts';
import {gossipAbout} from './gossip-entry.ts';
import {makeHeader} from './header.ts';
import {broadcast, closeLink, openLinkIfPossible, sendOn} from './links.ts';
import {type ClusterNode, hasFlag, type Link, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

const RANDOM_PING_INTERVAL_MS = 1000;
/** Of this many nodes taken at random, the one heard of longest ago is pinged. */
const RANDOM_PING_SAMPLES = 5;
/** A handshake's packet is sent again after this time without an answer, so that one lost packet does not end it. */
const HANDSHAKE_REPEAT_MS = 100;

/** Pings a node on its open link, or meets it when that is still to be done. Keeps the time of a ping not answered yet. */
export function sendPing(step: Step, node: ClusterNode): void {
	const link = node.outbound;
	if (link === null || !link.isOpen) return;
	if (node.pingSentAt === 0) node.pingSentAt = step.now;
	node.lastPingAt = step.now;
	const type = hasFlag(node, NodeFlags.MEET) ? 'meet' : 'ping';
	sendOn(step, link, {type, header: makeHeader(step), gossip: gossipFor(step, node)});
}

/** Answers a ping or a meet on the link it came by. Who meets this node wants to know its cluster. */
export function sendPong(
	step: Step,
	link: Link,
	receiver: ClusterNode | null,
	question: 'ping' | 'meet',
): void {
	const gossip = question === 'meet' ? gossipForNewcomer(step, receiver) : gossipFor(step, receiver);
	sendOn(step, link, {type: 'pong', header: makeHeader(step), gossip});
}

/** Tells everybody this node's slots and epochs without being asked. */
export function announceMyself(step: Step): void {
	broadcast(step, {type: 'pong', header: makeHeader(step), gossip: []});
}

/** Tells everybody else of a node that this one got to know by a handshake, so that nobody has to wait for chance. */
export function introduce(step: Step, newcomer: ClusterNode): void {
	broadcast(step, {type: 'pong', header: makeHeader(step), gossip: [gossipAbout(newcomer)]}, newcomer);
}

/**
 * What a tick does with links: opens those that are missing, sends the pings that are due (one to a random node each second,
 * one to every node not heard of for half the node timeout), and ends those that are silent.
 */
export function tendLinks(step: Step): void {
	const {state, config, now} = step;
	if (now >= state.nextRandomPingAt) {
		state.nextRandomPingAt = now + RANDOM_PING_INTERVAL_MS;
		pingOldestOfSample(step);
	}
	const halfTimeoutMs = config.nodeTimeoutMs / 2;
	for (const node of state.table) {
		if (node === null) continue;
		if (node.outbound !== null && isSilent(node, node.outbound, halfTimeoutMs, now))
			closeLink(step, node.outbound);
		if (node.outbound === null) openLinkIfPossible(step, node);
		else if (node.outbound.isOpen && isPingDue(node, halfTimeoutMs, now)) sendPing(step, node);
	}
}

/**
 * True for a link on which a ping had no answer for half the node timeout: the node may be well and only the link broken,
 * and another is opened before the node counts as failing. That other packets of the node arrive proves nothing about this
 * link: it may lead to a former life of the node, or never have opened.
 */
function isSilent(node: ClusterNode, link: Link, halfTimeoutMs: number, now: number): boolean {
	if (node.pingSentAt === 0 || hasFlag(node, NodeFlags.HANDSHAKE)) return false;
	return now - node.pingSentAt > halfTimeoutMs && now - link.createdAt > halfTimeoutMs;
}

function isPingDue(node: ClusterNode, halfTimeoutMs: number, now: number): boolean {
	if (hasFlag(node, NodeFlags.HANDSHAKE)) return now - node.lastPingAt >= HANDSHAKE_REPEAT_MS;
	return node.pingSentAt === 0 && now - node.pongReceivedAt > halfTimeoutMs;
}

function pingOldestOfSample(step: Step): void {
	const {state, random} = step;
	let oldest: ClusterNode | null = null;
	for (let sample = 0; sample < RANDOM_PING_SAMPLES; sample++) {
		const node = state.table[random.below(state.table.length)];
		if (node === null || node === undefined || node.outbound === null || node.pingSentAt !== 0) continue;
		if (hasFlag(node, NodeFlags.HANDSHAKE)) continue;
		if (oldest === null || node.pongReceivedAt < oldest.pongReceivedAt) oldest = node;
	}
	if (oldest !== null) sendPing(step, oldest);
}
