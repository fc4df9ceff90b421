/**
 * The destination of an atomic slot migration, from the task's turn to its end. Pure: it is told what happened and when, and
 * answers with what its shell must do, in order.
 *
 *     none -> connecting -> send-syncslots -> accumulate-buffer -> wait-stream-eof -> takeover -> completed
 *       ^                                         |                      |
 *       `------------- a second later -----------<+----- failed ---------'
 *
 * Who serves the slots is never in doubt: before its source stops writing this node grants it a hand-over, and takes the
 * slots only within the first half of the time for which the source then waits. A late end of the stream is no end.
 */
import {isEnded, type MigrationTask, moveTask} from './slot-migration.ts';

export type ImportEvent =
	| {readonly kind: 'begin' | 'connected' | 'accepted' | 'snapshot-end' | 'stream-end' | 'taken'}
	/** The source has little left to send, and asks whether it may stop writing. */
	| {readonly kind: 'handoff-asked'; readonly pauseTimeoutMs: number}
	/** `isFinal`: to try again would be wrong, or lead to the same. */
	| {readonly kind: 'failed'; readonly reason: string; readonly isFinal: boolean}
	| {readonly kind: 'cancelled'};

/** `dial`: forget and hide what is in the slots before. `drop`: remove what came, and show the slots again. */
export type ImportAction =
	| 'dial'
	| 'ask'
	| 'acknowledge'
	| 'grant'
	| 'take'
	| 'show'
	| 'tell-taken'
	| 'close'
	| 'drop';

/** After a failure that need not happen again. */
export const RETRY_AFTER_MS = 1000;

const NOTHING: readonly ImportAction[] = [];

export class ImportMachine {
	readonly task: MigrationTask;
	/** Not before this: unix ms. */
	retryAtMs = 0;
	/** Until when the slots may be taken; 0: no hand-over was granted. */
	#takeBeforeMs = 0;

	constructor(task: MigrationTask) {
		this.task = task;
	}

	/** Whether it waits for its turn. */
	isDue(nowMs: number): boolean {
		return this.task.state === 'none' && nowMs >= this.retryAtMs;
	}

	/** Whether keys may be here that must go if it fails. */
	get isUnderWay(): boolean {
		return this.task.state !== 'none' && !isEnded(this.task);
	}

	step(event: ImportEvent, nowMs: number): readonly ImportAction[] {
		const {task} = this;
		if (isEnded(task)) return NOTHING;
		task.heardAtMs = nowMs;
		switch (event.kind) {
			case 'begin':
				if (task.startedAtMs === 0) task.startedAtMs = nowMs;
				this.#takeBeforeMs = 0;
				return this.#move('connecting', nowMs, ['dial']);
			case 'connected':
				return this.#move('send-syncslots', nowMs, ['ask']);
			case 'accepted':
				return this.#move('accumulate-buffer', nowMs, NOTHING);
			case 'snapshot-end':
				return this.#move('wait-stream-eof', nowMs, ['acknowledge']);
			case 'handoff-asked':
				this.#takeBeforeMs = nowMs + event.pauseTimeoutMs / 2;
				return ['grant'];
			case 'stream-end':
				if (task.state !== 'wait-stream-eof' || nowMs >= this.#takeBeforeMs)
					return this.#fail('The stream of the source ended too late for a hand-over', false, nowMs);
				return this.#move('takeover', nowMs, ['take']);
			case 'taken':
				return this.#move('completed', nowMs, ['show', 'tell-taken']);
			case 'failed':
				return this.#fail(event.reason, event.isFinal, nowMs);
			case 'cancelled': {
				const wasUnderWay = this.isUnderWay;
				return this.#move('canceled', nowMs, wasUnderWay ? ['close', 'drop'] : NOTHING);
			}
			default:
				return event satisfies never;
		}
	}

	#fail(reason: string, isFinal: boolean, nowMs: number): readonly ImportAction[] {
		const {task, isUnderWay} = this;
		task.lastError = reason;
		if (isFinal || task.door === 'migrateslots') {
			moveTask(task, 'failed', nowMs);
		} else {
			task.retries++;
			this.retryAtMs = nowMs + RETRY_AFTER_MS;
			moveTask(task, 'none', nowMs);
		}
		return isUnderWay ? ['close', 'drop'] : NOTHING;
	}

	#move(
		state: MigrationTask['state'],
		nowMs: number,
		actions: readonly ImportAction[],
	): readonly ImportAction[] {
		moveTask(this.task, state, nowMs);
		return actions;
	}
}
