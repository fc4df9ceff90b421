/**
 * The slot table that all threads can read: one region a node in one SharedArrayBuffer. A region holds the view of *its*
 * node, is written by that node alone, and that node routes by nothing else; the launcher, the dashboard and tests read all.
 *
 *     [ 64 bytes: Int32 how often a node made its id known ][ region of node 0 ][ region of node 1 ] ...
 *
 * A region:
 *
 *     byte 0    Int32    version: a seqlock, odd while the node writes
 *     byte 4    Int32    cluster state: 0 never published, 1 ok, 2 fail
 *     byte 8    Float64  current epoch
 *     byte 16   20 bytes the node's id
 *     byte 36   Int32    slots that have an owner
 *     byte 64   16384 x Uint16  owner of each slot: launcher index + 1, 0 = none, 0xffff = a node the launcher did not start
 *
 * There may be more regions than nodes: spare ones, of version 0, for nodes that are started later. A region stays its node's
 * while that is down.
 *
 * A reader copies and looks at the version before and after; a writer never waits.
 */
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {assert} from '../lib/assert.ts';

const HEADER_BYTES = 64;
/** A multiple of 64, so that no two nodes write in one cache line. */
const REGION_BYTES = HEADER_BYTES + SLOT_COUNT * 2;
const TABLE_HEADER_BYTES = 64;

const VERSION_WORD = 0;
const STATE_WORD = 1;
const EPOCH_AT_BYTE = 8;
const NODE_ID_AT_BYTE = 16;
const NODE_ID_BYTES = 20;
const ASSIGNED_WORD = 9;

export const UNASSIGNED = 0;
/** The owner is a member that this launcher did not start: its index is nobody's. */
export const FOREIGN_OWNER = 0xffff;

const STATES = ['unknown', 'ok', 'fail'] as const;
export type SlotTableState = (typeof STATES)[number];

/** One node's view as a reader saw it, consistent in itself. */
export interface SlotTableSnapshot {
	/** Even; grows by 2 a publication. 0 = never published. */
	readonly version: number;
	readonly state: SlotTableState;
	readonly currentEpoch: number;
	/** 40 lower-case hex digits, all zero when the node has not begun. */
	readonly nodeId: string;
	readonly assignedCount: number;
	/** Launcher index + 1 a slot, `UNASSIGNED`, or `FOREIGN_OWNER`. A copy. */
	readonly owners: Uint16Array;
}

export const createSlotTable = (nodeCount: number): SharedArrayBuffer =>
	new SharedArrayBuffer(TABLE_HEADER_BYTES + nodeCount * REGION_BYTES);

export const slotTableNodeCount = (table: SharedArrayBuffer): number =>
	Math.floor((table.byteLength - TABLE_HEADER_BYTES) / REGION_BYTES);

interface RegionViews {
	readonly words: Int32Array;
	readonly epoch: Float64Array;
	readonly nodeId: Buffer;
	readonly owners: Uint16Array;
}

function regionViews(table: SharedArrayBuffer, index: number): RegionViews {
	assert(index >= 0 && index < slotTableNodeCount(table), 'the slot table has no region of that index');
	const at = TABLE_HEADER_BYTES + index * REGION_BYTES;
	return {
		words: new Int32Array(table, at, HEADER_BYTES / 4),
		epoch: new Float64Array(table, at + EPOCH_AT_BYTE, 1),
		nodeId: Buffer.from(table, at + NODE_ID_AT_BYTE, NODE_ID_BYTES),
		owners: new Uint16Array(table, at + HEADER_BYTES, SLOT_COUNT),
	};
}

/** The write side: one a node, made by the node whose region it is. */
export class SlotTableWriter {
	readonly #table: SharedArrayBuffer;
	readonly #views: RegionViews;
	readonly #identifications: Int32Array;
	/** The table by words: VERSION_WORD of each region is read. */
	readonly #versions: Int32Array;
	/** Launcher index + 1 by node id, as the heads of all regions said when there were so many identifications. */
	#numbers: ReadonlyMap<string, number> = new Map();
	#numbersAt = 0;

	constructor(table: SharedArrayBuffer, index: number) {
		this.#table = table;
		this.#views = regionViews(table, index);
		this.#identifications = new Int32Array(table, 0, 1);
		this.#versions = new Int32Array(table, 0, Math.floor(table.byteLength / 4));
	}

	/** Makes this node's id known to the others; again after a hard reset. */
	identify(nodeId: string): void {
		assert(/^[0-9a-f]{40}$/.test(nodeId), 'a node id is 40 hex digits');
		this.#write(() => this.#views.nodeId.write(nodeId, 'hex'));
		Atomics.add(this.#identifications, 0, 1);
	}

	/** The number that stands for a member in this table. A foreign member may become known later: ask again at each publication. */
	ownerNumber(nodeId: string): number {
		const count = Atomics.load(this.#identifications, 0);
		if (count !== this.#numbersAt) {
			this.#numbersAt = count;
			this.#numbers = this.#readNumbers();
		}
		return this.#numbers.get(nodeId) ?? FOREIGN_OWNER;
	}

	#readNumbers(): Map<string, number> {
		const numbers = new Map<string, number>();
		for (let index = 0; index < slotTableNodeCount(this.#table); index++) {
			const region = TABLE_HEADER_BYTES + index * REGION_BYTES;
			// Most regions are spare ones, in which nobody has written.
			if (Atomics.load(this.#versions, region / 4 + VERSION_WORD) === 0) continue;
			const at = region + NODE_ID_AT_BYTE;
			numbers.set(Buffer.from(this.#table, at, NODE_ID_BYTES).toString('hex'), index + 1);
		}
		return numbers;
	}

	/** `owners` has SLOT_COUNT entries as `ownerNumber` gives them, 0 for an unassigned slot. */
	publish(ok: boolean, currentEpoch: number, assignedCount: number, owners: Uint16Array): void {
		assert(owners.length === SLOT_COUNT, 'a slot table has an entry for every slot');
		this.#write(() => {
			this.#views.words[STATE_WORD] = ok ? 1 : 2;
			this.#views.words[ASSIGNED_WORD] = assignedCount;
			this.#views.epoch[0] = currentEpoch;
			this.#views.owners.set(owners);
		});
	}

	#write(change: () => unknown): void {
		const {words} = this.#views;
		// A worker that died in the middle left an odd version: begin from it as from an even one.
		const begun = Atomics.load(words, VERSION_WORD) | 1 | 0;
		Atomics.store(words, VERSION_WORD, begun);
		change();
		Atomics.store(words, VERSION_WORD, (begun + 1) | 0);
	}
}

/** The read side: any thread, any number of them. */
export class SlotTableReader {
	readonly #regions: readonly RegionViews[];

	constructor(table: SharedArrayBuffer) {
		this.#regions = Array.from({length: slotTableNodeCount(table)}, (_, index) => regionViews(table, index));
	}

	get nodeCount(): number {
		return this.#regions.length;
	}

	/** Changes with every publication of that node: cheap to poll. */
	version(index: number): number {
		return Atomics.load(this.#region(index).words, VERSION_WORD);
	}

	/** True when that node says `cluster_state:ok`. */
	isOk(index: number): boolean {
		return Atomics.load(this.#region(index).words, STATE_WORD) === 1;
	}

	/**
	 * That node's view, or null when no consistent copy could be taken: it writes just now (try again), or died while
	 * writing (it will write again when it is restarted).
	 */
	read(index: number): SlotTableSnapshot | null {
		const region = this.#region(index);
		for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
			const version = Atomics.load(region.words, VERSION_WORD);
			if ((version & 1) !== 0) continue;
			const snapshot = {
				version,
				state: STATES[region.words[STATE_WORD] ?? 0] ?? 'unknown',
				currentEpoch: region.epoch[0] ?? 0,
				nodeId: region.nodeId.toString('hex'),
				assignedCount: region.words[ASSIGNED_WORD] ?? 0,
				owners: new Uint16Array(region.owners),
			};
			if (Atomics.load(region.words, VERSION_WORD) === version) return snapshot;
		}
		return null;
	}

	#region(index: number): RegionViews {
		const region = this.#regions[index];
		assert(region !== undefined, 'the slot table has no region of that index');
		return region;
	}
}

/** A publication takes about 3 us, so that a few tries outlast one unless its writer died. */
const READ_ATTEMPTS = 1000;
