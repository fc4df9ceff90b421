/**
 * What a step of the core asks of its shell. The order of the fields is the contract:
 *
 * 1. `config`: write nodes.conf (`ClusterCore.nodesConf()`); `durable` means on disk before anything else of this step
 *    leaves the node, `write` may be put together with later writes of the same turn;
 * 2. `slotTableDirty`: publish the slot table;
 * 3. `closes`, then `connects`, then `sends`, each in order;
 * 4. `role`, then `writePause`: the data plane follows another primary, or leads; writes are held up, or go on;
 * 5. `events`, then `logs`.
 */

import type {BusMessage} from './messages.ts';
import type {NodeId} from './node-id.ts';

/** Number of a bus link, unique within one core, never reused, from 1. */
export type LinkId = number;

export interface Effects {
	config: 'unchanged' | 'write' | 'durable';
	/** Owners of slots, addresses of owners, the cluster's state or its epoch changed. */
	slotTableDirty: boolean;
	/** Links to drop. The core has forgotten them already: nothing is to be reported back. */
	readonly closes: LinkId[];
	/** Links to open; the shell answers each with `linkOpened` or `linkFailed`, whenever that is known. */
	readonly connects: ConnectRequest[];
	/** A broadcast shares one message object among its sends, so that it need be encoded only once. */
	readonly sends: Outgoing[];
	/** Null: as before. A node that was not told anything since its start leads. */
	role: RoleChange | null;
	/** Null: as before. */
	writePause: WritePause | null;
	readonly events: ClusterEvent[];
	readonly logs: LogLine[];
}

export interface ConnectRequest {
	readonly link: LinkId;
	readonly host: string;
	readonly busPort: number;
}

export interface Outgoing {
	readonly link: LinkId;
	readonly message: BusMessage;
}

/**
 * Whose data this node serves: that of the primary `node`, which is copied from `host`:`port` (again told when that address
 * changes), or its own.
 */
export type RoleChange =
	| {readonly kind: 'follow'; readonly host: string; readonly port: number; readonly node: NodeId}
	| {readonly kind: 'lead'};

/**
 * A manual failover needs a primary whose replication offset stands still: from `begin` to `end`, and until `untilMs` at the
 * most, no client's write is run, no key expires or is evicted, and nothing is put into the replication stream.
 */
export type WritePause = {readonly kind: 'begin'; readonly untilMs: number} | {readonly kind: 'end'};

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/** A line for the node's log, as redis-server words it. */
export interface LogLine {
	readonly level: LogLevel;
	readonly text: string;
}

/** What the rest of the node (data plane, dashboard, tests) may want to know or must act on. */
export type ClusterEvent =
	| {readonly kind: 'state-changed'; readonly ok: boolean}
	/** A node became known under its own id. */
	| {readonly kind: 'node-added' | 'node-removed'; readonly node: NodeId}
	/** No answer within the node timeout (PFAIL) / agreed by the majority (FAIL) / reachable again. */
	| {readonly kind: 'node-failing' | 'node-failed' | 'node-cleared'; readonly node: NodeId}
	/** This node gave its vote to a replica. */
	| {readonly kind: 'voted'; readonly node: NodeId; readonly epoch: number}
	/** This node asked for votes, to take its primary's place. */
	| {readonly kind: 'election-started'; readonly epoch: number}
	/** This node took its primary's place with this configEpoch: elected, or by an operator's TAKEOVER. */
	| {readonly kind: 'promoted'; readonly epoch: number; readonly elected: boolean}
	/** Slots went to another node by its newer claim, and this node serves others still: their keys must be deleted. Sorted. */
	| {readonly kind: 'slots-lost'; readonly slots: readonly number[]}
	/** A message for those who listen to a channel here. */
	| {
			readonly kind: 'published';
			readonly channel: Uint8Array;
			readonly message: Uint8Array;
			readonly isSharded: boolean;
	  }
	/** CLUSTER RESET was carried out: a node that was a replica deletes all keys, one that was a primary has none. */
	| {readonly kind: 'reset'; readonly hard: boolean};

export function emptyEffects(): Effects {
	return {
		config: 'unchanged',
		slotTableDirty: false,
		closes: [],
		connects: [],
		sends: [],
		role: null,
		writePause: null,
		events: [],
		logs: [],
	};
}
