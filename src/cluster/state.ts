/**
 * What one node knows of its cluster: nodes, owners of slots, open slots, links. Data and its invariants, no protocol.
 * Chapter: Cluster Specification, "Cluster topology", "Cluster node attributes".
 *
 * Invariants: `myself` stands in `nodes` and has table index 1; `owners[slot]` is 0 or the index of a node in `nodes`
 * that is a primary; `slotCount` of a node is the number of its entries in `owners`.
 */

import {assert} from '../lib/assert.ts';
import {equalBytes} from '../lib/bytes.ts';
import {endOfRun} from '../lib/runs.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {SlotBitmap} from '../slots/slot-bitmap.ts';
import type {LinkId, RoleChange} from './effects.ts';
import type {GossipEntry, MessageType} from './messages.ts';
import type {NodeId} from './node-id.ts';

/** Bits of `ClusterNode.flags`, also on the wire. */
export const NodeFlags = {
	MYSELF: 1,
	PRIMARY: 2,
	REPLICA: 4,
	/** No answer within the node timeout, as this node sees it. */
	PFAIL: 8,
	/** Failing by agreement of the majority of primaries. */
	FAIL: 16,
	/** Known by address only: its id is a random stand-in until its first pong. */
	HANDSHAKE: 32,
	/** The address is no longer that of this node. */
	NOADDR: 64,
	/** A MEET is to be sent as soon as the link is open. */
	MEET: 128,
	/** A replica that does not fail over by itself. */
	NOFAILOVER: 256,
} as const;

/** `owners[slot]` of a slot that nobody serves. */
export const UNASSIGNED_INDEX = 0;
/** `owners[slot]` of a slot that this node serves. */
export const MYSELF_INDEX = 1;

export interface ClusterNode {
	/** A random stand-in while in handshake. */
	id: NodeId;
	/** Place in `ClusterState.table`; 1 is myself. Given to another node after this one is removed. */
	readonly index: number;
	flags: number;
	/** Empty when not known yet. */
	host: string;
	port: number;
	busPort: number;
	hostname: string;
	/** Empty until the node said it. */
	shardId: string;
	configEpoch: number;
	/** Null for a primary, and for a replica whose primary is not known here. */
	primary: ClusterNode | null;
	readonly replicas: ClusterNode[];
	/** A primary that replicas have left by their death alone, or that took over from one: see replica-migration.ts. */
	mayTakeReplica: boolean;
	/** Since when it has been without a working replica, as replica-migration.ts sees it; 0: it is not. */
	orphanedAt: number;
	/** When this node last voted for a replica of it; 0: never. */
	votedAt: number;
	/** Number of slots it owns in this node's view. */
	slotCount: number;
	/** The bitmap of those slots while it is up to date; `ClusterState.slotsOf` makes it. Shared, never written. */
	slots: Uint8Array | null;
	/** When it became known, or its handshake began. */
	readonly createdAt: number;
	/** When a handshake with it was completed; 0 for nodes known otherwise. */
	metAt: number;
	/** When the ping that is not answered yet was sent; 0 when none is. */
	pingSentAt: number;
	/** When the last ping was sent, answered or not. */
	lastPingAt: number;
	/** 0: never. */
	pongReceivedAt: number;
	/** `sequence` of the newest packet of it. */
	heardSequence: number;
	/** Last time that any packet of it came. */
	dataReceivedAt: number;
	/** When the FAIL flag was set. */
	failedAt: number;
	replicationOffset: number;
	/** The link this node opened to it; null while there is none. */
	outbound: Link | null;
	/** The newest link on which it spoke first. */
	inbound: Link | null;
	/** What was last said of it, see gossip-entry.ts. */
	gossip: GossipEntry | null;
	/** When each primary last said that it does not reach this node. */
	readonly failureReports: Map<NodeId, number>;
}

/** A replica's attempt to be elected in place of its primary: see election.ts. */
export interface Election {
	readonly primary: ClusterNode;
	/** When votes are asked for. */
	startsAt: number;
	/** Number of siblings with newer data. */
	rank: number;
	/** The epoch it is about; 0 before votes were asked for. */
	epoch: number;
	/** Who voted for this node in that epoch. */
	readonly voters: Set<NodeId>;
}

/** An operator's failover under way, as each of the two nodes sees it: see manual-failover.ts. */
export type ManualFailover =
	| {
			readonly side: 'replica';
			readonly primary: ClusterNode;
			readonly endsAt: number;
			/** Where the primary stopped writing; null before it said so. */
			pausedAtOffset: number | null;
			/** The data is complete, or need not be: the election may begin. */
			canStart: boolean;
	  }
	| {readonly side: 'primary'; readonly replica: ClusterNode; readonly endsAt: number};

export interface Link {
	readonly id: LinkId;
	readonly direction: 'to' | 'from';
	/** Null for an inbound link whose sender is not known. */
	node: ClusterNode | null;
	/** Address of the other end as the transport knows it. */
	readonly remoteHost: string;
	/** This node's address as the other end reaches it; empty when the transport cannot tell. */
	readonly localHost: string;
	readonly createdAt: number;
	isOpen: boolean;
}

export interface MessageCounters {
	readonly sent: Record<MessageType, number>;
	readonly received: Record<MessageType, number>;
	/** Frames that were no message (see `ClusterCore.messageRejected`). */
	rejected: number;
}

function zeroes(): Record<MessageType, number> {
	return {
		ping: 0,
		pong: 0,
		meet: 0,
		fail: 0,
		publish: 0,
		'auth-req': 0,
		'auth-ack': 0,
		update: 0,
		mfstart: 0,
		module: 0,
		publishshard: 0,
	};
}

/** Read-only view for descriptions and other readers outside the core. */
export type ClusterView = Readonly<
	Omit<ClusterState, 'nodes' | 'migratingTo' | 'importingFrom' | 'links'>
> & {
	readonly nodes: ReadonlyMap<NodeId, NodeView>;
	readonly migratingTo: ReadonlyMap<number, NodeView>;
	readonly importingFrom: ReadonlyMap<number, NodeView>;
	readonly links: ReadonlyMap<LinkId, Readonly<Link>>;
};
export type NodeView = Readonly<ClusterNode>;

/** More packets than a node makes in a millisecond: so a later life begins above all of an earlier one. */
export const SEQUENCES_PER_MS = 1000;

/** Shared by all who own nothing. */
const NO_SLOTS = new SlotBitmap().bytes;

export class ClusterState {
	readonly myself: ClusterNode;
	/** By id, in the order they became known; nodes in handshake stand under their stand-in. */
	readonly nodes = new Map<NodeId, ClusterNode>();
	/** By index; null where no node stands. */
	readonly table: (ClusterNode | null)[] = [null];
	/** Index of the owner of each slot. */
	readonly owners = new Uint16Array(SLOT_COUNT);
	assignedCount = 0;
	/** Slots that their owner does not claim any more: see slot-ownership.ts. */
	readonly unclaimed = new SlotBitmap();
	readonly migratingTo = new Map<number, ClusterNode>();
	readonly importingFrom = new Map<number, ClusterNode>();
	readonly links = new Map<LinkId, Link>();
	/** Until when a forgotten node must not be learnt again from gossip. */
	readonly bans = new Map<NodeId, number>();
	currentEpoch = 0;
	lastVoteEpoch = 0;
	/** `cluster_state:ok` */
	isOk = false;
	/** Number of primaries with slots; the majority is of these. */
	size = 0;
	readonly messages: MessageCounters = {sent: zeroes(), received: zeroes(), rejected: 0};
	/** Number of nodes with the PFAIL flag. */
	pfailCount = 0;
	/** Number of nodes with the HANDSHAKE flag. */
	handshakeCount = 0;
	/** Before this time the node does not go from fail to ok: see cluster-health.ts. */
	writableAt = 0;
	/** When this node last saw itself cut off from the majority; 0: never. */
	minorityAt = 0;
	/** Null: this node leads, or has no primary with a known address yet. */
	followed: (RoleChange & {readonly kind: 'follow'}) | null = null;
	election: Election | null = null;
	manualFailover: ManualFailover | null = null;
	/** Why this replica last said that it cannot be elected, and when. */
	electionHindrance: {readonly reason: string; readonly saidAt: number} | null = null;
	/** When the next ping to a random node is due. */
	nextRandomPingAt = 0;
	lastLink: LinkId = 0;
	/** Of this node's own packets. */
	lastSequence: number;

	constructor(id: NodeId, now: number) {
		this.lastSequence = now * SEQUENCES_PER_MS;
		this.myself = this.addNode(id, NodeFlags.MYSELF | NodeFlags.PRIMARY, now);
		this.myself.shardId = id;
		assert(this.myself.index === MYSELF_INDEX, 'myself comes first in the table');
	}

	/** A manual failover waits for this replica's data to be that of its paused primary. */
	get awaitsOffset(): boolean {
		const {manualFailover} = this;
		if (manualFailover?.side !== 'replica') return false;
		return manualFailover.pausedAtOffset !== null && !manualFailover.canStart;
	}

	addNode(id: NodeId, flags: number, now: number): ClusterNode {
		assert(!this.nodes.has(id), 'a node is added once');
		let index = this.table.indexOf(null, 1);
		if (index < 0) index = this.table.length;
		const node: ClusterNode = {
			id,
			index,
			flags: 0,
			host: '',
			port: 0,
			busPort: 0,
			hostname: '',
			shardId: '',
			configEpoch: 0,
			primary: null,
			replicas: [],
			mayTakeReplica: false,
			orphanedAt: 0,
			votedAt: 0,
			slotCount: 0,
			slots: null,
			createdAt: now,
			metAt: 0,
			pingSentAt: 0,
			lastPingAt: 0,
			pongReceivedAt: 0,
			heardSequence: 0,
			dataReceivedAt: 0,
			failedAt: 0,
			replicationOffset: 0,
			outbound: null,
			inbound: null,
			gossip: null,
			failureReports: new Map(),
		};
		this.table[index] = node;
		this.nodes.set(id, node);
		this.setFlags(node, flags);
		return node;
	}

	/** Takes the node out of every place that names it. Its links are the caller's. */
	removeNode(node: ClusterNode): void {
		assert(node !== this.myself, 'a node does not remove itself');
		this.setFlags(node, 0);
		this.releaseSlots(node);
		for (const open of [this.migratingTo, this.importingFrom]) {
			for (const [slot, other] of open) if (other === node) open.delete(slot);
		}
		for (const other of this.nodes.values()) other.failureReports.delete(node.id);
		this.setPrimary(node, null);
		for (const replica of node.replicas) replica.primary = null;
		node.replicas.length = 0;
		this.table[node.index] = null;
		this.nodes.delete(node.id);
	}

	/** Gives a node its real id. The new id must not be known. */
	renameNode(node: ClusterNode, id: NodeId): void {
		assert(!this.nodes.has(id), 'an id names one node');
		this.nodes.delete(node.id);
		node.id = id;
		this.nodes.set(id, node);
	}

	/** Changes of PFAIL and HANDSHAKE go through here: the nodes that have these flags are counted. */
	setFlags(node: ClusterNode, flags: number): void {
		this.pfailCount += countOf(flags, NodeFlags.PFAIL) - countOf(node.flags, NodeFlags.PFAIL);
		this.handshakeCount += countOf(flags, NodeFlags.HANDSHAKE) - countOf(node.flags, NodeFlags.HANDSHAKE);
		node.flags = flags;
	}

	/** Makes `node` a replica of `primary`, or takes it out of its primary's replicas (null). Flags are the caller's. */
	setPrimary(node: ClusterNode, primary: ClusterNode | null): void {
		if (node.primary !== null) {
			const place = node.primary.replicas.indexOf(node);
			if (place >= 0) node.primary.replicas.splice(place, 1);
			// Replicas that were taken away are not missed.
			if (node.primary.replicas.length === 0) node.primary.mayTakeReplica = false;
		}
		node.primary = primary;
		if (primary === null) return;
		primary.replicas.push(node);
		primary.mayTakeReplica = true;
	}

	owner(slot: number): ClusterNode | null {
		return this.table[this.owners[slot]!]!;
	}

	/** Gives `slot` to `node`, or to nobody. An own slot that leaves is not migrating any more. */
	assign(slot: number, node: ClusterNode | null): void {
		this.#assignRun(slot, slot + 1, node);
	}

	/** The same for all slots from `first` up to `end`, which is not among them. */
	assignRange(first: number, end: number, node: ClusterNode | null): void {
		for (let from = first, to = first; from < end; from = to) {
			to = endOfRun(this.owners, from, end);
			this.#assignRun(from, to, node);
		}
	}

	/** All the slots have the same owner. */
	#assignRun(first: number, end: number, node: ClusterNode | null): void {
		const before = this.owner(first);
		if (before === node) return;
		const count = end - first;
		if (this.unclaimed.count > 0) for (let slot = first; slot < end; slot++) this.unclaimed.delete(slot);
		if (before !== null) {
			before.slotCount -= count;
			before.slots = null;
			this.assignedCount -= count;
			if (before === this.myself && this.migratingTo.size > 0)
				for (let slot = first; slot < end; slot++) this.migratingTo.delete(slot);
		}
		if (node !== null) {
			// A shard among others that have replicas shall have one too.
			if (node.slotCount === 0 && this.#someoneHasReplicas()) node.mayTakeReplica = true;
			node.slotCount += count;
			node.slots = null;
			this.assignedCount += count;
		}
		this.owners.fill(node === null ? UNASSIGNED_INDEX : node.index, first, end);
	}

	/** Gives all slots of `node` to `heir`, or to nobody. */
	assignAllOf(node: ClusterNode, heir: ClusterNode | null): void {
		assert(node !== heir, 'slots go to another node');
		for (let first = 0, end = 0; node.slotCount > 0; first = end) {
			first = this.owners.indexOf(node.index, first);
			end = endOfRun(this.owners, first);
			this.#assignRun(first, end, heir);
		}
	}

	#someoneHasReplicas(): boolean {
		return this.table.some((node) => node !== null && node.replicas.length > 0);
	}

	/** Leaves all slots of `node` without an owner; the number of them. */
	releaseSlots(node: ClusterNode): number {
		const released = node.slotCount;
		this.assignAllOf(node, null);
		return released;
	}

	/** The slots of `node` as a bitmap that may be sent and must not be written. */
	slotsOf(node: ClusterNode): Uint8Array {
		if (node.slots === null && node.slotCount === 0) node.slots = NO_SLOTS;
		if (node.slots === null) {
			const slots = new SlotBitmap();
			for (let first = 0, end = 0; slots.count < node.slotCount; first = end) {
				first = this.owners.indexOf(node.index, first);
				end = endOfRun(this.owners, first);
				slots.addRun(first, end);
			}
			node.slots = slots.bytes;
		}
		return node.slots;
	}

	/** True when `claimed` is what this node believes of `node` already. */
	isCurrentClaim(node: ClusterNode, claimed: Uint8Array): boolean {
		const known = this.slotsOf(node);
		if (known === claimed) return true;
		if (!equalBytes(known, claimed)) return false;
		// Nodes of one process send the same array again and again: the next comparison is one of references.
		node.slots = claimed;
		return true;
	}
}

function countOf(flags: number, flag: number): number {
	return (flags & flag) === 0 ? 0 : 1;
}

export function isPrimary(node: NodeView): boolean {
	return (node.flags & NodeFlags.PRIMARY) !== 0;
}

export function isReplica(node: NodeView): boolean {
	return (node.flags & NodeFlags.REPLICA) !== 0;
}

export function hasFlag(node: NodeView, flags: number): boolean {
	return (node.flags & flags) !== 0;
}

/** True for those whose word counts in the majority: primaries that serve slots. */
export function isVoter(node: NodeView): boolean {
	return isPrimary(node) && node.slotCount > 0;
}

/** The primary whose slots and epoch a node speaks for: itself, its primary, or null when that is not known. */
export function primaryOf(node: ClusterNode): ClusterNode | null {
	return isPrimary(node) ? node : node.primary;
}
