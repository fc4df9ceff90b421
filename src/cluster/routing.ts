/**
 * Who answers for a slot. Chapter: Cluster Specification, "Redirection and resharding": MOVED, ASK, "Scaling reads using
 * replica nodes"; Garnet calls it the slot verification table. Nothing here allocates but the text of a redirection.
 *
 * A command is routed in two steps. `route` looks at the slot alone; only where it says CHECK_KEYS (the slot is on its
 * way between two nodes) the executor counts which of the command's keys are here and asks `routeOpenSlot`.
 */

import {endpointOf} from './endpoint.ts';
import type {ClusterConfig} from './config.ts';
import {type ClusterNode, type ClusterState, isReplica, MYSELF_INDEX} from './state.ts';

/** What `route` must know of the command and its client; bits. */
export const RouteFlags = {
	/** The command may write (CMD_WRITE; for EXEC: any queued command). */
	WRITE: 1,
	/** The client said READONLY. */
	READONLY_CLIENT: 2,
	/** The client said ASKING, or the command carries the asking flag (RESTORE-ASKING). */
	ASKING: 4,
	/** MIGRATE: always runs here when the slot is open. */
	MIGRATE: 8,
	/** A sharded Pub/Sub command: its channels are no keys. */
	SHARDED_PUBSUB: 16,
} as const;

/** Answers of `route` and `routeOpenSlot`. SERVE is 0, so that the common case is one comparison. */
export const Verdict = {
	SERVE: 0,
	/** Another node owns the slot. */
	MOVED: 1,
	/** Only from `routeOpenSlot`: the keys went to the importing node already. */
	ASK: 2,
	/** Only from `routeOpenSlot`: some keys are here, some are not. */
	TRYAGAIN: 3,
	/** Nobody serves the slot. */
	UNBOUND: 4,
	/** The cluster is down. */
	DOWN: 5,
	/** The cluster is down, reads are allowed, this was no read. */
	DOWN_READS_ONLY: 6,
	/** The slot is migrating or importing: count the keys and call `routeOpenSlot`. */
	CHECK_KEYS: 7,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Where a command whose keys are all in `slot` must be run. */
export function route(state: ClusterState, config: ClusterConfig, slot: number, flags: number): Verdict {
	const owner = state.owners[slot]!;
	if (owner === MYSELF_INDEX && state.isOk && state.migratingTo.size === 0) return Verdict.SERVE;
	if (owner === 0) return Verdict.UNBOUND;
	if (!state.isOk) {
		const down = whenDown(config, flags);
		if (down !== Verdict.SERVE) return down;
	}
	const isOpen = owner === MYSELF_INDEX ? state.migratingTo.has(slot) : state.importingFrom.has(slot);
	if (isOpen && (flags & RouteFlags.SHARDED_PUBSUB) === 0) {
		if ((flags & RouteFlags.MIGRATE) !== 0) return Verdict.SERVE;
		// An importing slot is served to those who ask only: without ASKING its keys need not be counted.
		if (owner === MYSELF_INDEX || (flags & RouteFlags.ASKING) !== 0) return Verdict.CHECK_KEYS;
	}
	return routeSettledSlot(state, owner, flags);
}

/**
 * The second step for a slot on its way, with the numbers of the command's keys that are and are not here. The same key
 * given twice counts twice in these numbers, but `hasSeveralKeys` says whether there are at least two different ones.
 */
export function routeOpenSlot(
	state: ClusterState,
	slot: number,
	flags: number,
	presentCount: number,
	missingCount: number,
	hasSeveralKeys: boolean,
): Verdict {
	const owner = state.owners[slot]!;
	if (owner === MYSELF_INDEX) {
		if (missingCount === 0 || !state.migratingTo.has(slot)) return Verdict.SERVE;
		return presentCount > 0 ? Verdict.TRYAGAIN : Verdict.ASK;
	}
	if (state.importingFrom.has(slot) && (flags & RouteFlags.ASKING) !== 0) {
		return hasSeveralKeys && missingCount > 0 ? Verdict.TRYAGAIN : Verdict.SERVE;
	}
	return routeSettledSlot(state, owner, flags);
}

/** The error line (without the leading `-`) of a verdict that is neither SERVE nor CHECK_KEYS. */
export function redirection(
	state: ClusterState,
	config: ClusterConfig,
	verdict: Verdict,
	slot: number,
): string {
	switch (verdict) {
		case Verdict.MOVED:
			return `MOVED ${slot} ${addressFor(state.owner(slot), config)}`;
		case Verdict.ASK:
			return `ASK ${slot} ${addressFor(state.migratingTo.get(slot) ?? null, config)}`;
		case Verdict.TRYAGAIN:
			return 'TRYAGAIN Multiple keys request during rehashing of slot';
		case Verdict.UNBOUND:
			return 'CLUSTERDOWN Hash slot not served';
		case Verdict.DOWN:
			return 'CLUSTERDOWN The cluster is down';
		case Verdict.DOWN_READS_ONLY:
			return 'CLUSTERDOWN The cluster is down and only accepts read commands';
		default:
			throw new RangeError(`verdict ${verdict} is no redirection`);
	}
}

function whenDown(config: ClusterConfig, flags: number): Verdict {
	if ((flags & RouteFlags.SHARDED_PUBSUB) !== 0) {
		return config.allowShardedPubsubWhenDown ? Verdict.SERVE : Verdict.DOWN;
	}
	if (!config.allowReadsWhenDown) return Verdict.DOWN;
	return (flags & RouteFlags.WRITE) === 0 ? Verdict.SERVE : Verdict.DOWN_READS_ONLY;
}

function routeSettledSlot(state: ClusterState, owner: number, flags: number): Verdict {
	if (owner === MYSELF_INDEX) return Verdict.SERVE;
	const {myself} = state;
	if (!isReplica(myself) || myself.primary?.index !== owner) return Verdict.MOVED;
	if ((flags & RouteFlags.SHARDED_PUBSUB) !== 0) return Verdict.SERVE;
	const isRead = (flags & (RouteFlags.READONLY_CLIENT | RouteFlags.WRITE)) === RouteFlags.READONLY_CLIENT;
	return isRead ? Verdict.SERVE : Verdict.MOVED;
}

function addressFor(node: ClusterNode | null, config: ClusterConfig): string {
	if (node === null) throw new RangeError('the slot has no such node');
	return `${endpointOf(node, config) ?? ''}:${node.port}`;
}
