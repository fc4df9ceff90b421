/**
 * Links of the bus: each node opens one to every node it knows and answers on the link that a message came by.
 * Chapter: Cluster Specification, "Cluster bus", "Cluster topology" (full mesh).
 */

import type {BusMessage} from './messages.ts';
import {type ClusterNode, hasFlag, type Link, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** Asks for a link to `node`. Its first ping counts from now: a node that never answers the call is as silent as any. */
export function openLink(step: Step, node: ClusterNode): void {
	const {state, now} = step;
	const id = ++state.lastLink;
	const link: Link = {
		id,
		direction: 'to',
		node,
		remoteHost: node.host,
		localHost: '',
		createdAt: now,
		isOpen: false,
	};
	state.links.set(id, link);
	node.outbound = link;
	if (node.pingSentAt === 0) node.pingSentAt = now;
	step.log('debug', `Connecting with Node ${node.id} at ${node.host}:${node.busPort}`);
	step.effects.connects.push({link: id, host: node.host, busPort: node.busPort});
}

/** Asks for a link to a node whose address is known; myself needs none. */
export function openLinkIfPossible(step: Step, node: ClusterNode): void {
	if (!hasFlag(node, NodeFlags.MYSELF | NodeFlags.NOADDR) && node.host !== '') openLink(step, node);
}

export function acceptLink(step: Step, remoteHost: string, localHost: string): Link {
	const {state, now} = step;
	const id = ++state.lastLink;
	const link: Link = {
		id,
		direction: 'from',
		node: null,
		remoteHost,
		localHost,
		createdAt: now,
		isOpen: true,
	};
	state.links.set(id, link);
	return link;
}

/** Forgets a link that has ended. */
export function dropLink(step: Step, link: Link): void {
	step.state.links.delete(link.id);
	const {node} = link;
	if (node === null) return;
	if (node.outbound === link) node.outbound = null;
	if (node.inbound === link) node.inbound = null;
}

/** Ends a link. */
export function closeLink(step: Step, link: Link): void {
	dropLink(step, link);
	step.effects.closes.push(link.id);
}

export function closeLinksOf(step: Step, node: ClusterNode): void {
	if (node.outbound !== null) closeLink(step, node.outbound);
	if (node.inbound !== null) closeLink(step, node.inbound);
}

/** Ties an inbound link to the node that speaks on it; its former link, if any, is ended. */
export function knowInboundLink(step: Step, link: Link, node: ClusterNode): void {
	if (link.direction !== 'from' || node.inbound === link) return;
	if (node.inbound !== null) closeLink(step, node.inbound);
	link.node = node;
	node.inbound = link;
}

/** Sends on a link that is open; on one that is not, the message is lost, as a packet may be. */
export function sendOn(step: Step, link: Link, message: BusMessage): void {
	if (!link.isOpen) return;
	step.state.messages.sent[message.type]++;
	step.effects.sends.push({link: link.id, message});
}

/** Sends one message to every node that a link is open to. */
export function broadcast(step: Step, message: BusMessage, except: ClusterNode | null = null): void {
	for (const node of step.state.nodes.values()) {
		if (node === except || node.outbound === null || hasFlag(node, NodeFlags.HANDSHAKE)) continue;
		sendOn(step, node.outbound, message);
	}
}
