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
import {threadFilesBeside} from './launcher/thread-files.ts';

export {LaunchError, UsageError};
export type {LauncherEvent as ClusterEvent};

/** What the cluster is to be. Everything has a default. */
export interface ClusterOptions {
	/** How the cluster is called in messages. Default `shoal`. */
	readonly name?: string;
	/** Primaries, each with its share of the 16384 slots: 1 to 256. Default 3. */
	readonly shards?: number;
	/** Replicas of each primary. 0 until the next release. */
	readonly replicas?: number;
	/** Port of the first node, the others follow, up to 55535. 0: free ones that the system chooses. Default 7000. */
	readonly basePort?: number;
	/** IP address to listen on and to announce. Default `127.0.0.1`. */
	readonly bind?: string;
	/** Where nodes keep their files. Default: a temporary directory, removed by `stop`. */
	readonly dataDir?: string;
	/** After how many milliseconds of silence a node counts as failing: 50 to 3600000. Default 15000. */
	readonly nodeTimeoutMs?: number;
	/** What clients must give to AUTH. Default: none is asked. */
	readonly password?: string;
	/** Directives of redis.conf for all nodes: `{maxmemory: '100mb'}`. */
	readonly config?: Readonly<Record<string, string | number | boolean>>;
	/** False: leaves the nodes empty and alone. Default true. */
	readonly create?: boolean;
	/** Ends a start that is under way: `startCluster` then rejects, with nothing left behind. */
	readonly signal?: AbortSignal;
	/** Is told what happens, such as `node-crashed`. Must not throw. */
	readonly onEvent?: (event: LauncherEvent) => void;
}

/** A node's address. Also what ioredis takes as a startup node. */
export interface ClusterNode {
	readonly host: string;
	readonly port: number;
	/** 40 hex digits, as in CLUSTER NODES. */
	readonly id: string;
	/** `host:port`. */
	readonly address: string;
}

/** A running cluster. */
export interface Cluster extends AsyncDisposable {
	/** In the order of their ports. */
	readonly nodes: readonly ClusterNode[];
	/** `host:port` of the first node: enough for any cluster client. */
	readonly address: string;
	/** Ends all nodes; with a temporary data directory nothing is left. May be called again. */
	stop(): Promise<void>;
}

/**
 * Boots a cluster. Resolves when every node sees `cluster_state:ok` (with `create: false`: when all listen).
 * @throws UsageError when an option is wrong; LaunchError when a port is in use, a directory cannot be written ...
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
	const {startInProcess} = await import('./launcher/in-process.ts');
	return startInProcess(options, threadFilesBeside(import.meta.url));
}
