/**
 * What nodes tell each other about third nodes: choosing it, and learning from it.
 * Chapter: Cluster Specification, "Heartbeat packet content", "Nodes handshake", "Failure detection".
 *
 * Each packet speaks of a random tenth of the nodes and of all that seem to fail. One addition makes a young cluster whole
 * within a few message delays: whoever has just shaken hands is told of everybody (and everybody of him: see heartbeat.ts).
 */

import {expireFailureReports} from './failure-reports.ts';
import {learnFailureReport} from './failure-detection.ts';
import {gossipAbout} from './gossip-entry.ts';
import {closeLink, openLink} from './links.ts';
import {isBanned} from './membership.ts';
import type {GossipEntry} from './messages.ts';
import {type ClusterNode, hasFlag, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** A node is a newcomer for this long after the handshake with it. */
const NEWCOMER_MS = 1000;
/** More than a cluster should have nodes, less than would make a packet too large. */
const NEWCOMER_ENTRIES = 1000;
const MIN_ENTRIES = 3;
/** A share of 1 / 10 makes a failing node known to the majority well within the time that reports are valid. */
const ENTRIES_DIVISOR = 10;
/** A pong that another node heard of is believed when it is not further in the future than clocks may differ. */
const CLOCK_DIFFERENCE_MS = 500;

/** The gossip of one packet to `receiver`, who is null when it is not known here yet. */
export function gossipFor(step: Step, receiver: ClusterNode | null): GossipEntry[] {
	const {nodes, pfailCount} = step.state;
	if (receiver !== null && isNewcomer(step, receiver)) return gossipForNewcomer(step, receiver);
	const entries = sample(step, receiver, Math.max(MIN_ENTRIES, Math.floor(nodes.size / ENTRIES_DIVISOR)));
	if (pfailCount > 0) addFailing(step, receiver, entries);
	return entries;
}

/** All that is known here, for a node that shakes hands. */
export function gossipForNewcomer(step: Step, receiver: ClusterNode | null): GossipEntry[] {
	const entries = sample(step, receiver, NEWCOMER_ENTRIES);
	addFailing(step, receiver, entries);
	return entries;
}

function isNewcomer(step: Step, node: ClusterNode): boolean {
	return node.metAt !== 0 && step.now - node.metAt < NEWCOMER_MS;
}

/** Learns from the gossip of a node that is known, and therefore trusted. */
export function learnGossip(step: Step, sender: ClusterNode, entries: readonly GossipEntry[]): void {
	for (const entry of entries) {
		const node = step.state.nodes.get(entry.node);
		if (node === undefined) learnNode(step, entry);
		else if (node !== step.state.myself) learnAbout(step, sender, node, entry);
	}
}

function learnAbout(step: Step, sender: ClusterNode, node: ClusterNode, entry: GossipEntry): void {
	const {now, config} = step;
	const isFailing = (entry.flags & (NodeFlags.PFAIL | NodeFlags.FAIL)) !== 0;
	if (isFailing || node.failureReports.size > 0) {
		expireFailureReports(node, config.nodeTimeoutMs, now);
		learnFailureReport(step, sender, node, isFailing);
	}
	if (isFailing) return;
	const isWell = !hasFlag(node, NodeFlags.PFAIL | NodeFlags.FAIL);
	if (isWell) {
		const isUnasked = node.pingSentAt === 0 && node.failureReports.size === 0;
		if (
			isUnasked &&
			entry.pongReceivedAt > node.pongReceivedAt &&
			entry.pongReceivedAt <= now + CLOCK_DIFFERENCE_MS
		) {
			node.pongReceivedAt = entry.pongReceivedAt;
		}
	} else if ((entry.flags & NodeFlags.NOADDR) === 0 && entry.host !== '') {
		followToNewAddress(step, node, entry);
	}
}

/** A node not reached here is reached there at another address: it has moved. */
function followToNewAddress(step: Step, node: ClusterNode, entry: GossipEntry): void {
	if (node.host === entry.host && node.port === entry.port && node.busPort === entry.busPort) return;
	if (node.outbound !== null) closeLink(step, node.outbound);
	node.host = entry.host;
	node.port = entry.port;
	node.busPort = entry.busPort;
	node.flags &= ~NodeFlags.NOADDR;
	step.slotsChanged();
	openLink(step, node);
}

/**
 * A node unknown so far joins under its own id at once: a handshake with the bare address could reach another cluster's
 * node that has taken the address meanwhile.
 */
function learnNode(step: Step, entry: GossipEntry): void {
	const {state, now} = step;
	if ((entry.flags & (NodeFlags.NOADDR | NodeFlags.HANDSHAKE)) !== 0 || entry.host === '') return;
	if (isBanned(step, entry.node)) return;
	const role = entry.flags & (NodeFlags.PRIMARY | NodeFlags.REPLICA | NodeFlags.NOFAILOVER);
	const node = state.addNode(entry.node, role, now);
	node.host = entry.host;
	node.port = entry.port;
	node.busPort = entry.busPort;
	step.effects.events.push({kind: 'node-added', node: node.id});
	step.save();
	openLink(step, node);
}

/**
 * Up to `count` entries, about nodes that stand side by side in the table from a random place on: each node's chance is the
 * same, and that is all that the spreading of news depends on.
 */
function sample(step: Step, receiver: ClusterNode | null, count: number): GossipEntry[] {
	const {table} = step.state;
	const entries: GossipEntry[] = [];
	for (let walked = 0, at = step.random.below(table.length); walked < table.length; walked++) {
		if (entries.length === count) break;
		const node = table[at]!;
		if (++at === table.length) at = 0;
		if (node !== null && node !== receiver && isWorthTelling(node)) entries.push(gossipAbout(node));
	}
	return entries;
}

/** Nodes that fail are added by `addFailing`; those nobody is linked to and that serve nothing are no use. */
function isWorthTelling(node: ClusterNode): boolean {
	if (hasFlag(node, NodeFlags.MYSELF | NodeFlags.PFAIL | NodeFlags.HANDSHAKE | NodeFlags.NOADDR))
		return false;
	return node.outbound !== null || node.slotCount > 0;
}

function addFailing(step: Step, receiver: ClusterNode | null, entries: GossipEntry[]): void {
	for (const node of step.state.nodes.values()) {
		if (node === receiver || !hasFlag(node, NodeFlags.PFAIL)) continue;
		if (!hasFlag(node, NodeFlags.HANDSHAKE | NodeFlags.NOADDR)) entries.push(gossipAbout(node));
	}
}
