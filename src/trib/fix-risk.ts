/** Which keys a repair could lose. Only reads. */

import {formatSlotRange, slotRanges} from '../slots/slot-ranges.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {isKeys} from './migrate-keys.ts';
import {formatBytes} from './raw-reply.ts';
import type {Act, Repair} from './repairs.ts';
import {sameValues} from './same-values.ts';
import {address, type ClusterView} from './view.ts';
import {isReplica} from './nodes-text.ts';

/** Names that are told; the others are counted. */
const NAMED_KEY_COUNT = 20;
/** Keys that are compared at a time. */
const BATCH = 256;

/** Keys that two nodes have with different values: one of the values is lost when they are brought together. */
export interface KeysAtRisk {
	readonly slot: number;
	readonly from: string;
	readonly to: string;
	readonly keyCount: number;
	/** Some of them. Bytes that are no text are quoted. */
	readonly names: readonly string[];
}

/** @param connections with binary replies. @throws {ConnectionError} */
export async function keysAtRisk(repair: Repair, connections: Connections): Promise<KeysAtRisk[]> {
	const found: KeysAtRisk[] = [];
	for (const act of repair.acts) {
		if (act.do !== 'move-keys' || act.keyCount === 0) continue;
		const risk = await differing(act, connections);
		if (risk.keyCount > 0) found.push(risk);
	}
	return found;
}

export function formatRisk({slot, from, to, keyCount, names}: KeysAtRisk): string[] {
	const more = keyCount > names.length ? [`      and ${keyCount - names.length} more`] : [];
	return [
		`    At risk: ${keyCount} key(s) of slot ${slot} have different values on ${from} and ${to}. The repair stops at ` +
			`them; with --replace the values of ${to} are lost:`,
		...names.map((name) => `      ${name}`),
		...more,
	];
}

/** The slots that primaries served which do not answer: their keys are lost when others take them. */
export function slotsAtRisk(view: ClusterView, slots: readonly number[]): string[] {
	return unreachableOwners(view).flatMap(({address: where, slots: served}) => {
		const taken = slotRanges(slots.filter((slot) => served.has(slot)));
		if (taken.length === 0) return [];
		return [
			`    At risk: all keys of slots ${taken.map(formatSlotRange).join(',')}, which ${where} served. It does not answer; ` +
				'when it comes back it finds others in its place and drops them.',
		];
	});
}

/** Primaries that do not answer and serve slots, as somebody still sees it. */
export function unreachableOwners(
	view: ClusterView,
): {readonly address: string; readonly slots: ReadonlySet<number>}[] {
	return view.unreachable.flatMap((line) => {
		if (isReplica(line)) return [];
		const slots = new Set<number>();
		for (const {lines} of view.nodes) {
			for (const [start, end] of lines.find(({id}) => id === line.id)?.slots ?? []) {
				for (let slot = start; slot <= end; slot++) slots.add(slot);
			}
		}
		return slots.size === 0 ? [] : [{address: formatEndpoint(line), slots}];
	});
}

async function differing(
	act: Extract<Act, {do: 'move-keys'}>,
	connections: Connections,
): Promise<KeysAtRisk> {
	const [from, to] = await Promise.all([act.from, act.to].map((node) => connections.to(node.endpoint)));
	const list = ['CLUSTER', 'GETKEYSINSLOT', String(act.slot), String(2 ** 31 - 1)];
	const [there, here] = await Promise.all([from!.call(...list), to!.call(...list)]);
	const names: string[] = [];
	let keyCount = 0;
	if (isKeys(there!) && isKeys(here!)) {
		const known = new Set(here.map(bytesKey));
		const both = there.filter((key) => known.has(bytesKey(key)));
		for (let at = 0; at < both.length; at += BATCH) {
			const batch = both.slice(at, at + BATCH);
			const same = await sameValues(batch, from!, to!);
			for (const [i, key] of batch.entries()) {
				if (same[i] !== false) continue;
				keyCount++;
				if (names.length < NAMED_KEY_COUNT) names.push(formatBytes(key));
			}
		}
	}
	return {slot: act.slot, from: address(act.from), to: address(act.to), keyCount, names};
}

function bytesKey(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString('latin1');
}
