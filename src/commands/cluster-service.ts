/**
 * The cluster as commands and the executor see it: who serves a slot, what the node knows, and the one way to change it.
 * Implemented by src/node/cluster-node.ts.
 *
 * The executor routes a command that has keys thus (one without keys runs wherever it is sent):
 *
 *     if (hasKeysOfSeveralSlots) return reply.error(cluster.crossSlot(slotOfFirstKey));
 *     if (!cluster.isServedHere(slot)) {
 *         const line = cluster.redirect(slot, command, client, countKeys);
 *         if (line !== null) return reply.error(line);
 *     }
 */
import type {ChangeOutcome, ClusterChange} from '../cluster/changes.ts';
import type {ClusterConfig} from '../cluster/config.ts';
import type {ClusterView} from '../cluster/state.ts';

/** Which of a command's keys are in this node's database. */
export interface KeyPresence {
	/** A key given twice counts twice. */
	readonly presentCount: number;
	readonly missingCount: number;
	/** At least two different keys. */
	readonly hasSeveralKeys: boolean;
}

/** What routing must know of a command: a `Command` fits. For EXEC: the flags of all queued commands together. */
export interface RoutedCommand {
	readonly name: string;
	/** Bits of `FLAG`. */
	readonly flagBits: number;
}

/** What routing must know of a client: a `Client` fits. */
export interface RoutedClient {
	readonly readonlyMode: boolean;
	readonly asking: boolean;
}

/** Bytes sent on a bus link that the other end has not taken yet. */
export interface LinkBuffer {
	readonly pendingBytes: number;
	/** What is reserved for them. */
	readonly allocatedBytes: number;
}

export interface ClusterService {
	/**
	 * True: any command on keys of this slot runs here, whoever the client is. One read of a typed array.
	 * False says nothing yet: `redirect` knows.
	 */
	isServedHere(slot: number): boolean;
	/**
	 * The error line (S12 to S18, without the leading `-`) for a command on keys of this slot, or null when it may run here.
	 * `countKeys` is called at most once, and only while the slot is on its way between two nodes; it must look keys up
	 * without touching, counting or expiring them.
	 */
	redirect(
		slot: number,
		command: RoutedCommand,
		client: RoutedClient,
		countKeys: () => KeyPresence,
	): string | null;
	/** The error line for keys of several slots (S11): that the first key's slot is served by nobody is found before. */
	crossSlot(firstSlot: number): string;
	/** For src/cluster/describe.ts. Live: it changes with the next event of the node. */
	readonly view: ClusterView;
	readonly config: Readonly<ClusterConfig>;
	/** The time of the cluster core, Unix ms that never go backwards. */
	nowMs(): number;
	/** Links dropped since the start because their send buffer was over `cluster-link-sendbuf-limit`. */
	readonly linksOverLimitCount: number;
	linkBuffer(link: number): LinkBuffer;
	/**
	 * Carries out what an operator asks for, or refuses it with redis-server's error line. Epochs are durable when it returns;
	 * all else is in nodes.conf after `settle`, which must come before the client is told. Throws when nodes.conf cannot be
	 * written: the node must not go on (but `save-config` is refused with the reason).
	 */
	submit(change: ClusterChange): ChangeOutcome;
	/** A message for a channel goes to the other nodes, of a sharded channel to those of the shard. The bytes are copied. */
	publish(channel: Uint8Array, message: Uint8Array, isSharded: boolean): void;
	/** Once for all commands of a chunk, before their replies leave: nodes.conf says what they changed. Throws as `submit`. */
	settle(): void;
}
