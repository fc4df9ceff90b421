/** The cluster core's configuration as the node's settings have it. */
import type {ClusterConfig} from '../cluster/config.ts';
import type {Settings} from '../commands/settings.ts';

/** The parameters of redis.conf that `clusterConfigOf` reads. */
export const CLUSTER_PARAMETERS = [
	'cluster-node-timeout',
	'cluster-require-full-coverage',
	'cluster-allow-reads-when-down',
	'cluster-allow-pubsubshard-when-down',
	'cluster-replica-no-failover',
	'cluster-replica-validity-factor',
	'repl-ping-replica-period',
	'cluster-migration-barrier',
	'cluster-allow-replica-migration',
	'cluster-announce-ip',
	'cluster-announce-port',
	'cluster-announce-bus-port',
	'cluster-announce-hostname',
	'cluster-preferred-endpoint-type',
] as const;

export function clusterConfigOf(settings: Settings): ClusterConfig {
	return {
		nodeTimeoutMs: settings.clusterNodeTimeoutMs,
		requireFullCoverage: settings.clusterRequireFullCoverage,
		allowReadsWhenDown: settings.clusterAllowReadsWhenDown,
		allowShardedPubsubWhenDown: settings.clusterAllowPubsubshardWhenDown,
		replicaNoFailover: settings.clusterReplicaNoFailover,
		replicaValidityFactor: settings.clusterReplicaValidityFactor,
		replicaPingPeriodMs: settings.replPingReplicaPeriodSeconds * 1000,
		migrationBarrier: settings.clusterMigrationBarrier,
		allowReplicaMigration: settings.clusterAllowReplicaMigration,
		announceHost: settings.clusterAnnounceIp,
		announcePort: settings.clusterAnnouncePort,
		announceBusPort: settings.clusterAnnounceBusPort,
		announceHostname: settings.clusterAnnounceHostname,
		preferredEndpointType: settings.clusterPreferredEndpointType,
	};
}
