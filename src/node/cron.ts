/**
 * What a node does by the clock: samples for the rates, the end of a pause, clients that overstayed, work on files that is due, and expired keys.
 *
 * Expired keys go in slices of a millisecond between which clients are served, up to a share of the time that
 * `active-expire-effort` sets, as in Redis: 25 % at effort 1, 43 % at 10.
 */
import type {Services} from '../commands/services.ts';
import type {NodeClients} from './clients.ts';
import type {Frontend} from './frontend.ts';
import type {NodeMemory} from './memory.ts';
import type {NodePersistence} from './persistence.ts';
import type {Clock} from './ports.ts';
import type {TurnClock} from './turn-clock.ts';

const SAMPLE_MS = 100;
const EXPIRE_SLICE_MS = 1;
const EXPIRE_SHARE_PERCENT = 25;
const EXPIRE_SHARE_PERCENT_PER_EFFORT = 2;

export interface CronParts {
	readonly services: Services;
	readonly clients: NodeClients;
	readonly frontend: Frontend;
	readonly memory: NodeMemory;
	readonly persistence: Pick<NodePersistence, 'tick'>;
	readonly clock: Clock;
	readonly turnClock: TurnClock;
}

export class Cron {
	/** DEBUG SET-ACTIVE-EXPIRE. */
	activeExpire = true;
	readonly #parts: CronParts;
	#stops: (() => void)[] = [];
	#stopRound: () => void = () => undefined;
	#roundMs = 0;
	/** When the cycle under way must end, and what it has left of its share. */
	#expireEndsAtMs = 0;
	#expireLeftMs = 0;
	#expiring = false;
	#nextDatabase = 0;

	constructor(parts: CronParts) {
		this.#parts = parts;
	}

	start(): void {
		const {clock, memory, persistence, services, turnClock} = this.#parts;
		this.#stops.push(
			clock.every(SAMPLE_MS, () => {
				services.stats.sample(turnClock.read());
				memory.sample();
				persistence.tick();
			}),
		);
		this.#startRounds();
	}

	stop(): void {
		for (const stop of this.#stops) stop();
		this.#stops = [];
		this.#stopRound();
	}

	/** `hz` was changed. */
	restart(): void {
		this.#stopRound();
		this.#startRounds();
	}

	#startRounds(): void {
		const {clock, services} = this.#parts;
		this.#roundMs = 1000 / services.config.settings.hz;
		this.#stopRound = clock.every(this.#roundMs, () => {
			this.#round();
		});
	}

	#round(): void {
		const {clients, clock, frontend, services, turnClock} = this.#parts;
		clients.endPauseIfOver(turnClock.read());
		frontend.closeOverdue();
		this.#beginExpire();
		if (!this.activeExpire || clients.pauseMode !== 'none') return;
		const endMs = clock.monotonicMs() + EXPIRE_SLICE_MS;
		services.replication.expireLocal(turnClock.nowMs, () => clock.monotonicMs() >= endMs);
	}

	#beginExpire(): void {
		if (!this.activeExpire || this.#expiring) return;
		const {clock, services} = this.#parts;
		if (services.databases.every((db) => db.volatileCount === 0)) return;
		const effort = services.config.settings.activeExpireEffort - 1;
		const percent = EXPIRE_SHARE_PERCENT + effort * EXPIRE_SHARE_PERCENT_PER_EFFORT;
		this.#expireLeftMs = (this.#roundMs * percent) / 100;
		this.#expireEndsAtMs = clock.monotonicMs() + this.#roundMs;
		this.#expiring = true;
		this.#expireSlice();
	}

	/** Walks the databases for a slice; goes on in the next turn while there is work and time. */
	#expireSlice(): void {
		const {clock, services, turnClock, clients} = this.#parts;
		const {databases, stats} = services;
		const startMs = clock.monotonicMs();
		const endMs = startMs + Math.min(EXPIRE_SLICE_MS, this.#expireLeftMs);
		const isOver = (): boolean => clock.monotonicMs() >= endMs;
		let hasMore = false;
		// A paused node must not change; the keys expire when they are asked for, or later. A replica's are its primary's.
		if (clients.pauseMode === 'none' && !services.replication.isReplica) {
			turnClock.read();
			for (let i = 0; i < databases.length && !isOver(); i++) {
				const db = databases[this.#nextDatabase % databases.length]!;
				db.now = turnClock.nowMs;
				// The last command here may have been one of a pause.
				db.expiredKeys = 'remove';
				hasMore = db.activeExpire(isOver).timedOut;
				if (hasMore) break;
				this.#nextDatabase++;
			}
		}
		const spentMs = clock.monotonicMs() - startMs;
		this.#expireLeftMs -= spentMs;
		stats.expireCycleCpuUs += spentMs * 1000;
		if (hasMore && this.#expireLeftMs > 0 && clock.monotonicMs() < this.#expireEndsAtMs) {
			setImmediate(() => {
				this.#expireSlice();
			});
			return;
		}
		if (hasMore) stats.expireCyclesCapped++;
		this.#expiring = false;
	}
}
