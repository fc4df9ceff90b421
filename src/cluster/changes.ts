/**
 * What an operator may ask of a node: the CLUSTER subcommands that change something, as plain data. Arguments are parsed
 * by the command; what depends on the cluster's state is judged here, in redis-server's order and words.
 */

import type {SlotRange} from '../slots/slot-ranges.ts';

/** The text of a client's argument where a node id is expected: whether such a node exists is the core's to say. */
export type NodeName = string;

export type FailoverMode = 'default' | 'force' | 'takeover';

export type ClusterChange =
	/** CLUSTER MEET. `host` is as the client wrote it. */
	| {readonly kind: 'meet'; readonly host: string; readonly port: number; readonly busPort: number}
	/** CLUSTER ADDSLOTS and ADDSLOTSRANGE */
	| {readonly kind: 'add-slots'; readonly ranges: readonly SlotRange[]}
	/** CLUSTER DELSLOTS and DELSLOTSRANGE */
	| {readonly kind: 'delete-slots'; readonly ranges: readonly SlotRange[]}
	| {readonly kind: 'flush-slots'}
	| {readonly kind: 'set-slot-migrating'; readonly slot: number; readonly to: NodeName}
	| {readonly kind: 'set-slot-importing'; readonly slot: number; readonly from: NodeName}
	| {readonly kind: 'set-slot-stable'; readonly slot: number}
	| {readonly kind: 'set-slot-node'; readonly slot: number; readonly owner: NodeName}
	/** The end of an atomic slot migration: this node takes all of the slots, or none, from the node that has given it their keys. */
	| {readonly kind: 'take-slots'; readonly ranges: readonly SlotRange[]; readonly from: NodeName}
	/** CLUSTER SET-CONFIG-EPOCH; any integer */
	| {readonly kind: 'set-config-epoch'; readonly epoch: number | bigint}
	| {readonly kind: 'bump-epoch'}
	| {readonly kind: 'forget'; readonly node: NodeName}
	| {readonly kind: 'reset'; readonly hard: boolean}
	/** CLUSTER REPLICATE */
	| {readonly kind: 'replicate'; readonly node: NodeName}
	/** CLUSTER FAILOVER: with the primary's help, without it, without even a vote. */
	| {readonly kind: 'failover'; readonly mode: FailoverMode}
	/** CLUSTER SAVECONFIG */
	| {readonly kind: 'save-config'};

/** `reply` is the simple string to answer with (`OK`, `BUMPED 7`); `error` the error line, when the change was refused. */
export type ChangeOutcome =
	| {readonly ok: true; readonly reply: string}
	| {readonly ok: false; readonly error: string};

export const DONE: ChangeOutcome = {ok: true, reply: 'OK'};

export function refused(error: string): ChangeOutcome {
	return {ok: false, error};
}
