/**
 * The connected clients of a node: who is there, what a pause holds back, and who watches as a monitor. It owns no
 * sockets: a client's connection is asked to close, to resume, to push.
 */
import {Client, type ClientConnection} from '../commands/client.ts';
import type {Command} from '../commands/command.ts';
import {monitorLine} from '../commands/monitor-line.ts';
import {secretArguments} from '../commands/redaction.ts';
import type {Clients, Config, PauseMode, PausePurpose} from '../commands/services.ts';
import type {Request} from '../resp/request.ts';
import {systemClock} from './clock.ts';
import {Pauses} from './pauses.ts';
import type {Clock} from './ports.ts';

type PauseClock = Pick<Clock, 'wallMs' | 'after'>;

/** What a timer can wait at most. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class NodeClients implements Clients {
	pauseMode: PauseMode = 'none';
	readonly monitors = new Set<Client>();
	/** Ids only grow, so the order of insertion is the order of ids. */
	readonly #byId = new Map<number, Client>();
	#nextId = 1;
	readonly #pauses = new Pauses();
	#postponed = new Set<Client>();
	readonly #config: Config;
	readonly #later: (run: () => void) => void;
	readonly #clock: PauseClock;
	/** Stops the timer that ends the pause; null when nobody waits for that. */
	#stopTimer: (() => void) | null = null;

	/** @param later runs a function when the command under way is done: whoever is resumed runs commands, too */
	constructor(
		config: Config,
		later: (run: () => void) => void = setImmediate,
		clock: PauseClock = systemClock,
	) {
		this.#config = config;
		this.#later = later;
		this.#clock = clock;
	}

	get count(): number {
		return this.#byId.size;
	}

	get postponedCount(): number {
		return this.#postponed.size;
	}

	add(connection: ClientConnection, address: string, localAddress: string, nowMs: number): Client {
		const client = new Client(this.#nextId++, connection, address, localAddress, nowMs);
		this.#byId.set(client.id, client);
		return client;
	}

	remove(client: Client): void {
		this.#byId.delete(client.id);
		this.#postponed.delete(client);
		this.monitors.delete(client);
	}

	byId(id: number): Client | undefined {
		return this.#byId.get(id);
	}

	/** Clients may be removed while the walk is under way. */
	[Symbol.iterator](): Iterator<Client> {
		return this.#byId.values();
	}

	pause(untilMs: number, mode: 'write' | 'all', purpose: PausePurpose = 'client'): void {
		this.#pauses.begin(purpose, untilMs, mode);
		this.pauseMode = this.#pauses.mode;
	}

	unpause(purpose: PausePurpose = 'client'): void {
		this.#pauses.end(purpose);
		this.#resumePostponed();
	}

	/** Ends pauses whose time is over; called by the node's cron, too, for nobody may be waiting. */
	endPauseIfOver(nowMs: number): void {
		if (nowMs < this.#pauses.nextEndMs) return;
		this.#pauses.endThoseOver(nowMs);
		this.#resumePostponed();
	}

	/** Who is still held back by another pause is postponed again. */
	#resumePostponed(): void {
		this.pauseMode = this.#pauses.mode;
		this.#stopTimer?.();
		this.#stopTimer = null;
		if (this.#postponed.size === 0) return;
		this.#later(() => {
			const resumed = this.#postponed;
			this.#postponed = new Set();
			for (const client of resumed) client.postponed = false;
			for (const client of resumed) client.connection.resume();
		});
	}

	postpone(client: Client): void {
		client.postponed = true;
		this.#postponed.add(client);
		if (this.#stopTimer === null) this.#awaitEnd();
	}

	/** Who waits goes on when the pause is over, and not only at the cron's next round. */
	#awaitEnd(): void {
		const leftMs = Math.max(0, this.#pauses.nextEndMs - this.#clock.wallMs());
		this.#stopTimer = this.#clock.after(Math.min(leftMs, LONGEST_TIMER_MS), () => {
			this.#stopTimer = null;
			this.endPauseIfOver(this.#clock.wallMs());
			// It was prolonged meanwhile, or the timer came early.
			if (this.pauseMode !== 'none' && this.#postponed.size > 0) this.#awaitEnd();
		});
	}

	startMonitor(client: Client): void {
		client.monitor = true;
		this.monitors.add(client);
	}

	stopMonitor(client: Client): void {
		client.monitor = false;
		this.monitors.delete(client);
	}

	feedMonitors(command: Command, request: Request, client: Client, wallUs: number): void {
		const line = monitorLine(client, request, secretArguments(command, request, this.#config), wallUs);
		for (const monitor of this.monitors) monitor.connection.push(line);
	}
}
