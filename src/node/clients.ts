/**
 * The connected clients of a node: who is there, what CLIENT PAUSE holds back, and who watches as a monitor. It owns no
 * sockets: a client's connection is asked to close, to resume, to push.
 */
import {Client, type ClientConnection} from '../commands/client.ts';
import type {Command} from '../commands/command.ts';
import {monitorLine} from '../commands/monitor-line.ts';
import {secretArguments} from '../commands/redaction.ts';
import type {Block, Clients, Config, PauseMode, PausePurpose} from '../commands/services.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {systemClock} from './clock.ts';
import type {Clock} from './ports.ts';

type PauseClock = Pick<Clock, 'wallMs' | 'after'>;

/** What a timer can wait at most. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Pause {
	/** Unix time in ms. */
	readonly untilMs: number;
	readonly mode: 'write' | 'all';
}

/** A client that a command holds. */
interface Held {
	readonly block: Block;
	readonly stopTimer: () => void;
	/** CLIENT REPLY takes the reply away. */
	readonly isSilent: boolean;
}

export class NodeClients implements Clients {
	/** The strongest of all pauses. */
	pauseMode: PauseMode = 'none';
	readonly monitors = new Set<Client>();
	/** Ids only grow, so the order of insertion is the order of ids. */
	readonly #byId = new Map<number, Client>();
	#nextId = 1;
	readonly #pauses = new Map<PausePurpose, Pause>();
	#postponed = new Set<Client>();
	readonly #held = new Map<Client, Held>();
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
	}

	get count(): number {
		return this.#byId.size;
	}

	get postponedCount(): number {
		return this.#postponed.size;
	}

	get blockedCount(): number {
		return this.#held.size;
	}

	get timedBlockCount(): number {
		let count = 0;
		for (const {block} of this.#held.values()) if (block.timeoutMs > 0) count++;
		return count;
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
		this.#release(client);
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
		const running = this.#pauses.get(purpose);
		this.#pauses.set(purpose, {
			untilMs: Math.max(running?.untilMs ?? 0, untilMs),
			mode: running?.mode === 'all' ? 'all' : mode,
		});
		this.#settleMode();
	}

	/** Whether it is paused for this, whatever else it is paused for. */
	isPausedFor(purpose: PausePurpose): boolean {
		return this.#pauses.has(purpose);
	}

	unpause(purpose: PausePurpose = 'client'): void {
		this.#pauses.delete(purpose);
		this.#resume();
	}

	/** Ends pauses whose time is over; called by the node's cron, too, for nobody may be waiting. */
	endPauseIfOver(nowMs: number): void {
		let isOver = false;
		for (const [purpose, {untilMs}] of this.#pauses)
			if (nowMs >= untilMs) isOver = this.#pauses.delete(purpose);
		if (isOver) this.#resume();
	}

	#settleMode(): void {
		this.pauseMode = 'none';
		for (const {mode} of this.#pauses.values()) if (this.pauseMode !== 'all') this.pauseMode = mode;
	}

	/** Some pause ended: whoever is still held back by another is postponed again. */
	#resume(): void {
		this.#settleMode();
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
		let untilMs = Infinity;
		for (const pause of this.#pauses.values()) untilMs = Math.min(untilMs, pause.untilMs);
		const leftMs = Math.max(0, untilMs - this.#clock.wallMs());
		this.#stopTimer = this.#clock.after(Math.min(leftMs, LONGEST_TIMER_MS), () => {
			this.#stopTimer = null;
			this.endPauseIfOver(this.#clock.wallMs());
			// It was prolonged meanwhile, or the timer came early.
			if (this.pauseMode !== 'none' && this.#postponed.size > 0 && this.#stopTimer === null) this.#awaitEnd();
		});
	}

	block(client: Client, block: Block): void {
		const {timeoutMs} = block;
		const stopTimer =
			timeoutMs === 0
				? () => undefined
				: this.#clock.after(Math.min(timeoutMs, LONGEST_TIMER_MS), () => {
						this.unblock(client, (reply) => {
							block.timedOut(reply);
						});
					});
		client.block = block;
		this.#held.set(client, {block, stopTimer, isSilent: client.replyMode !== 'on'});
	}

	unblock(client: Client, write: (reply: ReplyWriter) => void): void {
		const held = this.#held.get(client);
		if (held === undefined) return;
		if (!held.isSilent) {
			const reply = new ReplyWriter();
			reply.protocol = client.protocol;
			write(reply);
			client.connection.push(reply.view(0, reply.length).slice());
		}
		this.#release(client);
		this.#later(() => {
			client.connection.resume();
		});
	}

	#release(client: Client): void {
		const held = this.#held.get(client);
		if (held === undefined) return;
		this.#held.delete(client);
		client.block = null;
		held.stopTimer();
		held.block.ended();
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
