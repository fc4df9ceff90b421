/**
 * What the pure core is told by its surroundings: settings, randomness and the few facts of the data plane.
 */

/** Uniform integers from a seeded generator (`Prng` of lib/prng.ts is one). */
export interface Random {
	/** 0 <= result < bound. */
	below(bound: number): number;
	/** 32 random bits. */
	next32(): number;
}

/** What the core asks about the node's own data. Answers may change between steps, not within one. */
export interface DataFacts {
	/** Number of keys in the node's database. */
	keyCount(): number;
	/** Number of keys in one slot. */
	slotKeyCount(slot: number): number;
	/**
	 * Bytes of the replication stream: what a primary has produced, with every command run so far; what a replica has applied.
	 * 0 for a replica that has no data of its primary.
	 */
	replicationOffset(): number;
	/** A replica's link to its primary is up and the data is that of the primary. A primary is not asked. */
	isPrimaryLinkUp(): boolean;
	/** Milliseconds since a replica last heard of its primary on that link; Infinity when it never did. */
	dataAgeMs(now: number): number;
}

/** Which of a node's names MOVED, CLUSTER SLOTS and CLUSTER SHARDS show (`cluster-preferred-endpoint-type`). */
export type EndpointType = 'ip' | 'hostname' | 'unknown-endpoint';

/** redis.conf's cluster settings. The object is shared with the shell: CONFIG SET writes it, then calls `ClusterCore.reconfigured`. */
export interface ClusterConfig {
	/** `cluster-node-timeout` */
	nodeTimeoutMs: number;
	/** `cluster-require-full-coverage` */
	requireFullCoverage: boolean;
	/** `cluster-allow-reads-when-down` */
	allowReadsWhenDown: boolean;
	/** `cluster-allow-pubsubshard-when-down` */
	allowShardedPubsubWhenDown: boolean;
	/** `cluster-replica-no-failover`: no election but by an operator; shown to others as a flag. */
	replicaNoFailover: boolean;
	/** `cluster-replica-validity-factor`: node timeouts for which a replica's data may be old; 0: any age will do. */
	replicaValidityFactor: number;
	/** `repl-ping-replica-period` */
	replicaPingPeriodMs: number;
	/** `cluster-migration-barrier`: working replicas that a primary keeps when one of them moves to an orphaned primary. */
	migrationBarrier: number;
	/** `cluster-allow-replica-migration` */
	allowReplicaMigration: boolean;
	/** `cluster-announce-ip`; empty when not set. */
	announceHost: string;
	/** `cluster-announce-port`; 0 when not set. */
	announcePort: number;
	/** `cluster-announce-bus-port`; 0 when not set. */
	announceBusPort: number;
	/** `cluster-announce-hostname`; empty when not set. */
	announceHostname: string;
	/** `cluster-preferred-endpoint-type` */
	preferredEndpointType: EndpointType;
}

/** The values that redis-server 7.0 starts with. */
export function defaultClusterConfig(): ClusterConfig {
	return {
		nodeTimeoutMs: 15_000,
		requireFullCoverage: true,
		allowReadsWhenDown: false,
		allowShardedPubsubWhenDown: true,
		replicaNoFailover: false,
		replicaValidityFactor: 10,
		replicaPingPeriodMs: 10_000,
		migrationBarrier: 1,
		allowReplicaMigration: true,
		announceHost: '',
		announcePort: 0,
		announceBusPort: 0,
		announceHostname: '',
		preferredEndpointType: 'ip',
	};
}
