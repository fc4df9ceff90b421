/**
 * A replica of a primary that has several moves to one that has lost its own, so that no shard dies with its next node.
 * Chapter: Cluster Specification, "Replica migration".
 */

import {followPrimary} from './roles.ts';
import {type ClusterNode, hasFlag, isPrimary, isReplica, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** An orphaned primary's own replicas have this long to come back, or a promoted one's siblings to follow it. */
const DELAY_MS = 5000;

/** What a tick does: every replica looks by itself, and the rules name one of them. */
export function considerMigration(step: Step): void {
	const {config, now, state} = step;
	const {myself} = state;
	const {primary} = myself;
	if (!isReplica(myself) || primary === null || !config.allowReplicaMigration || !state.isOk) return;
	const target = noteOrphans(step);
	if (target === null || now - target.orphanedAt <= DELAY_MS) return;
	const primaries = [...state.nodes.values()].filter(isWorkingPrimary);
	const mostReplicas = Math.max(...primaries.map(countWorking));
	if (mostReplicas < 2 || !isWorkingPrimary(primary) || countWorking(primary) !== mostReplicas) return;
	if (countReachable(primary) <= config.migrationBarrier) return;
	if (!isSmallest(myself, primaries, mostReplicas)) return;
	step.log('warning', `Migrating to orphaned master ${target.id}`);
	followPrimary(step, target);
}

/** Keeps since when each orphaned primary is one. The first of them, or null. */
function noteOrphans({now, state}: Step): ClusterNode | null {
	let first: ClusterNode | null = null;
	for (const node of state.nodes.values()) {
		if (!isOrphaned(node)) {
			node.orphanedAt = 0;
			continue;
		}
		if (node.orphanedAt === 0) node.orphanedAt = now;
		first ??= node;
	}
	return first;
}

/** Serves slots, has no working replica, and is one that had or should have had replicas. */
function isOrphaned(node: ClusterNode): boolean {
	return isWorkingPrimary(node) && node.slotCount > 0 && node.mayTakeReplica && countWorking(node) === 0;
}

/** Of all replicas that could spare themselves the one with the smallest id moves: the others see the same and stay. */
function isSmallest(myself: ClusterNode, primaries: readonly ClusterNode[], mostReplicas: number): boolean {
	return primaries
		.filter((primary) => countWorking(primary) === mostReplicas)
		.flatMap(({replicas}) => replicas)
		.every((replica) => hasFlag(replica, NodeFlags.FAIL) || replica.id >= myself.id);
}

const isWorkingPrimary = (node: ClusterNode): boolean =>
	isPrimary(node) && !hasFlag(node, NodeFlags.FAIL | NodeFlags.HANDSHAKE | NodeFlags.NOADDR);

const countWorking = ({replicas}: ClusterNode): number =>
	replicas.filter((replica) => !hasFlag(replica, NodeFlags.FAIL)).length;

const countReachable = ({replicas}: ClusterNode): number =>
	replicas.filter((replica) => !hasFlag(replica, NodeFlags.PFAIL | NodeFlags.FAIL)).length;
