/**
 * FAILOVER of a node that is in no cluster: its part is handed to a replica that has everything.
 *
 *     waiting-for-sync       clients may not write; until the replica has acknowledged all, or the time is over
 *     failover-in-progress   this node follows the replica, which leads when it takes PSYNC ... FAILOVER;
 *                            when it refuses, this node leads again
 *
 * Whoever waits to write is held back for both, so that what it is told in the end is true.
 */
import type {FailoverOrder, FailoverState} from '../commands/replication-service.ts';
import {CommandError} from '../commands/errors.ts';
import type {LogLevel} from '../commands/settings.ts';

/** A replica that could take over. */
export interface Candidate {
	readonly host: string;
	readonly port: number;
	readonly isOnline: boolean;
	/** It has acknowledged everything that was written. */
	readonly isSynced: boolean;
}

export interface FailoverParts {
	/** In the order they came. */
	readonly candidates: () => Iterable<Candidate>;
	/** From now on nothing enters the stream. */
	readonly pause: () => void;
	readonly unpause: () => void;
	/** Follows the heir. Its link begins with PSYNC ... FAILOVER while `isHandingOver`. */
	readonly follow: (host: string, port: number) => void;
	readonly lead: () => void;
	readonly nowMs: () => number;
	readonly log: (level: LogLevel, text: string) => void;
}

interface Target {
	readonly host: string;
	readonly port: number;
}

interface Running {
	target: Target | null;
	readonly endsAtMs: number;
	readonly isForced: boolean;
	isHandingOver: boolean;
}

const NO_REPLICAS = new CommandError('ERR FAILOVER requires connected replicas.');
const FORCE_NEEDS_MORE = new CommandError(
	'ERR FAILOVER with force option requires both a timeout and target HOST and IP.',
);
const NO_SUCH_REPLICA = new CommandError('ERR FAILOVER target HOST and PORT is not a replica.');
const NOT_ONLINE = new CommandError('ERR FAILOVER target replica is not online.');
const NONE_RUNS = new CommandError('ERR No failover in progress.');
const RUNS_ALREADY = new CommandError('ERR FAILOVER already in progress.');

export class Failover {
	readonly #parts: FailoverParts;
	#running: Running | null = null;

	constructor(parts: FailoverParts) {
		this.#parts = parts;
	}

	get state(): FailoverState {
		if (this.#running === null) return 'no-failover';
		return this.#running.isHandingOver ? 'failover-in-progress' : 'waiting-for-sync';
	}

	get isHandingOver(): boolean {
		return this.#running?.isHandingOver ?? false;
	}

	/** @throws CommandError when one runs already */
	checkNoneRuns(): void {
		if (this.#running !== null) throw RUNS_ALREADY;
	}

	/** On a primary while none runs. @throws CommandError */
	begin({target, isForced, timeoutMs}: FailoverOrder): void {
		const {candidates, pause, nowMs, log} = this.#parts;
		const all = [...candidates()];
		if (all.length === 0) throw NO_REPLICAS;
		if (isForced && (timeoutMs === 0 || target === null)) throw FORCE_NEEDS_MORE;
		if (target !== null) {
			const candidate = all.find((each) => isSame(each, target));
			if (candidate === undefined) throw NO_SUCH_REPLICA;
			if (!candidate.isOnline) throw NOT_ONLINE;
		}
		log(
			'notice',
			`FAILOVER requested to ${target === null ? 'any replica' : `${target.host}:${target.port}`}.`,
		);
		const endsAtMs = timeoutMs === 0 ? Infinity : nowMs() + timeoutMs;
		this.#running = {target, endsAtMs, isForced, isHandingOver: false};
		pause();
	}

	/** FAILOVER ABORT. @throws CommandError when none runs */
	abort(): void {
		if (this.#running === null) throw NONE_RUNS;
		this.#giveUp('Failover manually aborted');
	}

	/** Several times a second, and when a replica acknowledged something. */
	look(): void {
		const running = this.#running;
		if (running === null || running.isHandingOver) return;
		const {candidates, nowMs, log} = this.#parts;
		if (nowMs() >= running.endsAtMs) {
			if (!running.isForced) {
				this.#giveUp('Replica never caught up before timeout');
				return;
			}
			const {host, port} = running.target!;
			log('notice', `Failover to ${host}:${port} time out exceeded, failing over.`);
			this.#handOver(running, running.target!);
			return;
		}
		for (const candidate of candidates()) {
			const isWanted = running.target === null || isSame(candidate, running.target);
			if (!isWanted || !candidate.isOnline || !candidate.isSynced) continue;
			log('notice', `Failover target ${candidate.host}:${candidate.port} is synced, failing over.`);
			this.#handOver(running, candidate);
			return;
		}
	}

	/** The heir answered PSYNC ... FAILOVER: it leads, or it does not want to. */
	answered(isAccepted: boolean): void {
		if (!this.isHandingOver) return;
		if (isAccepted) this.#end();
		else this.#giveUp('Failover target rejected psync request');
	}

	#handOver(running: Running, {host, port}: Target): void {
		running.target = {host, port};
		running.isHandingOver = true;
		this.#parts.follow(host, port);
	}

	#giveUp(reason: string): void {
		const {lead, log} = this.#parts;
		const {target, isHandingOver} = this.#running!;
		log(
			'notice',
			target === null
				? `FAILOVER aborted: ${reason}`
				: `FAILOVER to ${target.host}:${target.port} aborted: ${reason}`,
		);
		if (isHandingOver) lead();
		this.#end();
	}

	#end(): void {
		this.#running = null;
		this.#parts.unpause();
	}
}

const isSame = (a: Target, b: Target): boolean => a.host === b.host && a.port === b.port;
