/**
 * The public API: a Redis Cluster inside the calling process.
 *
 *     import {startCluster} from 'shoal';
 *     await using cluster = await startCluster({shards: 3, basePort: 0});
 *     new Redis.Cluster([...cluster.nodes]);
 *
 * It prints nothing, handles no signals and never ends the process. The cluster keeps the process alive until it is stopped.
 */
import {LaunchError, UsageError} from './launcher/errors.ts';
import type {LauncherEvent} from './launcher/events.ts';
import type {NodePhase, NodeRole} from './launcher/events.ts';
import {threadFilesBeside} from './launcher/thread-files.ts';

export {LaunchError, UsageError};
export type {LauncherEvent as ClusterEvent, NodePhase, NodeRole};

/** What the cluster is to be. Everything has a default. */
export interface ClusterOptions {
	/** How the cluster is called in messages. Default `shoal`. */
	readonly name?: string;
	/** Primaries, each with its share of the 16384 slots: 1 to 256. Default 3. */
	readonly shards?: number;
	/** Replicas of each primary: 0 to 5. Default 0. */
	readonly replicas?: number;
	/** Port of the first node, the others follow, up to 55535. 0: free ones that the system chooses. Default 7000. */
	readonly basePort?: number;
	/** IP address to listen on and to announce. Default `127.0.0.1`. */
	readonly bind?: string;
	/**
	 * Where nodes keep their files. The nodes of an earlier run on it come back as they were, also those that were started in
	 * addition. Default: a temporary directory, removed by `stop`; no snapshots are made in it unless `config.save` says so.
	 */
	readonly dataDir?: string;
	/** After how many milliseconds of silence a node counts as failing: 50 to 3600000. Default 15000. */
	readonly nodeTimeoutMs?: number;
	/** What clients must give to AUTH. Default: none is asked. */
	readonly password?: string;
	/**
	 * What becomes of a node that crashes: nothing, or it is started again from its files, at first after 0.1 s, then after
	 * twice as long each time up to 10 s. Nodes that were stopped or killed stay down. Default `never`.
	 */
	readonly restart?: 'never' | 'on-failure';
	/** Directives of redis.conf for all nodes: `{maxmemory: '100mb'}`. */
	readonly config?: Readonly<Record<string, string | number | boolean>>;
	/** False: leaves the nodes empty and alone. Default true. */
	readonly create?: boolean;
	/** Ends a start that is under way: `startCluster` then rejects, with nothing left behind. */
	readonly signal?: AbortSignal;
	/** Is told what happens, such as `node-crashed`. Must not throw. */
	readonly onEvent?: (event: LauncherEvent) => void;
}

/** A node's address and how it was when it was asked for. Also what ioredis takes as a startup node. */
export interface ClusterNode {
	readonly host: string;
	readonly port: number;
	/** 40 hex digits, as in CLUSTER NODES; empty while the node has never run. */
	readonly id: string;
	/** `host:port`. */
	readonly address: string;
	/** `running` as a rule. */
	readonly phase: NodePhase;
	/** What the node is to the data; left out where it has not told, and while it is not running. */
	readonly role?: NodeRole;
}

/**
 * A node of this cluster: itself, its index in `nodes`, its port, `host:port`, or its id or how that begins. Words that mean
 * any number of nodes are understood too: `primaries`, `replicas`, `all`, `random`, `minority`, `majority`, `shard:<n>`,
 * `owner-of:<key or slot>`.
 */
export type NodeTarget = ClusterNode | number | string;

/** A running cluster. What is done to its nodes rejects with UsageError for a target that means no node, else LaunchError. */
export interface Cluster extends AsyncDisposable {
	/** As they are now: primaries as they were created, then replicas, then nodes started later. A node keeps its place. */
	readonly nodes: readonly ClusterNode[];
	/** `host:port` of the first node that runs: enough for any cluster client. */
	readonly address: string;
	/**
	 * Ends a node's thread in the middle of whatever it does; nothing is flushed. With `graceful` it may save what it has, as
	 * on SHUTDOWN. Resolves when it is gone. The others hear nothing of it: they notice by its silence.
	 */
	kill(node: NodeTarget, options?: {readonly graceful?: boolean}): Promise<void>;
	/** Starts a node that is down, from its files and under its address: it is the same member of the cluster again. Resolves when it listens. */
	start(node: NodeTarget): Promise<void>;
	/** `kill`, a pause of `afterMs` (default 0), `start`. */
	restart(
		node: NodeTarget,
		options?: {readonly graceful?: boolean; readonly afterMs?: number},
	): Promise<void>;
	/** One more node, empty and alone until somebody brings it in. Without a port on the next free one. Resolves when it listens. */
	addNode(options?: {readonly port?: number}): Promise<ClusterNode>;
	/** Ends a node cleanly. It stays in `nodes` and can be started again. Resolves when it is gone. */
	stopNode(node: NodeTarget): Promise<void>;
	/** Ends all nodes; with a temporary data directory nothing is left. May be called again. */
	stop(): Promise<void>;
}

/**
 * Boots a cluster. Resolves when every node sees `cluster_state:ok` and every replica hears its primary (with
 * `create: false`: when all listen). A node that cannot go on with its files of an earlier run does not hold up the others:
 * `onEvent` hears of it by `node-failed` or `node-crashed`, and it is down in `nodes`.
 * @throws UsageError when an option is wrong; LaunchError when a port is in use, a directory cannot be written ...
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
	const {startInProcess} = await import('./launcher/in-process.ts');
	return startInProcess(options, threadFilesBeside(import.meta.url));
}
