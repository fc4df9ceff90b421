/**
 * How a node becomes known: by an operator's CLUSTER MEET or by a MEET that comes in; both ends then shake hands by asking
 * the address for its id. (Nodes told of by gossip join without: see gossip.ts.)
 * Chapter: Cluster Specification, "Nodes handshake".
 */

import {type ChangeOutcome, DONE, refused} from './changes.ts';
import {isIpAddress} from './ip-address.ts';
import {closeLink, openLink} from './links.ts';
import {followAddress, removeNode} from './membership.ts';
import type {Header} from './messages.ts';
import {randomNodeId} from './node-id.ts';
import {type ClusterNode, hasFlag, type Link, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** However short the node timeout, a handshake has this long. */
const MIN_HANDSHAKE_MS = 1000;

/** CLUSTER MEET */
export function meet(step: Step, host: string, port: number, busPort: number): ChangeOutcome {
	const arePorts = isPort(port) && isPort(busPort);
	if (!isIpAddress(host) || !arePorts) return refused(`ERR Invalid node address specified: ${host}:${port}`);
	startHandshake(step, host, port, busPort, NodeFlags.MEET);
	return DONE;
}

/** A node unknown here wants to be in one cluster with this one. */
export function receiveMeet(step: Step, link: Link, header: Header): void {
	const host = header.host || link.remoteHost;
	if (host !== '' && isPort(header.port) && isPort(header.busPort)) {
		startHandshake(step, host, header.port, header.busPort, 0);
	}
}

/**
 * The first pong on a handshake's link tells who stands there. Returns the node under its real id; null when it was known
 * already and the handshake is void.
 */
export function completeHandshake(
	step: Step,
	link: Link,
	node: ClusterNode,
	header: Header,
): ClusterNode | null {
	const {state, now} = step;
	const known = state.nodes.get(header.sender);
	if (known !== undefined) {
		step.log('verbose', `Handshake: we already know node ${known.id}, updating the address if needed.`);
		if (known !== state.myself) followAddress(step, known, link, header);
		removeNode(step, node);
		return null;
	}
	step.log('debug', `Renaming node ${node.id} into ${header.sender}`);
	state.renameNode(node, header.sender);
	step.log('debug', `Handshake with node ${node.id} completed.`);
	state.setFlags(node, header.flags & (NodeFlags.PRIMARY | NodeFlags.REPLICA));
	node.metAt = now;
	step.effects.events.push({kind: 'node-added', node: node.id});
	step.save();
	step.isHealthDue = true;
	return node;
}

/** Drops the handshakes that nobody answered in time. */
export function expireHandshakes(step: Step): void {
	if (step.state.handshakeCount === 0) return;
	const limitMs = Math.max(step.config.nodeTimeoutMs, MIN_HANDSHAKE_MS);
	for (const node of step.state.table) {
		if (node === null || !hasFlag(node, NodeFlags.HANDSHAKE)) continue;
		if (step.now - node.createdAt > limitMs) removeNode(step, node);
	}
}

function startHandshake(step: Step, host: string, port: number, busPort: number, meetFlag: number): void {
	const {state, now} = step;
	for (const node of state.nodes.values()) {
		if (!hasFlag(node, NodeFlags.HANDSHAKE) || node.host !== host || node.busPort !== busPort) continue;
		node.flags |= meetFlag;
		if (node.outbound !== null && !node.outbound.isOpen) return;
		// Its link may lead nowhere: another try costs little.
		if (node.outbound !== null) closeLink(step, node.outbound);
		openLink(step, node);
		return;
	}
	const node = state.addNode(randomNodeId(step.random), NodeFlags.HANDSHAKE | meetFlag, now);
	Object.assign(node, {host, port, busPort});
	openLink(step, node);
}

function isPort(port: number): boolean {
	return Number.isInteger(port) && port > 0 && port < 65536;
}
