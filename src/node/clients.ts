/**
 * The connected clients of a node: who is there, what a pause holds back, and who watches as a monitor. It owns no
 * sockets: a client's connection is asked to close, to resume, to push.
 */
import {Client, type ClientConnection} from '../commands/client.ts';
import type {Command} from '../commands/command.ts';
import {monitorLine} from '../commands/monitor-line.ts';
import {secretArguments} from '../commands/redaction.ts';
import type {Block, Clients, Config, PauseMode, PausePurpose} from '../commands/services.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {BlockedClients} from './blocked-clients.ts';
import {systemClock} from './clock.ts';
import {Pauses} from './pauses.ts';
import {type Clock, LONGEST_TIMER_MS} from './ports.ts';

type PauseClock = Pick<Clock, 'wallMs' | 'after'>;

export class NodeClients implements Clients {
	pauseMode: PauseMode = 'none';
	readonly monitors = new Set<Client>();
	/** Ids only grow, so the order of insertion is the order of ids. */
	readonly #byId = new Map<number, Client>();
	#nextId = 1;
	readonly #pauses = new Pauses();
	#postponed = new Set<Client>();
	#whenUnpaused: (() => void)[] = [];
	readonly #blocked: BlockedClients;
	readonly #onRemoved: ((client: Client) => void)[] = [];
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
		this.#blocked = new BlockedClients(later, clock);
	}

	get count(): number {
		return this.#byId.size;
	}

	get postponedCount(): number {
		return this.#postponed.size;
	}

	get blockedCount(): number {
		return this.#blocked.count;
	}

	get timedBlockCount(): number {
		return this.#blocked.timedCount;
	}

	/** Calls `hook` for each client that has left. */
	onRemoved(hook: (client: Client) => void): void {
		this.#onRemoved.push(hook);
	}

	add(connection: ClientConnection, address: string, localAddress: string, nowMs: number): Client {
		const client = new Client(this.#nextId++, connection, address, localAddress, nowMs);
		this.#byId.set(client.id, client);
		return client;
	}

	remove(client: Client): void {
		if (!this.#byId.delete(client.id)) return;
		this.#postponed.delete(client);
		this.monitors.delete(client);
		this.#blocked.release(client);
		for (const hook of this.#onRemoved) hook(client);
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

	isPausedFor(purpose: PausePurpose): boolean {
		return this.#pauses.has(purpose);
	}

	unpause(purpose: PausePurpose = 'client'): void {
		this.#pauses.end(purpose);
		this.#resumePostponed();
	}

	/** Runs it when no pause holds writes back any more: at once, when none does. */
	whenUnpaused(run: () => void): void {
		if (this.pauseMode === 'none') run();
		else this.#whenUnpaused.push(run);
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
		if (this.pauseMode === 'none') {
			const waited = this.#whenUnpaused;
			this.#whenUnpaused = [];
			for (const run of waited) run();
		}
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

	block(client: Client, block: Block): void {
		this.#blocked.block(client, block);
	}

	unblock(client: Client, write: (reply: ReplyWriter) => void): void {
		this.#blocked.unblock(client, write);
	}

	/** See BlockedClients. */
	refuseBlocked(refusal: (client: Client, keys: NonNullable<Block['keys']>) => string | null): void {
		this.#blocked.refuse(refusal);
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
