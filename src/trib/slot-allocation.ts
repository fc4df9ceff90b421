/**
 * Which node of a new cluster becomes what: the slots of the primaries and the primary of each replica, as redis-cli 7.0
 * gives them out. Pure; nodes are numbers, their place in the list that was given.
 */

import {assert} from '../lib/assert.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import type {SlotRange} from '../slots/slot-ranges.ts';
import {optimizeAntiAffinity, type AntiAffinity} from './anti-affinity.ts';

/** A cluster of fewer primaries cannot outvote one that failed. */
export const LEAST_PRIMARIES = 3;

export interface AllocationRequest {
	/** The host of every node, in the order in which they were given. */
	readonly hosts: readonly string[];
	readonly primaryCount: number;
	/** Replicas that every primary gets; nodes left over are extra replicas. */
	readonly replicasPerPrimary: number;
	/** From 0 to `bound - 1`. */
	readonly below: (bound: number) => number;
}

export interface Allocation {
	/** The primaries, hosts taking turns, with their slots in ascending order. */
	readonly primaries: readonly {readonly node: number; readonly slots: SlotRange}[];
	/** Replica and primary, in the order of choice; swaps of the optimiser come after it and are not in here. */
	readonly choices: readonly {
		readonly replica: number;
		readonly primary: number;
		readonly isExtra: boolean;
	}[];
	/** The primary that each node replicates in the end, by node; null for a primary. */
	readonly primaryOf: readonly (number | null)[];
	/** What the optimiser reached; null when nothing was to be optimised. */
	readonly antiAffinity: AntiAffinity | null;
}

export function allocate(request: AllocationRequest): Allocation {
	const {hosts, primaryCount, replicasPerPrimary} = request;
	assert(primaryCount >= 1 && primaryCount <= SLOT_COUNT, 'every primary has a slot');
	assert(primaryCount * (replicasPerPrimary + 1) <= hosts.length, 'there are nodes enough');
	const interleaved = interleaveHosts(hosts);
	const primaries = interleaved.slice(0, primaryCount);
	const choices = chooseReplicas(hosts, primaries, interleaved.slice(primaryCount), replicasPerPrimary);
	const primaryOf: (number | null)[] = hosts.map(() => null);
	for (const {replica, primary} of choices) primaryOf[replica] = primary;
	const antiAffinity = optimizeAntiAffinity(hosts, primaryOf, request.below);
	const ranges = splitSlots(primaryCount);
	return {
		primaries: primaries.map((node, i) => ({node, slots: ranges[i]!})),
		choices,
		primaryOf,
		antiAffinity,
	};
}

/**
 * Even shares of the 16384 slots in ascending order: 0-5460, 5461-10922, 10923-16383 for three. redis-cli adds the shares up
 * in single precision, and where the borders fall depends on that.
 */
export function splitSlots(primaryCount: number): SlotRange[] {
	const share = Math.fround(SLOT_COUNT / primaryCount);
	const ranges: SlotRange[] = [];
	let cursor = 0;
	let first = 0;
	for (let i = 0; i < primaryCount; i++) {
		const rounded = Math.round(Math.fround(Math.fround(cursor + share) - 1));
		const isLast = i === primaryCount - 1;
		const last = isLast ? SLOT_COUNT - 1 : Math.max(first, Math.min(rounded, SLOT_COUNT - 1));
		ranges.push([first, last]);
		first = last + 1;
		cursor = Math.fround(cursor + share);
	}
	return ranges;
}

/** One node of each host in turn, until all are taken. */
export function interleaveHosts(hosts: readonly string[]): number[] {
	const byHost = new Map<string, number[]>();
	for (const [node, host] of hosts.entries()) {
		const nodes = byHost.get(host);
		if (nodes === undefined) byHost.set(host, [node]);
		else nodes.push(node);
	}
	const order: number[] = [];
	for (let turn = 0; order.length < hosts.length; turn++) {
		for (const nodes of byHost.values()) {
			const node = nodes[turn];
			if (node !== undefined) order.push(node);
		}
	}
	return order;
}

/**
 * Gives every primary its replicas, then one extra to each primary in turn while nodes are left. A replica stands on another
 * host than its primary if there is one.
 */
function chooseReplicas(
	hosts: readonly string[],
	primaries: readonly number[],
	others: readonly number[],
	replicasPerPrimary: number,
): Allocation['choices'] {
	// The first of them goes to the end: it often shares its host with the first primary.
	const free = [...others.slice(1), ...others.slice(0, 1)];
	const choices: {replica: number; primary: number; isExtra: boolean}[] = [];
	const choose = (primary: number, isExtra: boolean): void => {
		const elsewhere = free.findIndex((node) => hosts[node] !== hosts[primary]);
		const [replica] = free.splice(Math.max(elsewhere, 0), 1);
		if (replica !== undefined) choices.push({replica, primary, isExtra});
	};
	for (const primary of primaries) {
		for (let i = 0; i < replicasPerPrimary; i++) choose(primary, false);
	}
	// redis-cli makes one round only and leaves further nodes without a task; here nobody is left over.
	while (free.length > 0) {
		for (const primary of primaries) choose(primary, true);
	}
	return choices;
}
