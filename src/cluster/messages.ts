/**
 * The packets of the cluster bus as plain data. Chapter: Cluster Specification, "Cluster bus", "Heartbeat and gossip
 * messages", "Heartbeat packet content".
 *
 * Messages are shared, never written after they are sent: in one process a broadcast is one object for all receivers.
 */

import type {NodeId} from './node-id.ts';

/**
 * Every type that is counted in CLUSTER INFO, in the order of the wire's type numbers, with the name CLUSTER INFO gives it.
 * The types that travel are those of `BusMessage`.
 */
export const MESSAGE_TYPES = [
	'ping',
	'pong',
	'meet',
	'fail',
	'publish',
	'auth-req',
	'auth-ack',
	'update',
	'mfstart',
	'module',
	'publishshard',
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** What a node says of itself in each packet. */
export interface Header {
	readonly sender: NodeId;
	/** Grows with every packet of the sender, also over its restarts: tells the newer of two that came by different links. */
	readonly sequence: number;
	/** `NodeFlags` bits. */
	readonly flags: number;
	readonly currentEpoch: number;
	/** Of the sender, or of its primary when the sender is a replica. */
	readonly configEpoch: number;
	readonly replicationOffset: number;
	/** 2,048 bytes, bit `slot & 7` of byte `slot >> 3`: slots served by the sender, or by its primary. */
	readonly slots: Uint8Array;
	/** The primary the sender replicates; null for a primary. */
	readonly primary: NodeId | null;
	/** Announced address; empty when the receiver should use the address the link comes from. */
	readonly host: string;
	readonly port: number;
	readonly busPort: number;
	/** `cluster-announce-hostname`, or empty. */
	readonly hostname: string;
	/** 40 hexadecimal digits, shared by a primary and its replicas. */
	readonly shardId: string;
	/** The sender's view of the cluster's state. */
	readonly ok: boolean;
	/** The replica for whose manual failover the sender holds its writes up, at `replicationOffset`; null as a rule. */
	readonly pausedFor: NodeId | null;
}

/** What the sender thinks of another node. Times are milliseconds since the Unix epoch, 0 for none. */
export interface GossipEntry {
	readonly node: NodeId;
	readonly host: string;
	readonly port: number;
	readonly busPort: number;
	/** `NodeFlags` bits. */
	readonly flags: number;
	readonly pingSentAt: number;
	readonly pongReceivedAt: number;
}

/** Ping, pong and meet are the same packet; one variant each, so that handlers can be keyed by type. */
export interface Heartbeat<T extends 'ping' | 'pong' | 'meet' = 'ping' | 'pong' | 'meet'> {
	readonly type: T;
	readonly header: Header;
	readonly gossip: readonly GossipEntry[];
}

/** Sets the FAIL flag of a node everywhere. */
export interface FailMessage {
	readonly type: 'fail';
	readonly header: Header;
	readonly about: NodeId;
}

/** Tells the sender of a stale claim who serves those slots now. */
export interface UpdateMessage {
	readonly type: 'update';
	readonly header: Header;
	readonly node: NodeId;
	readonly configEpoch: number;
	readonly slots: Uint8Array;
}

/** A replica asks for a vote in the epoch of the header, for the slots and the configEpoch in it (its primary's). */
export interface AuthRequest {
	readonly type: 'auth-req';
	readonly header: Header;
	/** The primary need not be failing: an operator asked for it. */
	readonly isForced: boolean;
}

/** A vote in the epoch of the header. */
export interface AuthAck {
	readonly type: 'auth-ack';
	readonly header: Header;
}

/** A replica asks its primary to pause its writes for a manual failover. */
export interface ManualFailoverStart {
	readonly type: 'mfstart';
	readonly header: Header;
}

/** A message to those who listen to a channel; `publishshard`: to a sharded one. */
export interface PublishMessage<T extends 'publish' | 'publishshard'> {
	readonly type: T;
	readonly header: Header;
	readonly channel: Uint8Array;
	readonly message: Uint8Array;
}

export type BusMessage =
	| Heartbeat<'ping'>
	| Heartbeat<'pong'>
	| Heartbeat<'meet'>
	| FailMessage
	| UpdateMessage
	| AuthRequest
	| AuthAck
	| ManualFailoverStart
	| PublishMessage<'publish'>
	| PublishMessage<'publishshard'>;
