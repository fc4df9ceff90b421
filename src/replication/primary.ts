/**
 * The primary's end of a replication link: what is known of each replica, how a PSYNC is answered, who counts as a good
 * replica, and whose time is over. It sends nothing itself.
 *
 *     replica                                 primary
 *       | PING, AUTH, REPLCONF ...              |  handshake
 *       | PSYNC <id> <first byte> ------------> |
 *       | <-- +CONTINUE <id>, the missing bytes |  online
 *       |   or                                  |
 *       | <-- +FULLRESYNC <id> <offset> ------- |  wait-snapshot (\n each second), then receiving
 *       | <-- $EOF:<mark> snapshot <mark> ----- |  awaiting-ack: the stream is held back
 *       |      or $<length> snapshot            |
 *       | REPLCONF ACK <offset> each second --> |  online
 */
import type {Mismatch, ReplicationHistory} from './history.ts';

export type ReplicaPhase = 'handshake' | 'wait-snapshot' | 'receiving' | 'awaiting-ack' | 'online';

/** What REPLCONF told of a replica, and how far it is. Mutable: each fact comes when it comes. */
export interface ReplicaRecord {
	phase: ReplicaPhase;
	/** `listening-port`; 0 until told. */
	listeningPort: number;
	/** `ip-address`; empty: the address that the link comes from. */
	announcedHost: string;
	/** `capa eof`: takes a snapshot whose length is not known before. */
	takesUnknownLength: boolean;
	/** `capa psync2`: understands a new id behind +CONTINUE. */
	takesNewId: boolean;
	/** `rdb-only`: wants a snapshot and no stream. */
	isSnapshotOnly: boolean;
	/** Came by SYNC: acknowledges nothing. */
	neverAcks: boolean;
	/** Offset up to which it said to have applied the stream. */
	ackOffset: number;
	/** Of that, what it said to have on its disk; -1 when it said nothing of that. */
	durableOffset: number;
	/** When it last said so, or when it came online. */
	ackAtMs: number;
}

export function newReplica(): ReplicaRecord {
	return {
		phase: 'handshake',
		listeningPort: 0,
		announcedHost: '',
		takesUnknownLength: false,
		takesNewId: false,
		isSnapshotOnly: false,
		neverAcks: false,
		ackOffset: 0,
		durableOffset: -1,
		ackAtMs: 0,
	};
}

export type PsyncAnswer =
	| {readonly kind: 'continue'; readonly line: string; readonly bytes: Uint8Array}
	/** `mismatch` is null when the replica asked for a full resynchronisation itself. */
	| {readonly kind: 'full'; readonly mismatch: Mismatch | null};

/** The id of a replica that has no history. */
const NO_HISTORY = '?';

/** @param firstByte number of the first byte that the replica wants, from 1 */
export function answerPsync(
	history: ReplicationHistory,
	replica: Readonly<ReplicaRecord>,
	id: string,
	firstByte: number,
): PsyncAnswer {
	if (id === NO_HISTORY) return {kind: 'full', mismatch: null};
	const mismatch = history.mismatch(id, firstByte);
	if (mismatch !== null) return {kind: 'full', mismatch};
	return {
		kind: 'continue',
		line: replica.takesNewId ? `+CONTINUE ${history.id}\r\n` : '+CONTINUE\r\n',
		bytes: history.since(firstByte),
	};
}

/** Seconds since the replica last acknowledged. */
export const lagSeconds = ({ackAtMs}: Readonly<ReplicaRecord>, nowMs: number): number =>
	Math.max(0, Math.floor((nowMs - ackAtMs) / 1000));

/** Replicas that `min-replicas-to-write` counts. */
export function countGood(
	replicas: Iterable<Readonly<ReplicaRecord>>,
	maxLagSeconds: number,
	nowMs: number,
): number {
	let count = 0;
	for (const replica of replicas)
		if (replica.phase === 'online' && lagSeconds(replica, nowMs) <= maxLagSeconds) count++;
	return count;
}

/** Replicas that have applied the stream up to an offset, as WAIT counts them. */
export function countAcknowledged(replicas: Iterable<Readonly<ReplicaRecord>>, offset: number): number {
	let count = 0;
	for (const replica of replicas) if (replica.phase === 'online' && replica.ackOffset >= offset) count++;
	return count;
}

/** Replicas that have the stream up to an offset on their disks, as WAITAOF counts them. */
export function countDurable(replicas: Iterable<Readonly<ReplicaRecord>>, offset: number): number {
	let count = 0;
	for (const {phase, durableOffset} of replicas)
		if (phase === 'online' && durableOffset >= 0 && durableOffset >= offset) count++;
	return count;
}

/** Whether a replica that should acknowledge each second has been silent for too long. */
export function isOverdue(replica: Readonly<ReplicaRecord>, nowMs: number, timeoutMs: number): boolean {
	const owesAcks = replica.phase === 'online' || replica.phase === 'awaiting-ack';
	return owesAcks && !replica.neverAcks && nowMs - replica.ackAtMs > timeoutMs;
}
