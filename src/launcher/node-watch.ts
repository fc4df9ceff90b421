/**
 * Looks at a server again and again over its client port: a process cannot post messages as a thread can. Looks often while
 * something changes and seldom when nothing does.
 */
import {setTimeout as pause} from 'node:timers/promises';
import {AuthenticationError, ConnectionError, NodeConnection} from '../trib/client.ts';
import type {Credentials, Endpoint} from '../trib/messages.ts';
import {messageOf} from './errors.ts';
import {lookAt, Unwilling, type NodeSight} from './node-sight.ts';

const SHORTEST_PAUSE_MS = 15;
const LONGEST_PAUSE_MS = 250;
const PAUSE_GROWTH = 1.3;
/** A server that does not answer for so long is held up. */
const REPLY_TIMEOUT_MS = 3_000;

export interface WatchOptions {
	readonly endpoint: Endpoint;
	readonly credentials: Credentials | undefined;
	/** How it is now; only when something is other than at the last look. */
	onSight(sight: NodeSight): void;
	/** It has answered before, and does not any more; once until it answers again. */
	onSilence(why: string): void;
	/** It will never say: wrong password, protected mode ... The last call. */
	onRefusal(why: string): void;
}

export class NodeWatch {
	readonly #options: WatchOptions;
	readonly #ended = new AbortController();
	#connection: NodeConnection | undefined;
	#last = '';
	#pauseMs = SHORTEST_PAUSE_MS;

	/** Begins at once. */
	constructor(options: WatchOptions) {
		this.#options = options;
		void this.#watch();
	}

	/** No call comes after it. */
	end(): void {
		this.#ended.abort();
		this.#connection?.close();
	}

	async #watch(): Promise<void> {
		while (!this.#isOver) {
			try {
				this.#see(await this.#look());
			} catch (error) {
				if (this.#isOver) return;
				if (isRefusal(error)) {
					this.end();
					this.#options.onRefusal(messageOf(error));
					return;
				}
				this.#miss(error);
			}
			await pause(this.#pauseMs, undefined, {signal: this.#ended.signal}).catch(() => undefined);
		}
	}

	get #isOver(): boolean {
		return this.#ended.signal.aborted;
	}

	async #look(): Promise<NodeSight> {
		const {endpoint, credentials} = this.#options;
		this.#connection ??= await NodeConnection.open(endpoint, {
			credentials,
			connectTimeoutMs: REPLY_TIMEOUT_MS,
			replyTimeoutMs: REPLY_TIMEOUT_MS,
		});
		return lookAt(this.#connection);
	}

	#see(sight: NodeSight): void {
		if (this.#isOver) return;
		// Times and epochs of the links say nothing that is told.
		const {nodeId, opinion, role, lines} = sight;
		const now = JSON.stringify([
			nodeId,
			opinion,
			role,
			lines.map((line) => [line.id, line.port, line.slots]),
		]);
		this.#pauseMs =
			now === this.#last ? Math.min(this.#pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS) : SHORTEST_PAUSE_MS;
		if (now === this.#last) return;
		this.#last = now;
		this.#options.onSight(sight);
	}

	#miss(error: unknown): void {
		if (error instanceof Unwilling) return;
		this.#connection?.close();
		this.#connection = undefined;
		if (this.#last === '') return;
		this.#last = '';
		this.#options.onSilence(messageOf(error));
	}
}

function isRefusal(error: unknown): boolean {
	if (error instanceof AuthenticationError) return !/^LOADING\b/.test(error.message);
	if (error instanceof Unwilling) return !error.isPassing;
	// What is no fault of the other side is ours: it must be seen.
	return !(error instanceof ConnectionError);
}
