/** Carries moves of slots out: so many at once, no faster than wanted, with progress and a journal. */

import {setTimeout as pause} from 'node:timers/promises';
import {slotRanges} from '../slots/slot-ranges.ts';
import {moveAtomically, StillRunningError} from './atomic-migration.ts';
import {ConnectionError, connectionComplaint} from './client.ts';
import type {Connections} from './connections.ts';
import type {Journal, MoveMethod} from './journal.ts';
import type {Endpoint, MoveOptions} from './messages.ts';
import {MoveError, moveSlot, type SlotEnd} from './move-slot.ts';
import {formatBytes, formatSlots, loadOf, type SlotLoad, type SlotMove} from './moves.ts';
import type {Printer} from './printer.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

export interface MoveRun {
	readonly view: ClusterView;
	readonly method: MoveMethod;
	readonly options: MoveOptions;
	readonly journal: Journal | null;
	/** What each slot holds, for the progress; slots that are not there count as empty. */
	readonly loads: ReadonlyMap<number, SlotLoad>;
	/** A line a slot with a dot a key, as reshard prints, or a line a pair of nodes and a `#` a slot, as rebalance does. */
	readonly style: 'lines' | 'marks';
}

export interface MoveOutcome {
	readonly movedSlots: readonly number[];
	/** Slots whose move was begun and did not end. */
	readonly openSlots: readonly number[];
	readonly keyCount: number;
	/** Null when all slots were moved, else the line that says why not. */
	readonly problem: string | null;
}

/** Slots of one atomic migration: not all at once, so that there is progress and a failure costs little. */
const ATOMIC_BATCH = 512;

const CANCELLED = '*** Cancelled.';

/** What is moved in one go, all between the same two nodes. */
interface Unit {
	readonly source: string;
	readonly target: string;
	readonly slots: readonly number[];
	/** Which run of moves between the same nodes it belongs to. */
	readonly stretch: Stretch;
}

/** Moves that follow each other between the same two nodes. */
interface Stretch {
	slotCount: number;
	movedCount: number;
	isAnnounced: boolean;
}

/** Never rejects for what nodes do or say: that is the outcome's problem. */
export async function runMoves(
	moves: readonly SlotMove[],
	connections: Connections,
	printer: Printer,
	run: MoveRun,
): Promise<MoveOutcome> {
	const {view, options, method, journal} = run;
	const nodes = new Map(view.nodes.map((node) => [node.self.id, node]));
	const primaries = view.nodes.filter(isPrimary).map(slotEnd);
	const waiting = unitsOf(moves, method === 'classic' ? 1 : ATOMIC_BATCH);
	const progress = new Progress(moves, run.loads, printer);
	const pace = paceOf(options.keysPerSecond);
	const isParallel = (options.parallel ?? 1) > 1;
	const busy = new Map<string, number>();
	const movedSlots: number[] = [];
	const openSlots = new Set<number>();
	let keyCount = 0;
	let problem: string | null = null;

	const moveUnit = async ({source, target, slots}: Unit): Promise<number> => {
		const [from, to] = [nodes.get(source), nodes.get(target)];
		if (from === undefined || to === undefined) {
			throw new MoveError(`[ERR] No such node ID ${from === undefined ? source : target}`);
		}
		if (method !== 'classic') {
			for (const slot of slots) openSlots.add(slot);
			await moveAtomically(connections, method, slotEnd(from), slotEnd(to), slotRanges(slots));
			return progress.addAllKeysOf(slots);
		}
		const [slot] = slots as [number];
		return moveSlot(connections, slotEnd(from), slotEnd(to), slot, {
			others: primaries,
			targetAddress: addressSeenBy(from, to),
			...(options.timeoutMs === undefined ? {} : {timeoutMs: options.timeoutMs}),
			...(options.pipeline === undefined ? {} : {pipeline: options.pipeline}),
			replace: options.replace === true,
			credentials: options.credentials,
			onOpened: () => void openSlots.add(slot),
			onRefused: () => void openSlots.delete(slot),
			beforeBatch: pace,
			onKeys: (count) => progress.addKeys(slot, count),
			warn: (line) => printer.warning(line),
		});
	};

	const announce = ({source, target, stretch}: Unit): void => {
		if (run.style !== 'marks' || stretch.isAnnounced) return;
		stretch.isAnnounced = true;
		const [from, to] = [nodes.get(source), nodes.get(target)];
		if (from === undefined || to === undefined) return;
		printer.line(`Moving ${stretch.slotCount} slots from ${address(from)} to ${address(to)}`);
	};

	/** Whole lines, so that those of several slots do not mix and a progress line can stand below them. */
	const show = (unit: Unit, keys: number, isDone: boolean): void => {
		const [from, to] = [nodes.get(unit.source), nodes.get(unit.target)];
		if (from === undefined || to === undefined) return;
		if (run.style === 'lines') {
			const what = unit.slots.length === 1 ? `slot ${unit.slots[0]}` : `slots ${formatSlots(unit.slots)}`;
			const dots = method === 'classic' ? '.'.repeat(keys) : '';
			printer.line(`Moving ${what} from ${address(from)} to ${address(to)}: ${dots}`);
			return;
		}
		const {stretch} = unit;
		if (isDone) stretch.movedCount += unit.slots.length;
		if (isDone && stretch.movedCount < stretch.slotCount) return;
		announce(unit);
		printer.line('#'.repeat(stretch.movedCount));
	};

	/** The next unit, unless somebody wants the job to end: what others have begun they end. */
	const next = (): Unit | null => {
		if (waiting.length > 0 && printer.isCancelled) {
			problem ??= CANCELLED;
			waiting.length = 0;
		}
		return nextUnit(waiting, busy);
	};

	const work = async (): Promise<void> => {
		for (let unit = next(); unit !== null; unit = next()) {
			if (!isParallel) announce(unit);
			for (const id of [unit.source, unit.target]) busy.set(id, (busy.get(id) ?? 0) + 1);
			try {
				const keys = await moveUnit(unit);
				keyCount += keys;
				movedSlots.push(...unit.slots);
				for (const slot of unit.slots) openSlots.delete(slot);
				show(unit, keys, true);
				progress.slotsDone(unit.slots);
				journal?.slotsDone(unit.slots);
			} catch (error) {
				show(unit, progress.keysOf(unit.slots[0]!), false);
				problem ??= problemOf(error);
				// What did not move atomically has not moved at all.
				if (method !== 'classic' && error instanceof MoveError && !(error instanceof StillRunningError)) {
					for (const slot of unit.slots) openSlots.delete(slot);
				}
				// As when it is cancelled.
				waiting.length = 0;
			}
			for (const id of [unit.source, unit.target]) busy.set(id, (busy.get(id) ?? 1) - 1);
		}
	};
	await Promise.all(Array.from({length: options.parallel ?? 1}, work));
	await journal?.settle();
	return {movedSlots, openSlots: [...openSlots], keyCount, problem};
}

export function slotEnd(node: NodeView): SlotEnd {
	return {id: node.self.id, endpoint: node.endpoint};
}

/** The line for an error of a move; what is none of its errors goes on. */
export function problemOf(error: unknown): string {
	if (error instanceof MoveError) return error.message;
	if (error instanceof ConnectionError) return connectionComplaint(error);
	throw error;
}

/** Where `from` reaches `to` on its bus: the manager may come by another way. */
function addressSeenBy(from: NodeView, to: NodeView): Endpoint {
	const line = from.lines.find(({id}) => id === to.self.id);
	if (line === undefined || line.host === '' || line.port === 0) return to.endpoint;
	return {host: line.host, port: line.port};
}

/** The next unit whose two nodes have the least to do: pairs that have nothing in common go on side by side. */
function nextUnit(waiting: Unit[], busy: ReadonlyMap<string, number>): Unit | null {
	let best = -1;
	let leastLoad = Infinity;
	for (const [i, {source, target}] of waiting.entries()) {
		const load = (busy.get(source) ?? 0) + (busy.get(target) ?? 0);
		if (load < leastLoad) [best, leastLoad] = [i, load];
		if (load === 0) break;
	}
	return best < 0 ? null : (waiting.splice(best, 1)[0] ?? null);
}

function unitsOf(moves: readonly SlotMove[], largest: number): Unit[] {
	const units: Unit[] = [];
	let stretch: Stretch | null = null;
	let slots: number[] = [];
	let before: SlotMove | null = null;
	for (const move of moves) {
		const isSame = before?.source === move.source && before.target === move.target;
		if (stretch === null || !isSame) stretch = {slotCount: 0, movedCount: 0, isAnnounced: false};
		if (!isSame || slots.length === largest) {
			slots = [];
			units.push({source: move.source, target: move.target, slots, stretch});
		}
		slots.push(move.slot);
		stretch.slotCount++;
		before = move;
	}
	return units.map((unit) => ({...unit, slots: unit.slots.toSorted((a, b) => a - b)}));
}

/** Holds batches up so that keys go at the rate wanted, over all slots that move at once. */
function paceOf(keysPerSecond: number | undefined): (keyCount: number) => Promise<void> {
	if (keysPerSecond === undefined) return () => Promise.resolve();
	let freeAt = 0;
	return async (keyCount) => {
		const now = performance.now();
		const startAt = Math.max(now, freeAt);
		freeAt = startAt + (keyCount / keysPerSecond) * 1000;
		if (startAt > now) await pause(startAt - now);
	};
}

/** `1200 of 4000 keys, 1.2 MB of 4.0 MB, 0:12 left, slots 30/100` */
class Progress {
	readonly #loads: ReadonlyMap<number, SlotLoad>;
	readonly #printer: Printer;
	readonly #slotTotal: number;
	readonly #keyTotal: number;
	readonly #byteTotal: number;
	readonly #startedAt = performance.now();
	readonly #keysOfSlot = new Map<number, number>();
	#slots = 0;
	#keys = 0;
	#bytes = 0;

	constructor(moves: readonly SlotMove[], loads: ReadonlyMap<number, SlotLoad>, printer: Printer) {
		this.#loads = loads;
		this.#printer = printer;
		this.#slotTotal = moves.length;
		const {keyCount, bytes} = loadOf(moves, loads);
		this.#keyTotal = keyCount;
		this.#byteTotal = bytes;
	}

	keysOf(slot: number): number {
		return this.#keysOfSlot.get(slot) ?? 0;
	}

	addKeys(slot: number, count: number): void {
		this.#add(slot, count);
		this.#show();
	}

	/** As many as these slots had when they were measured. Returns how many. */
	addAllKeysOf(slots: readonly number[]): number {
		const before = this.#keys;
		for (const slot of slots) this.#add(slot, this.#loads.get(slot)?.keyCount ?? 0);
		this.#show();
		return this.#keys - before;
	}

	slotsDone(slots: readonly number[]): void {
		this.#slots += slots.length;
		this.#show();
	}

	#add(slot: number, count: number): void {
		const load = this.#loads.get(slot);
		this.#keysOfSlot.set(slot, this.keysOf(slot) + count);
		this.#keys += count;
		if (load !== undefined && load.keyCount > 0) this.#bytes += (load.bytes / load.keyCount) * count;
	}

	#show(): void {
		if (!this.#printer.showsProgress) return;
		const parts: string[] = [];
		// Clients write meanwhile: more keys may go than there were.
		if (this.#keyTotal > 0) parts.push(`${this.#keys} of ${Math.max(this.#keyTotal, this.#keys)} keys`);
		if (this.#byteTotal > 0) {
			parts.push(`${formatBytes(this.#bytes)} of ${formatBytes(Math.max(this.#byteTotal, this.#bytes))}`);
		}
		// An empty slot costs its commands too: it counts as a key.
		const done = this.#keys + this.#slots;
		const total = Math.max(this.#keyTotal + this.#slotTotal, done);
		const leftMs = done === 0 ? 0 : ((performance.now() - this.#startedAt) * (total - done)) / done;
		if (done > 0) parts.push(`${formatDuration(leftMs)} left`);
		this.#printer.noteProgress(this.#slots, this.#slotTotal, [...parts, 'slots'].join(', '));
	}
}

/** `0:05`, `12:00`, `1:02:03` */
function formatDuration(ms: number): string {
	const seconds = Math.ceil(ms / 1000);
	const pad = (value: number): string => String(value).padStart(2, '0');
	const hours = Math.floor(seconds / 3600);
	const minutes = Math.floor(seconds / 60) % 60;
	return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}
