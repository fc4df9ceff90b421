/**
 * What both ends of an atomic slot migration are: a task that moves some slots, with all their keys, from one primary to
 * another, in the words of its reports; and what must hold before one begins. Atomic: until one moment the source serves all
 * of the slots, from then on the destination does.
 */
import type {SlotRange} from '../slots/slot-ranges.ts';
import {parseNodeId} from './node-id.ts';
import {type ClusterView, isReplica, type NodeView} from './state.ts';

/** How far the destination is. The words are those of Redis 8.4. */
export type ImportState =
	| 'none'
	| 'connecting'
	| 'send-syncslots'
	| 'accumulate-buffer'
	| 'wait-stream-eof'
	| 'takeover';
/** How far the source is. */
export type ExportState =
	| 'connecting'
	| 'send-bulk-and-stream'
	| 'send-stream'
	| 'handoff-prep'
	| 'handoff'
	| 'stream-eof';
export type TaskEnd = 'completed' | 'failed' | 'canceled';
export type TaskState = ImportState | ExportState | TaskEnd;

export interface MigrationTask {
	/** Forty hex digits, the same on both ends. */
	readonly id: string;
	/** Sorted, and no two touch. */
	readonly ranges: readonly SlotRange[];
	/** Node ids. */
	readonly source: string;
	readonly destination: string;
	readonly operation: 'import' | 'migrate';
	/** Who asked: the destination's operator (CLUSTER MIGRATION IMPORT) or the source's (CLUSTER MIGRATESLOTS). */
	readonly door: 'import' | 'migrateslots';
	state: TaskState;
	/** Empty while nothing went wrong. */
	lastError: string;
	/** Attempts after the first. */
	retries: number;
	/** Unix ms. 0: not yet. */
	readonly createdAtMs: number;
	startedAtMs: number;
	endedAtMs: number;
	updatedAtMs: number;
	/** When the other end was last heard. */
	heardAtMs: number;
	/** How long clients of the source could not write. */
	writePauseMs: number;
}

export function newTask(
	facts: Pick<MigrationTask, 'id' | 'ranges' | 'source' | 'destination' | 'operation' | 'door'>,
	nowMs: number,
): MigrationTask {
	return {
		...facts,
		state: facts.operation === 'import' ? 'none' : 'connecting',
		lastError: '',
		retries: 0,
		createdAtMs: nowMs,
		startedAtMs: 0,
		endedAtMs: 0,
		updatedAtMs: nowMs,
		heardAtMs: 0,
		writePauseMs: 0,
	};
}

export const isEnded = ({state}: MigrationTask): boolean =>
	state === 'completed' || state === 'failed' || state === 'canceled';

export function moveTask(task: MigrationTask, state: TaskState, nowMs: number): void {
	task.state = state;
	task.updatedAtMs = nowMs;
	if (isEnded(task)) task.endedAtMs = nowMs;
}

/** Sorted, those that touch as one. A slot that stands in two of them is an error line. */
export function joinRanges(ranges: readonly SlotRange[]): SlotRange[] | string {
	const joined: [number, number][] = [];
	for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
		const before = joined.at(-1);
		if (before !== undefined && first <= before[1]) return `ERR Slot ${first} specified multiple times`;
		if (before !== undefined && first === before[1] + 1) before[1] = last;
		else joined.push([first, last]);
	}
	return joined;
}

export function* slotsIn(ranges: readonly SlotRange[]): Generator<number, void, undefined> {
	for (const [first, last] of ranges) for (let slot = first; slot <= last; slot++) yield slot;
}

export const doOverlap = (some: readonly SlotRange[], others: readonly SlotRange[]): boolean =>
	some.some(([first, last]) => others.some((other) => first <= other[1] && other[0] <= last));

/** Whether one node owns all of the slots. */
export function ownsAll(view: ClusterView, node: string, ranges: readonly SlotRange[]): boolean {
	for (const slot of slotsIn(ranges)) if (view.table[view.owners[slot]!]?.id !== node) return false;
	return true;
}

/** The node that these slots can be imported from, or the error line. @param others tasks that have not ended */
export function findImportSource(
	view: ClusterView,
	ranges: readonly SlotRange[],
	others: readonly MigrationTask[],
): NodeView | string {
	if (isReplica(view.myself)) return 'ERR slot migration not allowed on replica.';
	if (hasOpenSlots(view)) return NOT_STABLE;
	for (const range of ranges) {
		if (others.some((task) => task.operation === 'import' && doOverlap(task.ranges, [range])))
			return `ERR overlapping import exists for slot range: ${range[0]}-${range[1]}`;
	}
	let source: NodeView | null = null;
	for (const slot of slotsIn(ranges)) {
		const owner = view.table[view.owners[slot]!] ?? null;
		if (owner === null) return `ERR slot has no owner: ${slot}`;
		source ??= owner;
		if (source !== owner) return 'ERR slots belong to different source nodes';
	}
	if (source === view.myself) return 'ERR this node is already the owner of the slot range';
	return source!;
}

/** Why this node does not give these slots to anybody; null when it does. @param others tasks that have not ended */
export function exportProblem(
	view: ClusterView,
	ranges: readonly SlotRange[],
	others: readonly MigrationTask[],
): string | null {
	let owner: unknown = null;
	for (const slot of slotsIn(ranges)) {
		const node = view.table[view.owners[slot]!] ?? null;
		if (node === null) return `ERR Slot ${slot} has no node served`;
		if (owner !== null && owner !== node) return 'ERR Requested slots span multiple shards';
		owner = node;
	}
	if (owner !== view.myself) return 'ERR Slots are not served by this node.';
	for (const slot of slotsIn(ranges)) {
		if (others.some((task) => task.operation === 'migrate' && doOverlap(task.ranges, [[slot, slot]])))
			return `ERR I am already migrating slot ${slot}.`;
	}
	return null;
}

/** Why this node gives slots to nobody for now; null when it does. */
export function exporterProblem(view: ClusterView): string | null {
	if (isReplica(view.myself)) return 'ERR Slot migration can only be used on primary nodes.';
	if (view.importingFrom.size > 0) return 'ERR Slots are being manually imported';
	return view.migratingTo.size > 0 ? 'ERR Slots are being manually migrated' : null;
}

/** Why that node cannot be given slots; null when it can. @param name as a client wrote it */
export function destinationProblem(view: ClusterView, name: string): string | null {
	const id = parseNodeId(name);
	if (id === null) return `ERR Invalid node name: ${name}`;
	const node = view.nodes.get(id);
	if (node === undefined) return `ERR Unknown node name: ${name}`;
	if (node === view.myself) return 'ERR Target node can not be this node.';
	return isReplica(node) ? 'ERR Target node is not a master' : null;
}

const hasOpenSlots = (view: ClusterView): boolean => view.migratingTo.size + view.importingFrom.size > 0;

const NOT_STABLE = 'ERR all slot states must be STABLE to start a slot migration task.';
