/**
 * What CLUSTER NODES, INFO, SLOTS, SHARDS, LINKS, REPLICAS and COUNT-FAILURE-REPORTS say of a node's view: exact texts, or
 * data for a reply. Everything here only reads.
 *
 * Chapter: Cluster Specification, "The slots configuration", "Cluster node attributes"; formats as redis-server 7.0.
 */

import {endOfRun} from '../lib/runs.ts';
import {formatSlotRange, type SlotRange} from '../slots/slot-ranges.ts';
import type {ClusterConfig} from './config.ts';
import {endpointOf} from './endpoint.ts';
import {countFailureReports} from './failure-reports.ts';
import {MESSAGE_TYPES} from './messages.ts';
import {parseNodeId, type NodeId} from './node-id.ts';
import {type ClusterView, hasFlag, isPrimary, isReplica, NodeFlags, type NodeView} from './state.ts';

/** Words of the flags in the order in which they are printed. */
export const FLAG_WORDS: readonly (readonly [flag: number, word: string])[] = [
	[NodeFlags.MYSELF, 'myself'],
	[NodeFlags.PRIMARY, 'master'],
	[NodeFlags.REPLICA, 'slave'],
	[NodeFlags.PFAIL, 'fail?'],
	[NodeFlags.FAIL, 'fail'],
	[NodeFlags.HANDSHAKE, 'handshake'],
	[NodeFlags.NOADDR, 'noaddr'],
	[NodeFlags.NOFAILOVER, 'nofailover'],
];

/** A node as CLUSTER SLOTS lists it. */
export interface SlotServer {
	/** Null when clients are to use the endpoint they know. */
	readonly endpoint: string | null;
	readonly port: number;
	readonly id: NodeId;
	/** Names besides the endpoint, in reply order: `ip`, `hostname`. */
	readonly metadata: readonly (readonly [name: string, value: string])[];
}

export interface SlotRangeServers {
	readonly first: number;
	readonly last: number;
	/** The primary first, then its replicas that are reachable and have data. */
	readonly servers: readonly SlotServer[];
}

/** A node as CLUSTER SHARDS lists it. */
export interface ShardNode {
	readonly id: NodeId;
	readonly port: number;
	readonly ip: string;
	readonly endpoint: string | null;
	/** Null: the field is left out. */
	readonly hostname: string | null;
	readonly role: 'master' | 'replica';
	readonly replicationOffset: number;
	readonly health: 'online' | 'fail' | 'loading';
}

export interface Shard {
	readonly slots: readonly SlotRange[];
	readonly nodes: readonly ShardNode[];
}

/** A link as CLUSTER LINKS lists it; what its buffers hold is the shell's to add. */
export interface LinkDescription {
	readonly link: number;
	readonly direction: 'to' | 'from';
	readonly node: NodeId;
	readonly createdAt: number;
	readonly isOpen: boolean;
}

/** CLUSTER NODES: one line a node, each ended by a line feed. */
export function describeNodes(view: ClusterView): string {
	const ranges = slotRangesByNode(view);
	let text = '';
	for (const node of view.nodes.values()) text += `${nodeLine(view, node, ranges)}\n`;
	return text;
}

/** CLUSTER REPLICAS: the lines of the replicas of a primary; an error text when `name` is no primary known here. */
export function describeReplicas(
	view: ClusterView,
	name: string,
): readonly string[] | {readonly error: string} {
	const node = findNode(view, name);
	if (node === null) return {error: `ERR Unknown node ${name}`};
	if (isReplica(node)) return {error: 'ERR The specified node is not a master'};
	const ranges = slotRangesByNode(view);
	return node.replicas.map((replica) => nodeLine(view, replica, ranges));
}

/** CLUSTER COUNT-FAILURE-REPORTS */
export function describeFailureReports(
	view: ClusterView,
	config: Readonly<ClusterConfig>,
	name: string,
	now: number,
): number | {readonly error: string} {
	const node = findNode(view, name);
	return node === null
		? {error: `ERR Unknown node ${name}`}
		: countFailureReports(node, config.nodeTimeoutMs, now);
}

/** CLUSTER INFO: `field:value` lines, each ended by CR LF. `linksOverLimitCount`: links dropped for their send buffer. */
export function describeInfo(view: ClusterView, linksOverLimitCount: number): string {
	let failing = 0;
	let failed = 0;
	for (const node of view.nodes.values()) {
		if (hasFlag(node, NodeFlags.FAIL)) failed += node.slotCount;
		else if (hasFlag(node, NodeFlags.PFAIL)) failing += node.slotCount;
	}
	const lines = [
		`cluster_state:${view.isOk ? 'ok' : 'fail'}`,
		`cluster_slots_assigned:${view.assignedCount}`,
		`cluster_slots_ok:${view.assignedCount - failing - failed}`,
		`cluster_slots_pfail:${failing}`,
		`cluster_slots_fail:${failed}`,
		`cluster_known_nodes:${view.nodes.size}`,
		`cluster_size:${view.size}`,
		`cluster_current_epoch:${view.currentEpoch}`,
		`cluster_my_epoch:${epochOf(view.myself)}`,
	];
	for (const direction of ['sent', 'received'] as const) {
		let total = 0;
		for (const type of MESSAGE_TYPES) {
			const count = view.messages[direction][type];
			if (count > 0) lines.push(`cluster_stats_messages_${type}_${direction}:${count}`);
			total += count;
		}
		lines.push(`cluster_stats_messages_${direction}:${total}`);
	}
	lines.push(`total_cluster_links_buffer_limit_exceeded:${linksOverLimitCount}`, '');
	return lines.join('\r\n');
}

/** CLUSTER SLOTS: ranges of slots with the nodes that serve them, ascending. */
export function describeSlots(view: ClusterView, config: Readonly<ClusterConfig>): SlotRangeServers[] {
	const described: SlotRangeServers[] = [];
	const serversOf = new Map<NodeView, readonly SlotServer[]>();
	forEachRange(view, (node, first, last) => {
		let servers = serversOf.get(node);
		if (servers === undefined) {
			servers = [node, ...node.replicas.filter(isReplicaAvailable)].map((server) =>
				slotServer(server, config),
			);
			serversOf.set(node, servers);
		}
		described.push({first, last, servers});
	});
	return described;
}

/** CLUSTER SHARDS: every primary with its slots and its replicas. */
export function describeShards(view: ClusterView, config: Readonly<ClusterConfig>): Shard[] {
	const ranges = slotRangesByNode(view);
	const shards: Shard[] = [];
	for (const node of view.nodes.values()) {
		if (!isPrimary(node)) continue;
		shards.push({
			slots: ranges.get(node) ?? [],
			nodes: [node, ...node.replicas].map((member) => shardNode(member, config)),
		});
	}
	return shards;
}

/** CLUSTER LINKS: the link to each node, then the link from it. */
export function describeLinks(view: ClusterView): LinkDescription[] {
	const described: LinkDescription[] = [];
	for (const node of view.nodes.values()) {
		for (const link of [node.outbound, node.inbound]) {
			if (link === null) continue;
			const {direction, createdAt, isOpen} = link;
			described.push({link: link.id, direction, node: node.id, createdAt, isOpen});
		}
	}
	return described;
}

/** CLUSTER MYID */
export function describeMyId(view: ClusterView): NodeId {
	return view.myself.id;
}

/** CLUSTER MYSHARDID */
export function describeMyShardId(view: ClusterView): string {
	return view.myself.shardId;
}

/** The ranges of consecutive slots of each node that owns any. */
export function slotRangesByNode(view: ClusterView): Map<NodeView, SlotRange[]> {
	const ranges = new Map<NodeView, SlotRange[]>();
	forEachRange(view, (node, first, last) => {
		const known = ranges.get(node);
		if (known === undefined) ranges.set(node, [[first, last]]);
		else known.push([first, last]);
	});
	return ranges;
}

/** One line of CLUSTER NODES and of nodes.conf, without its end. */
export function nodeLine(
	view: ClusterView,
	node: NodeView,
	ranges: ReadonlyMap<NodeView, readonly SlotRange[]>,
): string {
	const hostname = node.hostname === '' ? '' : `,${node.hostname}`;
	const isConnected = node === view.myself || node.outbound !== null;
	const fields = [
		node.id,
		`${node.host}:${node.port}@${node.busPort}${hostname}`,
		flagWords(node.flags),
		node.primary?.id ?? '-',
		node.pingSentAt,
		node.pongReceivedAt,
		epochOf(node),
		isConnected ? 'connected' : 'disconnected',
	];
	for (const range of ranges.get(node) ?? []) fields.push(formatSlotRange(range));
	if (node === view.myself) fields.push(...openSlotWords(view));
	return fields.join(' ');
}

function flagWords(flags: number): string {
	const words = FLAG_WORDS.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => word);
	return words.length === 0 ? 'noflags' : words.join(',');
}

function openSlotWords(view: ClusterView): string[] {
	const words: (readonly [slot: number, word: string])[] = [];
	for (const [slot, to] of view.migratingTo) words.push([slot, `[${slot}->-${to.id}]`]);
	for (const [slot, from] of view.importingFrom) words.push([slot, `[${slot}-<-${from.id}]`]);
	return words.toSorted(([one], [other]) => one - other).map(([, word]) => word);
}

/** A replica shows the epoch of its primary. */
function epochOf(node: NodeView): number {
	return isReplica(node) && node.primary !== null ? node.primary.configEpoch : node.configEpoch;
}

function forEachRange(view: ClusterView, visit: (node: NodeView, first: number, last: number) => void): void {
	const {owners, table} = view;
	if (view.assignedCount === 0) return;
	for (let first = 0, end = 0; first < owners.length; first = end) {
		end = endOfRun(owners, first);
		const node = table[owners[first]!]!;
		if (node !== null) visit(node, first, end - 1);
	}
}

function isReplicaAvailable(replica: NodeView): boolean {
	return !hasFlag(replica, NodeFlags.FAIL) && replica.replicationOffset !== 0;
}

function slotServer(node: NodeView, config: Readonly<ClusterConfig>): SlotServer {
	const metadata: [string, string][] = [];
	if (config.preferredEndpointType !== 'ip') metadata.push(['ip', node.host]);
	if (config.preferredEndpointType !== 'hostname' && node.hostname !== '')
		metadata.push(['hostname', node.hostname]);
	return {endpoint: endpointOf(node, config), port: node.port, id: node.id, metadata};
}

function shardNode(node: NodeView, config: Readonly<ClusterConfig>): ShardNode {
	return {
		id: node.id,
		port: node.port,
		ip: node.host,
		endpoint: endpointOf(node, config),
		hostname: node.hostname === '' ? null : node.hostname,
		role: isPrimary(node) ? 'master' : 'replica',
		replicationOffset: node.replicationOffset,
		health: healthOf(node),
	};
}

function healthOf(node: NodeView): ShardNode['health'] {
	if (hasFlag(node, NodeFlags.FAIL)) return 'fail';
	return isReplica(node) && node.replicationOffset === 0 ? 'loading' : 'online';
}

function findNode(view: ClusterView, name: string): NodeView | null {
	const id = parseNodeId(name);
	return id === null ? null : (view.nodes.get(id) ?? null);
}
