/**
 * Nodes as worker threads of this process. Holds what they share: the slot table, of which each writes its own region, and
 * the brokerage of links between them.
 */
import {createSlotTable, FOREIGN_OWNER, SlotTableReader, UNASSIGNED} from '../node/slot-table.ts';
import type {Engine} from './engine.ts';
import {LaunchError} from './errors.ts';
import {connectBus} from './mesh.ts';
import type {NodePlace, TransportChoice} from './messages.ts';
import type {NodeVoice} from './node-handle.ts';
import {NodeThread, type ThreadHooks} from './node-thread.ts';
import {connectStream} from './streams.ts';
import {ThreadKind} from './threads.ts';
import {version} from './version.ts';

/** Regions of the slot table beyond those of the nodes that the launcher begins with: as many can be started later. */
export const SPARE_REGIONS = 64;

export interface ThreadEngineOptions {
	/** Entry file of a node's thread. */
	readonly file: URL;
	readonly transport: TransportChoice;
}

export class ThreadEngine implements Engine {
	readonly title = `shoal ${version}`;
	readonly #kind: ThreadKind;
	readonly #transport: TransportChoice;
	/** By index; a node that is started again takes the place of its former thread. */
	readonly #threads = new Map<number, NodeThread>();
	#slotTable: SharedArrayBuffer | undefined;
	#placeCount = 0;

	constructor({file, transport}: ThreadEngineOptions) {
		this.#kind = new ThreadKind(file);
		this.#transport = transport;
	}

	/** Undefined before `open`. Whoever looks after the nodes may read all regions; only a node writes its own. */
	get slotTable(): SharedArrayBuffer | undefined {
		return this.#slotTable;
	}

	get placeCount(): number {
		return this.#placeCount;
	}

	open(nodeCount: number): void {
		this.#placeCount = nodeCount + SPARE_REGIONS;
		this.#slotTable = createSlotTable(this.#placeCount);
	}

	embody(place: NodePlace, voice: NodeVoice): NodeThread {
		const slotTable = this.#slotTable;
		if (slotTable === undefined) throw new LaunchError('the launcher has not been opened');
		const start = {...place, slotTable, transport: this.#transport};
		const thread = new NodeThread(start, this.#kind, voice, this.#hooks);
		this.#threads.set(place.index, thread);
		return thread;
	}

	ownerOf(slot: number, witness: number): number | null {
		if (this.#slotTable === undefined) return null;
		const owner = new SlotTableReader(this.#slotTable).read(witness)?.owners[slot];
		return owner === undefined || owner === UNASSIGNED || owner === FOREIGN_OWNER ? null : owner - 1;
	}

	/** The code that a thread has compiled by now, for the threads of the next start. */
	prepareNext(running: number): void {
		const thread = this.#threads.get(running);
		if (thread !== undefined) this.#kind.makeCache(thread.worker);
	}

	readonly #hooks: ThreadHooks = {
		onBusConnect: (node, request, host, busPort) =>
			connectBus(this.#threads.values(), node, request, host, busPort),
		onStreamConnect: (node, request, host, port) =>
			connectStream(this.#threads.values(), node, request, host, port),
	};
}
