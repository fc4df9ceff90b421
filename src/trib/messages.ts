// The messages between the manager's worker and who gives it jobs. All are plain objects for structured clone; a job's
// answers carry its id. One job runs at a time; the others wait in the order they came.
//
//     asker                         manager
//       | -- {kind:'job', id, job} --> |
//       | <-- line, prompt, progress - |   any number
//       | -- answer -----------------> |   to each prompt
//       | <-- {kind:'done', ...} ----- |   the last one, always

import type {CheckReport} from './check.ts';
import type {CreateReport} from './create.ts';
import type {InfoReport} from './info.ts';
<<<<<<< HEAD
import type {MembersJob, MembersReport} from './member-jobs.ts';
=======
import type {MoveReport} from './slot-job.ts';
>>>>>>> tribmove

/** A server's address. */
export interface Endpoint {
	readonly host: string;
	readonly port: number;
}

export interface Credentials {
	/** The ACL user; without it the password alone is sent (`default`). */
	readonly user?: string;
	readonly password?: string;
}

/** How the lines that people read are made. */
export interface OutputOptions {
	/** ANSI colours, as redis-cli does on a terminal. */
	readonly color?: boolean;
	/** Print one JSON object at the end and no lines before it. */
	readonly json?: boolean;
}

/** `trib create`. */
export interface CreateOptions extends OutputOptions {
	readonly nodes: readonly Endpoint[];
	/** Replicas of each primary; 0 unless given. */
	readonly replicas?: number;
	/**
	 * How many of the nodes become primaries. Without it as many as the replicas leave, at least three; a number given here
	 * may be one or two as well, and the nodes left over are replicas, spread over the primaries.
	 */
	readonly primaries?: number;
	/** Accept the configuration without asking. */
	readonly yes?: boolean;
	/** Print the plan and change nothing. */
	readonly dryRun?: boolean;
	readonly credentials?: Credentials;
	/** How long the nodes may take to agree, 60 seconds unless given. */
	readonly joinTimeoutMs?: number;
	/**
	 * End when the nodes have been told of each other: the asker sees by itself when they agree, as the launcher does, and no
	 * node has to answer questions meanwhile. Replicas are waited for all the same, as they must know their primary.
	 */
	readonly withoutCheck?: boolean;
}

/** `trib check`. */
export interface CheckOptions extends OutputOptions {
	readonly node: Endpoint;
	/** Also look for slots that more than one node holds keys of. */
	readonly searchMultipleOwners?: boolean;
	/** Understood as everywhere; nothing is changed in any case. */
	readonly dryRun?: boolean;
	readonly credentials?: Credentials;
}

/** `trib info`. */
export interface InfoOptions extends OutputOptions {
	readonly node: Endpoint;
	/** Understood as everywhere; nothing is changed in any case. */
	readonly dryRun?: boolean;
	readonly credentials?: Credentials;
}

/** What all jobs that move slots take. */
export interface MoveOptions extends OutputOptions {
	/** Any node of the cluster. */
	readonly node: Endpoint;
	/** Carry the plan out without asking. */
	readonly yes?: boolean;
	/** Print the plan, with keys and bytes of every slot, and change nothing. */
	readonly dryRun?: boolean;
	readonly credentials?: Credentials;
	/** MIGRATE's time-out: the longest silence between two nodes, 60 seconds unless given. */
	readonly timeoutMs?: number;
	/** Keys a MIGRATE, 10 unless given. */
	readonly pipeline?: number;
	/** Overwrite keys that the target has with another value. */
	readonly replace?: boolean;
	/** Move by MIGRATE also where the nodes offer atomic migration. */
	readonly classic?: boolean;
	/** How many slots (or atomic migrations) are moved at a time, one unless given. */
	readonly parallel?: number;
	/** No more keys a second than this. Goes by MIGRATE. */
	readonly keysPerSecond?: number;
	/** Where the journal is kept; without it there is none. Set by who runs the manager. */
	readonly journalDir?: string;
}

/** `trib reshard`. What is not given is asked for. */
export interface ReshardOptions extends MoveOptions {
	/** Ids of the nodes that give; `all` for every primary but the receiving one. */
	readonly from?: readonly string[];
	readonly to?: string;
	readonly slotCount?: number;
	/** Complete, or end, the job of this cluster that was interrupted, whatever it was. */
	readonly recovery?: 'resume' | 'abort';
}

/** `trib rebalance`. */
export interface RebalanceOptions extends MoveOptions {
	/** Weight of nodes; 1 unless given, 0 for those that shall give all their slots away. */
	readonly weights?: readonly {readonly node: string; readonly weight: number}[];
	/** Weights in proportion to the nodes' `maxmemory`. */
	readonly autoWeights?: boolean;
	/** Nodes without slots take part. */
	readonly useEmpty?: boolean;
	/** How far a node may be off its share, 2 unless given. */
	readonly thresholdPercent?: number;
	/** What is balanced, slots unless given. */
	readonly by?: 'slots' | 'keys' | 'memory';
	/** Print what would be moved as redis-trib does and move nothing. */
	readonly simulate?: boolean;
}

/** `trib move-slot`. */
export interface MoveSlotOptions extends MoveOptions {
	/** First and last of the slots. */
	readonly slots: readonly [start: number, end: number];
	/** Id, its beginning, or address of the receiving primary. */
	readonly to: string;
}

/** What the manager can be asked to do. */
export type TribJob =
	| {readonly command: 'create'; readonly options: CreateOptions}
	| {readonly command: 'check'; readonly options: CheckOptions}
	| {readonly command: 'info'; readonly options: InfoOptions}
<<<<<<< HEAD
	| MembersJob;

/** The structured outcome of a job beside its lines. */
export type TribReport = CreateReport | CheckReport | InfoReport | MembersReport;
=======
	| {readonly command: 'reshard'; readonly options: ReshardOptions}
	| {readonly command: 'rebalance'; readonly options: RebalanceOptions}
	| {readonly command: 'move-slot'; readonly options: MoveSlotOptions};

/** The structured outcome of a job beside its lines. */
export type TribReport = CreateReport | CheckReport | InfoReport | MoveReport;
>>>>>>> tribmove

export type ToManager =
	| {readonly kind: 'job'; readonly id: number; readonly job: TribJob}
	/** The answer to a prompt; null when there is nobody to ask. */
	| {readonly kind: 'answer'; readonly id: number; readonly text: string | null};

export type FromManager =
	/** The thread has loaded and takes jobs. */
	| {readonly kind: 'ready'}
	/** Text for standard output (or standard error): as it is, line feeds included, so that dots can follow each other. */
	| {
			readonly kind: 'output';
			readonly id: number;
			readonly text: string;
			readonly stream: 'stdout' | 'stderr';
	  }
	/** A question that ends without line feed. Answer it with an `answer` of the same id. */
	| {readonly kind: 'prompt'; readonly id: number; readonly text: string}
	/** Steps done of steps in all; shown on a terminal only. */
	| {
			readonly kind: 'progress';
			readonly id: number;
			readonly done: number;
			readonly total: number;
			readonly what: string;
	  }
	| {
			readonly kind: 'done';
			readonly id: number;
			readonly exitCode: TribExitCode;
			readonly report: TribReport | null;
	  };

/** 0 done, 1 a problem was found, 2 wrong usage, 3 partly done. */
export type TribExitCode = 0 | 1 | 2 | 3;
