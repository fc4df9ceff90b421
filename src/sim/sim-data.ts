/**
 * The data of a simulated node: numbers of keys by slot, and a replication stream of which only the length is kept. A replica
 * copies its primary's through the simulated network, some milliseconds late.
 */

import type {DataFacts} from '../cluster/config.ts';
import type {RoleChange} from '../cluster/effects.ts';
import type {Scheduler} from './scheduler.ts';

/** A replica takes over what its primary has so often; about a message's delay and what the primary gathers. */
const COPY_MS = 5;
/** A new link needs this long: handshake and the copy of all keys. */
const SYNC_MS = 50;
/** A primary that cannot be reached is called again after this time. */
const RETRY_MS = 100;

export interface SimDataOptions {
	readonly scheduler: Scheduler;
	/** The data of the node with this port, as long as it is alive and the network lets its stream through; else null. */
	readonly reach: (port: number) => SimData | null;
	/** The node goes on living: a dead one copies nothing. */
	readonly isAlive: () => boolean;
	readonly offsetMoved: () => void;
	/** The link to the primary went up or down. */
	readonly linkChanged: () => void;
}

export class SimData implements DataFacts {
	/** Keys by slot; slots without keys have no entry. */
	readonly keys = new Map<number, number>();
	/** From the primary: it runs, stands still on a link that is up, or is cut while the bus is not. */
	stream: 'runs' | 'held' | 'cut' = 'runs';
	/** The primary runs no writes. */
	isPaused = false;
	readonly #options: SimDataOptions;
	#offset = 0;
	#primaryPort: number | null = null;
	#isLinkUp = false;
	#heardAt = -Infinity;
	/** Counts roles: what was planned in an earlier one is void. */
	#turn = 0;

	constructor(options: SimDataOptions) {
		this.#options = options;
	}

	keyCount(): number {
		let sum = 0;
		for (const count of this.keys.values()) sum += count;
		return sum;
	}

	slotKeyCount(slot: number): number {
		return this.keys.get(slot) ?? 0;
	}

	replicationOffset(): number {
		return this.#offset;
	}

	isPrimaryLinkUp(): boolean {
		return this.#isLinkUp;
	}

	dataAgeMs(now: number): number {
		return now - this.#heardAt;
	}

	/** A client's write of so many bytes. False when the node runs none now. */
	write(bytes: number): boolean {
		if (this.isPaused || this.#primaryPort !== null) return false;
		this.#offset += bytes;
		return true;
	}

	obey(change: RoleChange): void {
		this.#turn++;
		this.#isLinkUp = false;
		this.isPaused = false;
		if (change.kind === 'lead') {
			this.#primaryPort = null;
			return;
		}
		// What it has is that of its former primary, or nobody's.
		if (this.#primaryPort === null) this.#heardAt = -Infinity;
		this.#primaryPort = change.port;
		this.#after(SYNC_MS, () => this.#copy());
	}

	/** Nothing but the files survives a death: the keys, with the offset they were at. */
	restart(): void {
		this.#turn++;
		this.#isLinkUp = false;
		this.isPaused = false;
		this.#primaryPort = null;
		this.#heardAt = -Infinity;
	}

	/** A link that stands shares each step of its primary; one that broke is made anew. */
	#copy(): void {
		const primary = this.stream === 'cut' ? null : this.#options.reach(this.#primaryPort!);
		const wasUp = this.#isLinkUp;
		const before = this.#offset;
		this.#isLinkUp = primary !== null;
		if (primary !== null) {
			this.#heardAt = this.#options.scheduler.now;
			if (this.stream === 'runs') this.#takeOver(primary);
		}
		if (before !== this.#offset) this.#options.offsetMoved();
		if (wasUp !== this.#isLinkUp) this.#options.linkChanged();
		if (primary !== null) this.#after(COPY_MS, () => this.#copy());
		else this.#after(RETRY_MS, () => this.#copy());
	}

	#takeOver(primary: SimData): void {
		this.#offset = primary.#offset;
		this.keys.clear();
		for (const [slot, count] of primary.keys) this.keys.set(slot, count);
	}

	#after(delayMs: number, act: () => void): void {
		const turn = this.#turn;
		this.#options.scheduler.after(delayMs, () => {
			if (turn === this.#turn && this.#options.isAlive()) act();
		});
	}
}
