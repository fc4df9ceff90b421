/**
 * `cluster_state`: whether this node serves its slots. Chapter: Cluster Specification, "Availability" (full coverage, the
 * minority side of a partition), "Write safety".
 */

import {hasFlag, isPrimary, isVoter, NodeFlags} from './state.ts';
import type {Step} from './step.ts';

/** A primary that comes back from a partition waits for the node timeout within these bounds before it serves again. */
const MIN_REJOIN_DELAY_MS = 500;
const MAX_REJOIN_DELAY_MS = 5000;
/** A restarted primary waits this long: somebody may have been promoted meanwhile. */
const WRITABLE_DELAY_MS = 2000;

/** Judges the state anew. The tick comes back to it as long as the cluster is down. */
export function updateHealth(step: Step): void {
	const {state, config, now} = step;
	const {myself} = state;
	const isWaiting = isPrimary(myself) && !state.isOk && now < state.writableAt;
	const {size, reachable} = countVoters(step);
	state.size = size;
	let isOk = config.requireFullCoverage ? isEverySlotServed(step) : true;
	if (reachable < Math.floor(size / 2) + 1) {
		isOk = false;
		// A node that knows of no primary with slots was not cut off from any.
		if (size > 0) state.minorityAt = now;
	}
	if (isOk === state.isOk) return;
	if (isOk && (isWaiting || (isPrimary(myself) && isRejoining(step)))) return;
	state.isOk = isOk;
	step.log('warning', `Cluster state changed: ${isOk ? 'ok' : 'fail'}`);
	step.effects.slotTableDirty = true;
	step.effects.events.push({kind: 'state-changed', ok: isOk});
}

/** When a node that restored a configuration may serve at the earliest; a fresh one at once (see docs/decisions). */
export function firstWritableAt(startedAt: number, knewOthers: boolean): number {
	return knewOthers ? startedAt + WRITABLE_DELAY_MS : startedAt;
}

function isRejoining(step: Step): boolean {
	const {state, config, now} = step;
	if (state.minorityAt === 0) return false;
	const delayMs = Math.min(Math.max(config.nodeTimeoutMs, MIN_REJOIN_DELAY_MS), MAX_REJOIN_DELAY_MS);
	return now - state.minorityAt < delayMs;
}

function isEverySlotServed(step: Step): boolean {
	const {state} = step;
	if (state.assignedCount < state.owners.length) return false;
	for (const node of state.table) {
		if (node !== null && node.slotCount > 0 && hasFlag(node, NodeFlags.FAIL)) return false;
	}
	return true;
}

function countVoters(step: Step): {size: number; reachable: number} {
	let size = 0;
	let reachable = 0;
	for (const node of step.state.table) {
		if (node === null || !isVoter(node)) continue;
		size++;
		if (!hasFlag(node, NodeFlags.PFAIL | NodeFlags.FAIL)) reachable++;
	}
	return {size, reachable};
}
