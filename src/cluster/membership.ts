/**
 * Who belongs to the cluster: addresses, FORGET with its ban, RESET.
 * Chapter: Cluster Specification, "Removing a node" (CLUSTER FORGET), "Resetting nodes in a Redis Cluster".
 */

import {type ChangeOutcome, DONE, refused} from './changes.ts';
import {closeLink, closeLinksOf, openLink} from './links.ts';
import type {Header} from './messages.ts';
import {type NodeId, parseNodeId, randomNodeId} from './node-id.ts';
import {type ClusterNode, hasFlag, isPrimary, isReplica, type Link, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** Long enough for an operator to send FORGET to every node before gossip brings the node back. */
const BAN_MS = 60_000;

/** CLUSTER FORGET */
export function forget(step: Step, name: string): ChangeOutcome {
	const {state} = step;
	const {myself} = state;
	const id = parseNodeId(name);
	const node = id === null ? undefined : state.nodes.get(id);
	if (node === undefined) return refused(`ERR Unknown node ${name}`);
	if (node === myself) return refused("ERR I tried hard but I can't forget myself...");
	if (isReplica(myself) && myself.primary === node) return refused("ERR Can't forget my master!");
	state.bans.set(node.id, step.now + BAN_MS);
	removeNode(step, node);
	return DONE;
}

export function isBanned(step: Step, node: NodeId): boolean {
	const until = step.state.bans.get(node);
	return until !== undefined && step.now < until;
}

export function expireBans(step: Step): void {
	for (const [node, until] of step.state.bans) if (step.now >= until) step.state.bans.delete(node);
}

/** Takes a node out of this node's cluster, with its links. */
export function removeNode(step: Step, node: ClusterNode): void {
	const wasKnown = !hasFlag(node, NodeFlags.HANDSHAKE);
	closeLinksOf(step, node);
	step.state.removeNode(node);
	if (!wasKnown) return;
	step.effects.events.push({kind: 'node-removed', node: node.id});
	step.slotsChanged();
	step.isFailoverDue = true;
}

/** CLUSTER RESET: back to a node that knows nobody; hard: under another name, at epoch 0. */
export function reset(step: Step, hard: boolean): ChangeOutcome {
	const {state} = step;
	const {myself} = state;
	if (isPrimary(myself) && step.data.keyCount() > 0) {
		return refused("ERR CLUSTER RESET can't be called with master nodes containing keys");
	}
	state.setPrimary(myself, null);
	myself.flags = (myself.flags & ~NodeFlags.REPLICA) | NodeFlags.PRIMARY;
	step.isFailoverDue = true;
	state.migratingTo.clear();
	state.importingFrom.clear();
	state.releaseSlots(myself);
	for (const node of state.nodes.values()) if (node !== myself) removeNode(step, node);
	if (hard) {
		state.currentEpoch = 0;
		myself.configEpoch = 0;
		state.lastVoteEpoch = 0;
		step.log('warning', 'configEpoch set to 0 via CLUSTER RESET HARD');
		state.renameNode(myself, randomNodeId(step.random));
		step.log('notice', `Node hard reset, now I'm ${myself.id}`);
	}
	// The shard it leaves keeps its id: another node may be serving under it.
	myself.shardId = randomNodeId(step.random);
	step.slotsChanged();
	step.saveDurably();
	step.effects.events.push({kind: 'reset', hard});
	return DONE;
}

/** What the configuration says this node is, besides its role. */
export function applyOwnFlags({config, state}: Step): void {
	const {myself} = state;
	const flag = config.replicaNoFailover ? NodeFlags.NOFAILOVER : 0;
	myself.flags = (myself.flags & ~NodeFlags.NOFAILOVER) | flag;
}

/** The names under which this node is known, after the configuration changed or it was told its address. */
export function applyOwnAddress(step: Step): void {
	const {config, listening} = step;
	const {myself} = step.state;
	const host = config.announceHost === '' ? listening.host || myself.host : config.announceHost;
	const port = config.announcePort || listening.port;
	const busPort = config.announceBusPort || listening.busPort;
	const hostname = config.announceHostname;
	const isSame = myself.host === host && myself.port === port && myself.busPort === busPort;
	if (isSame && myself.hostname === hostname) return;
	Object.assign(myself, {host, port, busPort, hostname});
	step.slotsChanged();
	step.isAnnouncementDue = true;
}

/** A node that was not told its address learns it from the first who reaches it, and again from every MEET. */
export function learnOwnAddress(step: Step, link: Link, isMeet: boolean): void {
	const {config, listening, state} = step;
	const {myself} = state;
	if (config.announceHost !== '' || listening.host !== '' || link.localHost === '') return;
	if ((!isMeet && myself.host !== '') || myself.host === link.localHost) return;
	myself.host = link.localHost;
	step.log('warning', `IP address for this node updated to ${myself.host}`);
	step.slotsChanged();
}

/** A known node speaks from another address than the one on file: the link to the old one is worth nothing. */
export function followAddress(step: Step, node: ClusterNode, link: Link, header: Header): void {
	if (link === node.outbound) return;
	const host = header.host || link.remoteHost || node.host;
	const {port, busPort} = header;
	if (node.host === host && node.port === port && node.busPort === busPort) return;
	Object.assign(node, {host, port, busPort});
	node.flags &= ~NodeFlags.NOADDR;
	step.log('warning', `Address updated for node ${node.id}, now ${host}:${port}`);
	step.slotsChanged();
	if (node.outbound !== null) closeLink(step, node.outbound);
	if (host !== '') openLink(step, node);
}

/** Somebody else answers where the node is said to be: its address is not known any more. */
export function loseAddress(step: Step, node: ClusterNode): void {
	const age = step.now - node.createdAt;
	step.log(
		'debug',
		`PONG contains mismatching sender ID. About node ${node.id} added ${age} ms ago, having flags ${node.flags}`,
	);
	node.flags |= NodeFlags.NOADDR;
	Object.assign(node, {host: '', port: 0, busPort: 0});
	if (node.outbound !== null) closeLink(step, node.outbound);
	step.slotsChanged();
}
