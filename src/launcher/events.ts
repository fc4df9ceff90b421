/** What a launcher tells to whoever watches it: the command line, the control endpoint's stream, the dashboard. */
import type {LogLevel} from './log-level.ts';

/** Where a node is in its life. `crashed` and `stopped` are final until somebody starts it again. */
export type NodePhase = 'starting' | 'running' | 'stopping' | 'stopped' | 'crashed';

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
	/** Every node sees `cluster_state:ok`. `seconds` counts from the start of the process, or from the call of the API. */
	| {
			readonly event: 'ready';
			readonly nodeCount: number;
			readonly slotCount: number;
			readonly addresses: readonly string[];
			readonly seconds: number;
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
	| {readonly event: 'stopping'; readonly reason: string}
	| {readonly event: 'stopped'};

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
	/** Why it crashed or stopped. */
	readonly cause?: string;
}

export interface LauncherStatus {
	readonly name: string;
	readonly pid: number;
	readonly version: string;
	readonly uptimeSeconds: number;
	readonly dataDir: string;
	/** True when every node runs and sees `cluster_state:ok`. */
	readonly ok: boolean;
	/** Slots that the first running node sees covered. */
	readonly assignedCount: number;
	readonly nodes: readonly NodeStatus[];
}
