/**
 * The source of an atomic slot migration, from the destination's request to the end. Pure: it is told what happened and when,
 * and answers with what its shell must do, in order.
 *
 *     connecting -> send-bulk-and-stream -> send-stream -> handoff-prep -> stream-eof -> completed
 *
 * From `stream-eof` on the destination may have the slots: then nothing but the cluster's word (the slots are its own), or the
 * end of the time that writes may be held up, ends the task. Not a lost link, and not an operator.
 */
import {isEnded, type MigrationTask, moveTask} from './slot-migration.ts';

export type ExportEvent =
	| {readonly kind: 'asked' | 'walked' | 'granted' | 'slots-gone' | 'link-lost' | 'cancelled' | 'tick'}
	/** Bytes on their way: sent and not acknowledged. */
	| {readonly kind: 'lag'; readonly bytes: number}
	| {readonly kind: 'failed'; readonly reason: string};

export type ExportAction =
	| 'walk'
	| 'say-snapshot-end'
	| 'ask-handoff'
	| 'pause'
	| 'say-stream-end'
	| 'unpause'
	| 'tell-failed'
	| 'close';

export interface ExportLimits {
	/** `cluster-slot-migration-handoff-max-lag-bytes` */
	readonly handoffMaxLagBytes: number;
	/** `cluster-slot-migration-write-pause-timeout` */
	readonly writePauseTimeoutMs: number;
	/** How long the other end may be silent. */
	readonly silenceMs: number;
}

const NOTHING: readonly ExportAction[] = [];

export class ExportMachine {
	readonly task: MigrationTask;
	readonly #limits: () => ExportLimits;
	#pausedAtMs = 0;

	constructor(task: MigrationTask, limits: () => ExportLimits) {
		this.task = task;
		this.#limits = limits;
	}

	/** Writes are held up. */
	get isPaused(): boolean {
		return this.task.state === 'stream-eof';
	}

	step(event: ExportEvent, nowMs: number): readonly ExportAction[] {
		const {task} = this;
		if (isEnded(task)) return NOTHING;
		switch (event.kind) {
			case 'asked':
				task.startedAtMs = nowMs;
				task.heardAtMs = nowMs;
				return this.#move('send-bulk-and-stream', nowMs, ['walk']);
			case 'walked':
				return this.#move('send-stream', nowMs, ['say-snapshot-end']);
			case 'lag':
				task.heardAtMs = nowMs;
				if (task.state !== 'send-stream' || event.bytes > this.#limits().handoffMaxLagBytes) return NOTHING;
				return this.#move('handoff-prep', nowMs, ['ask-handoff']);
			case 'granted':
				task.heardAtMs = nowMs;
				if (task.state !== 'handoff-prep') return NOTHING;
				this.#pausedAtMs = nowMs;
				return this.#move('stream-eof', nowMs, ['pause', 'say-stream-end']);
			case 'slots-gone':
				if (!this.isPaused) return this.#fail('The slots are not owned by this node any more', nowMs);
				task.writePauseMs = nowMs - this.#pausedAtMs;
				return this.#move('completed', nowMs, ['unpause', 'close']);
			case 'link-lost':
				return this.isPaused ? NOTHING : this.#fail('Connection with the destination lost', nowMs);
			case 'cancelled':
				return this.isPaused ? NOTHING : this.#move('canceled', nowMs, ['tell-failed', 'close']);
			case 'failed':
				return this.isPaused ? NOTHING : this.#fail(event.reason, nowMs);
			case 'tick':
				return this.#tick(nowMs);
			default:
				return event satisfies never;
		}
	}

	/** The node is not the primary any more: whatever state it was in, it holds nothing up. */
	abandon(reason: string, nowMs: number): readonly ExportAction[] {
		return isEnded(this.task) ? NOTHING : this.#fail(reason, nowMs);
	}

	#tick(nowMs: number): readonly ExportAction[] {
		const {writePauseTimeoutMs, silenceMs} = this.#limits();
		if (this.isPaused) {
			if (nowMs - this.#pausedAtMs < writePauseTimeoutMs) return NOTHING;
			return this.#fail('Server paused timeout: the destination did not take the slots in time', nowMs);
		}
		if (nowMs - Math.max(this.task.heardAtMs, this.task.createdAtMs) < silenceMs) return NOTHING;
		return this.#fail('The destination is silent', nowMs);
	}

	#fail(reason: string, nowMs: number): readonly ExportAction[] {
		const {task, isPaused} = this;
		task.lastError = reason;
		if (isPaused) task.writePauseMs = nowMs - this.#pausedAtMs;
		return this.#move(
			'failed',
			nowMs,
			isPaused ? ['unpause', 'tell-failed', 'close'] : ['tell-failed', 'close'],
		);
	}

	#move(
		state: MigrationTask['state'],
		nowMs: number,
		actions: readonly ExportAction[],
	): readonly ExportAction[] {
		moveTask(this.task, state, nowMs);
		return actions;
	}
}
