/**
 * A connection to a server that keys are moved to: one batch of commands at a time, and their replies. It knows no MIGRATE:
 * what the replies mean is migrations.ts's to say.
 */
import type {Region} from '../lib/region.ts';
import {type Reply, ReplyParser, ReplyProtocolError} from '../resp/reply-parser.ts';
import {type Clock, LONGEST_TIMER_MS} from './ports.ts';
import type {Link, LinkHandler} from './transport.ts';

/** Null: all replies are there. `written`: the target had taken the whole batch. */
export type ExchangeFailure = {readonly isTimeout: boolean; readonly written: boolean} | null;

interface Exchange {
	readonly replies: Reply[];
	readonly replyCount: number;
	readonly timeoutMs: number;
	readonly done: (replies: readonly Reply[], failure: ExchangeFailure) => void;
	stopTimer: () => void;
	/** Bytes that the kernel had not taken when the timer was set: fewer are progress. */
	queuedBytes: number;
}

export class MigrationLink implements LinkHandler {
	/** Database that the target has selected for this connection; null: it is not known. */
	selected: number | bigint | null = null;
	readonly #link: Link;
	readonly #clock: Pick<Clock, 'after'>;
	readonly #onClosed: () => void;
	readonly #parser = new ReplyParser();
	#exchange: Exchange | null = null;
	#isClosed = false;

	/** @param onClosed called once, when it is of no use any more, after the exchange that ended by it */
	constructor(link: Link, clock: Pick<Clock, 'after'>, onClosed: () => void) {
		this.#link = link;
		this.#clock = clock;
		this.#onClosed = onClosed;
	}

	/**
	 * Sends the batch and gathers its replies; `done` is called once. It is given up, and the connection closed, when for
	 * `timeoutMs` nothing is taken and nothing is answered.
	 */
	exchange(
		batch: Uint8Array,
		replyCount: number,
		timeoutMs: number,
		done: (replies: readonly Reply[], failure: ExchangeFailure) => void,
	): void {
		const exchange = {replies: [], replyCount, timeoutMs, done, stopTimer: () => undefined, queuedBytes: 0};
		this.#exchange = exchange;
		if (this.#isClosed) {
			this.#end({isTimeout: false, written: false});
			return;
		}
		this.#link.write(batch, 0, batch.length);
		this.#watch(exchange);
	}

	close(): void {
		this.#fail(false);
	}

	// LinkHandler

	onData(region: Region, length: number): void {
		const exchange = this.#exchange;
		if (exchange === null) {
			// Nobody asked: whatever it says, the next reply would not be the answer to the next command.
			this.close();
			return;
		}
		try {
			// Lines are strings: nothing of the region is kept.
			this.#parser.feed(region.bytes.subarray(0, length), (reply) => exchange.replies.push(reply));
		} catch (error) {
			if (!(error instanceof ReplyProtocolError)) throw error;
			this.close();
			return;
		}
		exchange.stopTimer();
		if (exchange.replies.length >= exchange.replyCount) this.#end(null);
		else this.#watch(exchange);
	}

	onEnd(): void {
		this.close();
	}

	onDrain(): void {
		// Seen by the timer.
	}

	onClose(): void {
		this.close();
	}

	#watch(exchange: Exchange): void {
		exchange.queuedBytes = this.#link.queuedBytes;
		exchange.stopTimer = this.#clock.after(Math.min(exchange.timeoutMs, LONGEST_TIMER_MS), () => {
			if (this.#link.queuedBytes < exchange.queuedBytes) this.#watch(exchange);
			else this.#fail(true);
		});
	}

	#fail(isTimeout: boolean): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		const written = this.#link.queuedBytes === 0;
		this.#link.destroy();
		this.#end({isTimeout, written});
		this.#onClosed();
	}

	#end(failure: ExchangeFailure): void {
		const exchange = this.#exchange;
		if (exchange === null) return;
		this.#exchange = null;
		exchange.stopTimer();
		exchange.done(exchange.replies, failure);
	}
}
