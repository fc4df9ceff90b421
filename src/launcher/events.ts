/** What a launcher tells to whoever watches it: the command line, the control endpoint's stream, the dashboard. */
import type {LogLevel} from './log-level.ts';

/**
 * Where a node is in its life. The last four are final until it is started again:
 *
 * - `stopped`: cleanly, because somebody asked for it;
 * - `killed`: at once, because somebody asked for that;
 * - `failed`: it could not start (its port is taken, it refuses its files ...), and changed nothing;
 * - `crashed`: its thread ended without being asked to.
 */
export type NodePhase = 'starting' | 'running' | 'stopping' | 'stopped' | 'killed' | 'failed' | 'crashed';

export type LauncherEvent =
	| {
			readonly event: 'node-listening';
			readonly index: number;
			readonly host: string;
			readonly port: number;
			readonly nodeId: string;
	  }
	| {
			readonly event: 'cluster-state';
			readonly index: number;
			readonly port: number;
			readonly ok: boolean;
			readonly assignedCount: number;
	  }
	/** What the node is to the data changed, or whether a replica hears its primary (`linkUp`, false of a primary). */
	| {
			readonly event: 'node-role';
			readonly index: number;
			readonly port: number;
			readonly role: NodeRole;
			readonly linkUp: boolean;
	  }
	/**
	 * Every node sees `cluster_state:ok`, and every replica hears its primary; without those that could not start, of which
	 * `node-failed` told before. `nodeCount` and `addresses` are those that run. `seconds` counts from the start of the process, or from the call of the API. */
	| {
			readonly event: 'ready';
			readonly nodeCount: number;
			readonly slotCount: number;
			readonly addresses: readonly string[];
			readonly seconds: number;
	  }
	/** A node runs that was not there, or was down, when the cluster was ready. */
	| {
			readonly event: 'node-started';
			readonly index: number;
			readonly host: string;
			readonly port: number;
			readonly nodeId: string;
			/** False: it was here before and is the same node again. */
			readonly isNew: boolean;
	  }
	/** Ended at once on demand, nothing was flushed. `reason` is who asked for it. */
	| {readonly event: 'node-killed'; readonly index: number; readonly port: number; readonly reason: string}
	/** It could not start; the others live on. */
	| {readonly event: 'node-failed'; readonly index: number; readonly port: number; readonly cause: string}
	/** It crashed or could not have its port, and is started again in `delayMs`. */
	| {
			readonly event: 'node-restarting';
			readonly index: number;
			readonly port: number;
			readonly cause: string;
			readonly delayMs: number;
			/** Crashes in a row, from 1. */
			readonly crashes: number;
	  }
	/** A worker ended without being asked to; the others live on. */
	| {readonly event: 'node-crashed'; readonly index: number; readonly port: number; readonly cause: string}
	| {readonly event: 'node-stopped'; readonly index: number; readonly port: number; readonly reason: string}
	| {
			readonly event: 'log';
			readonly index: number;
			readonly port: number;
			readonly level: LogLevel;
			readonly text: string;
	  }
	| JobEvent
	| {readonly event: 'stopping'; readonly reason: string}
	| {readonly event: 'stopped'};

/** Jobs of the manager that somebody asked for over the control endpoint. */
export type JobEvent =
	| {readonly event: 'job-started'; readonly id: number; readonly command: string}
	| {
			readonly event: 'job-progress';
			readonly id: number;
			readonly done: number;
			readonly total: number;
			readonly what: string;
	  }
	| {
			readonly event: 'job-ended';
			readonly id: number;
			readonly command: string;
			readonly state: JobStatus['state'];
			readonly exitCode: number;
	  };

/** One job of the manager as `shoal trib jobs` shows it. */
export interface JobStatus {
	/** From 1, in the order in which they came. */
	readonly id: number;
	/** `check`, `reshard` ... */
	readonly command: string;
	/** `done` also where it found a problem, see `exitCode`; `failed`: the manager ended before it did. */
	readonly state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
	/** It runs, and ends after the step under way. */
	readonly isCancelling: boolean;
	/** ISO 8601. */
	readonly cameAt: string;
	/** Since it came, or from then to its end. */
	readonly seconds: number;
	/** The last that it told; null when it has told none. */
	readonly progress: {readonly done: number; readonly total: number; readonly what: string} | null;
	/** Null until it has ended. */
	readonly exitCode: number | null;
}

/** What a node is to the data: the specification's words, also where Redis says master. */
export type NodeRole = 'primary' | 'replica';

export type LauncherListener = (event: LauncherEvent) => void;

/** One node as `shoal status` shows it. */
export interface NodeStatus {
	readonly index: number;
	readonly host: string;
	readonly port: number;
	readonly nodeId: string;
	readonly phase: NodePhase;
	/** The node's own opinion; false as well while it is not running. */
	readonly clusterOk: boolean;
	/** Why it ended or could not start. */
	readonly cause?: string;
	/** Left out until the node has told, and while it is not running. */
	readonly role?: NodeRole;
	/** Of a replica: whether it hears its primary. */
	readonly linkUp?: boolean;
	/** Of a replica: the id of its primary, where it tells it. */
	readonly primaryId?: string;
	/** It knows no other node and serves nothing: it belongs to no cluster (yet). */
	readonly alone?: true;
	/** It crashed and is started again in so many milliseconds. */
	readonly restartsInMs?: number;
}

export interface LauncherStatus {
	readonly name: string;
	readonly pid: number;
	readonly version: string;
	readonly uptimeSeconds: number;
	readonly dataDir: string;
	/** What the nodes are, with its version: `shoal 0.1.0`, `redis-server 7.0.15`. */
	readonly engine: string;
	/**
	 * True when every node runs, sees `cluster_state:ok` and hears its primary if it is a replica. Not counted are nodes that
	 * somebody stopped, and empty ones that know nobody; but one must count.
	 */
	readonly ok: boolean;
	/** Slots that the first running node sees covered. */
	readonly assignedCount: number;
	readonly nodes: readonly NodeStatus[];
}
