/**
 * The parameters that something in the node reads, as typed values. CONFIG GET and SET know all parameters of redis by name and
 * text (src/node/config-parameters.ts); those that act write a field here.
 */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

export interface OutputBufferLimit {
	/** 0: no limit. */
	readonly hardBytes: number;
	readonly softBytes: number;
	readonly softSeconds: number;
}

export interface OutputBufferLimits {
	readonly normal: OutputBufferLimit;
	readonly replica: OutputBufferLimit;
	readonly pubsub: OutputBufferLimit;
}

export type MaxMemoryPolicy =
	| 'noeviction'
	| 'volatile-lru'
	| 'volatile-lfu'
	| 'volatile-random'
	| 'volatile-ttl'
	| 'allkeys-lru'
	| 'allkeys-lfu'
	| 'allkeys-random';

/** `local`: only for connections that come from this machine. */
export type Gate = 'no' | 'yes' | 'local';

/**
 * The parameters that something in the node reads. Plain fields, each with its redis default, so that the hot path pays one
 * load; only `Config` writes them.
 */
export class Settings {
	// network
	port = 6379;
	bind: readonly string[] = ['*', '-::*'];
	tcpBacklog = 511;
	/** 0: idle clients are kept. */
	timeoutSeconds = 0;
	/** 0: no probes. */
	tcpKeepAliveSeconds = 300;
	protectedMode = true;
	maxClients = 10_000;
	/** Empty: no password is asked. */
	requirePass = '';
	clientOutputBufferLimits: OutputBufferLimits = {
		normal: {hardBytes: 0, softBytes: 0, softSeconds: 0},
		replica: {hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60},
		pubsub: {hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60},
	};
	clientQueryBufferLimitBytes = 2 ** 30;
	protoMaxBulkBytes = 512 << 20;
	// data
	databases = 16;
	/** 0: no limit. */
	maxMemoryBytes = 0;
	maxMemoryPolicy: MaxMemoryPolicy = 'noeviction';
	lfuLogFactor = 10;
	lfuDecayMinutes = 1;
	/** Runs of the cron per second. */
	hz = 10;
	activeExpireEffort = 1;
	// replication
	/** `host port` of the primary; empty: none. */
	replicaOf = '';
	/** What this node shows its primary; empty: nothing is asked for. */
	primaryUser = '';
	primaryPassword = '';
	replicationTimeoutSeconds = 60;
	replPingReplicaPeriodSeconds = 10;
	replicationBacklogBytes = 1024 * 1024;
	/** 0: the backlog is kept for ever. */
	replicationBacklogSeconds = 3600;
	/** 0: writes need no replicas. */
	minReplicasToWrite = 0;
	minReplicasMaxLagSeconds = 10;
	/** Empty: the address that the primary sees. */
	replicaAnnounceIp = '';
	/** 0: the node's own. */
	replicaAnnouncePort = 0;
	replicaAnnounced = true;
	replicaReadOnly = true;
	/** Writes that the disk refuses do not end a replica. */
	replicaIgnoreDiskWriteErrors = false;
	/** What the primary has room for is not refused for want of it. */
	replicaIgnoreMaxMemory = true;
	/** No: a snapshot is complete before any replica gets the beginning of it. */
	replDisklessSync = true;
	/** How long a snapshot waits for further replicas that want it, and for how many at most (0: any number). */
	replDisklessSyncDelaySeconds = 0;
	replDisklessSyncMaxReplicas = 0;
	replDisableTcpNoDelay = false;
	/** What becomes of a node that cannot carry out a command of its primary, or of its append-only file. */
	propagationErrorBehavior: 'ignore' | 'panic' | 'panic-on-replicas' = 'ignore';
	replicaServeStaleData = true;
	replicaPriority = 100;
	/** How long SHUTDOWN waits for replicas that lag; 0: not at all. */
	shutdownTimeoutSeconds = 10;
	// observation
	/** Negative: nothing is logged. */
	slowlogLogSlowerThanUs = 10_000;
	slowlogMaxLength = 128;
	/** 0: off. */
	latencyMonitorThresholdMs = 0;
	latencyTracking = true;
	latencyTrackingInfoPercentiles: readonly number[] = [50, 99, 99.9];
	logLevel: LogLevel = 'notice';
	enableDebugCommand: Gate = 'no';
	// files
	/** Absolute. */
	dir = '';
	/** Seconds and changes, in turn; none: no snapshot is made by itself. */
	savePoints: readonly number[] = [3600, 1, 300, 100, 60, 10_000];
	dbFilename = 'dump.rdb';
	rdbCompression = true;
	rdbChecksum = true;
	/** Files that are written in the background go to the disk bit by bit. */
	rdbSaveIncrementalFsync = true;
	aofRewriteIncrementalFsync = true;
	stopWritesOnBgsaveError = true;
	shutdownOnSigterm: readonly string[] = [];
	appendOnly = false;
	appendFilename = 'appendonly.aof';
	appendDirname = 'appendonlydir';
	appendFsync: 'always' | 'everysec' | 'no' = 'everysec';
	noAppendFsyncOnRewrite = false;
	/** 0: the file is not rewritten by itself. */
	autoAofRewritePercentage = 100;
	autoAofRewriteMinBytes = 64 << 20;
	aofDisableAutoGc = false;
	aofLoadTruncated = true;
	aofTimestampEnabled = false;
	aofUseRdbPreamble = true;
	// cluster
	clusterEnabled = false;
	clusterConfigFile = 'nodes.conf';
	clusterNodeTimeoutMs = 15_000;
	clusterRequireFullCoverage = true;
	clusterReplicaNoFailover = false;
	/** 0: data of any age will do. */
	clusterReplicaValidityFactor = 10;
	clusterMigrationBarrier = 1;
	clusterAllowReplicaMigration = true;
	clusterAllowReadsWhenDown = false;
	clusterAllowPubsubshardWhenDown = true;
	clusterLinkSendBufferLimitBytes = 0;
	clusterPreferredEndpointType: 'ip' | 'hostname' | 'unknown-endpoint' = 'ip';
	/** Empty: the address that peers see. */
	clusterAnnounceIp = '';
	clusterAnnounceHostname = '';
	/** 0: the node's own. */
	clusterAnnouncePort = 0;
	clusterAnnounceBusPort = 0;
}
