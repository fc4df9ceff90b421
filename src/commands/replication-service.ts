/**
 * Replication as commands and the executor see it: which role the node has, who follows it, whom it follows, and the ways to
 * change that. Implemented by src/node/replication.ts.
 */
import type {ReplicationHistory} from '../replication/history.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Client} from './client.ts';
import {CommandError} from './errors.ts';

/** A replica of this node, as ROLE and INFO show it. */
export interface FollowerFacts {
	readonly host: string;
	readonly port: number;
	readonly state: 'wait_bgsave' | 'send_bulk' | 'online';
	/** What it last acknowledged. */
	readonly offset: number;
	readonly lagSeconds: number;
}

/** A snapshot on its way from the primary. */
export interface SyncProgress {
	/** -1 when the primary did not tell. */
	readonly totalBytes: number;
	readonly readBytes: number;
	readonly lastHeardSecondsAgo: number;
}

/** The node that this one follows. */
export interface PrimaryFacts {
	readonly host: string;
	readonly port: number;
	/** As ROLE prints it. */
	readonly state: 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected';
	/** -1 while the link is not up. */
	readonly lastHeardSecondsAgo: number;
	/** Bytes of the stream that arrived; those that are applied are the history's offset. */
	readonly readOffset: number;
	/** Null while none is under way. */
	readonly sync: SyncProgress | null;
	/** -1 when it never was up. */
	readonly downForSeconds: number;
}

/** As INFO prints it. */
export type FailoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress';

/** What FAILOVER asks for. */
export interface FailoverOrder {
	/** Null: whichever replica has everything first. */
	readonly target: {readonly host: string; readonly port: number} | null;
	/** When the time is over the target takes over without what it lacks. */
	readonly isForced: boolean;
	/** 0: without end. */
	readonly timeoutMs: number;
}

/** Numbers of disks. */
export interface Durability {
	/** 1: this node's. */
	readonly local: 0 | 1;
	readonly replicas: number;
}

export interface ReplicationService {
	/** The node follows another. What it holds expires by its primary's word alone. */
	readonly isReplica: boolean;
	/** False: `refusal` has nothing to say. One read for each command. */
	readonly hasRules: boolean;
	/** The error line for a command with these flags, or null; in Redis's order of checks. */
	refusal(flagBits: number, client: Client): string | null;

	/** A client's command may have changed the key, on a replica that may be written to. */
	wroteLocally(database: number, key: Uint8Array): void;
	/** From the cron: on a replica, removes keys that clients wrote to it and that have expired. @param nowMs unix time */
	expireLocal(nowMs: number, isOver: () => boolean): void;

	/** The disk does not take a command of the primary. Returns when the replica may go on without it. */
	lacksDisk(): void;

	readonly history: Readonly<
		Pick<ReplicationHistory, 'id' | 'secondId' | 'secondOffset' | 'offset' | 'backlog'>
	>;
	/** Null on a primary. */
	readonly primary: PrimaryFacts | null;
	followers(): readonly FollowerFacts[];
	/** Replicas that are online and acknowledged lately, by `min-replicas-max-lag`. */
	readonly goodFollowerCount: number;

	/**
	 * PSYNC: the client becomes a replica. What it is answered goes out by itself.
	 * @param firstByte number of the first byte of the stream that it wants, from 1
	 * @throws CommandError
	 */
	psync(client: Client, id: string, firstByte: number): void;
	/** SYNC. @throws CommandError */
	sync(client: Client): void;
	/** REPLCONF ACK, with FACK: `durableOffset` is negative without. */
	acknowledged(client: Client, offset: number, durableOffset: number): void;
	/** REPLCONF GETACK, by the primary. */
	acknowledge(): void;

	/** REPLICAOF. False: it follows that one already. */
	follow(host: string, port: number): boolean;
	/** REPLICAOF NO ONE. Does nothing on a primary. */
	lead(): void;
	readonly failoverState: FailoverState;
	/** FAILOVER, on a node without a cluster. @throws CommandError */
	failover(order: FailoverOrder): void;
	/** FAILOVER ABORT. @throws CommandError when there is none */
	abortFailover(): void;
	/** WAIT: number of replicas that have all that the client wrote. */
	acknowledgedCount(client: Client): number;
	/** WAIT: replies to the client when so many have it, or after `timeoutMs` (0: never) with the number that do. */
	wait(client: Client, count: number, timeoutMs: number): void;
	/** WAITAOF: where all that the client wrote is on the disk. */
	durability(client: Client): Durability;
	/** WAITAOF: replies to the client when it is on so many disks, or after `timeoutMs` (0: never) with what is so then. */
	waitDurable(client: Client, wanted: Durability, timeoutMs: number): void;
}

/** Also for who waited when the file was turned off. */
export const WAITAOF_WITHOUT_AOF = new CommandError(
	'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
);

/** The reply of WAITAOF. */
export function writeDurability(reply: ReplyWriter, {local, replicas}: Durability): void {
	reply.array(2);
	reply.integer(local);
	reply.integer(replicas);
}
