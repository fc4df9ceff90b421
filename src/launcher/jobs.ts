/**
 * The jobs of a launcher's manager: one runs at a time, the others wait in the order in which they came. A job belongs to the
 * launcher and not to who asked for it: it goes on when its terminal is gone, and others may look on, or cancel it. What the
 * last ones said and how they ended is kept for a while.
 */
import {LaunchError, messageOf, UsageError} from './errors.ts';
import type {JobEvent, JobStatus} from './events.ts';
import type {JobConsole, JobOutcome, JobRunner} from './manager-thread.ts';
import type {TribJob} from '../trib/messages.ts';

/** So many jobs that have ended are kept. */
const KEPT_JOB_COUNT = 20;
/** Of each, so much of its output, the last of it. */
const KEPT_OUTPUT_CHARACTERS = 64 * 1024;

export interface JobBoardOptions {
	readonly runner: JobRunner;
	onEvent(event: JobEvent): void;
	/** Milliseconds since 1970. */
	wallMs(): number;
}

/** What is told to who looks on: everything but questions, which are the asker's alone. */
export type Onlooker = Pick<JobConsole, 'output' | 'progress'>;

export class JobBoard {
	readonly #options: JobBoardOptions;
	/** In the order in which they came; the oldest that have ended are dropped. */
	readonly #jobs: Job[] = [];
	#lastId = 0;
	#running: Promise<unknown> = Promise.resolve();

	constructor(options: JobBoardOptions) {
		this.#options = options;
	}

	/** The job's number, from 1, and its outcome. It rejects with LaunchError when the manager ends before the job does. */
	submit(request: TribJob, asker: JobConsole): {readonly id: number; readonly outcome: Promise<JobOutcome>} {
		const job = new Job(++this.#lastId, request, asker, this.#options);
		this.#jobs.push(job);
		const run = this.#running.then(() => job.run());
		this.#running = run.then(
			() => this.#forgetOldest(),
			() => this.#forgetOldest(),
		);
		return {id: job.id, outcome: job.outcome};
	}

	list(): JobStatus[] {
		return this.#jobs.map((job) => job.status());
	}

	/**
	 * The number of a job that is known; without one that of the job that runs, or of the last one.
	 * @throws UsageError when there is no such job
	 */
	find(id: number | undefined): number {
		return this.#find(id).id;
	}

	/**
	 * Tells what the job has said so far, as far as it is kept, and what it says from now on until `leave`.
	 * @throws UsageError when there is no such job
	 */
	follow(id: number, onlooker: Onlooker): {readonly outcome: Promise<JobOutcome>; leave(): void} {
		const job = this.#find(id);
		return {leave: job.watch(onlooker), outcome: job.outcome};
	}

	/**
	 * It ends after the step under way; one that waits is never begun.
	 * @throws UsageError when there is no such job @throws LaunchError when it has ended
	 */
	cancel(id: number): JobStatus {
		const job = this.#find(id);
		job.cancel();
		return job.status();
	}

	#find(id: number | undefined): Job {
		const job =
			id === undefined
				? (this.#jobs.find(({state}) => state === 'running') ?? this.#jobs.at(-1))
				: this.#jobs.find((each) => each.id === id);
		if (job !== undefined) return job;
		throw new UsageError(
			id === undefined
				? 'the manager has had no job yet'
				: `there is no job ${id}; shoal trib jobs lists them${this.#lastId >= id ? ' (the oldest are forgotten)' : ''}`,
		);
	}

	#forgetOldest(): void {
		const over = this.#jobs.filter((job) => job.isOver);
		for (const job of over.slice(0, Math.max(0, over.length - KEPT_JOB_COUNT)))
			this.#jobs.splice(this.#jobs.indexOf(job), 1);
	}
}

class Job implements JobConsole {
	readonly id: number;
	readonly outcome: Promise<JobOutcome>;
	readonly #request: TribJob;
	readonly #asker: JobConsole;
	readonly #options: JobBoardOptions;
	readonly #onlookers = new Set<Onlooker>();
	readonly #cancelling = new AbortController();
	readonly #cameAtMs: number;
	readonly #output: {readonly text: string; readonly stream: 'stdout' | 'stderr'}[] = [];
	#outputLength = 0;
	#state: JobStatus['state'] = 'waiting';
	#endedAtMs: number | null = null;
	#exitCode: number | null = null;
	#progress: JobStatus['progress'] = null;
	#resolve: (outcome: JobOutcome) => void = () => {};
	#reject: (error: Error) => void = () => {};

	constructor(id: number, request: TribJob, asker: JobConsole, options: JobBoardOptions) {
		this.id = id;
		this.#request = request;
		this.#asker = asker;
		this.#options = options;
		this.#cameAtMs = options.wallMs();
		this.#onlookers.add(asker);
		this.outcome = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		// Whoever asked may be gone; those who look on have handlers of their own.
		this.outcome.catch(() => {});
	}

	get state(): JobStatus['state'] {
		return this.#state;
	}

	get isOver(): boolean {
		return this.#state !== 'waiting' && this.#state !== 'running';
	}

	status(): JobStatus {
		return {
			id: this.id,
			command: this.#request.command,
			state: this.#state,
			isCancelling: this.#state === 'running' && this.#cancelling.signal.aborted,
			cameAt: new Date(this.#cameAtMs).toISOString(),
			seconds: Math.round(((this.#endedAtMs ?? this.#options.wallMs()) - this.#cameAtMs) / 1000),
			progress: this.#progress,
			exitCode: this.#exitCode,
		};
	}

	async run(): Promise<void> {
		// Cancelled while it waited.
		if (this.isOver) return;
		this.#state = 'running';
		this.#options.onEvent({event: 'job-started', id: this.id, command: this.#request.command});
		try {
			const outcome = await this.#options.runner.run(this.#request, this, this.#cancelling.signal);
			// What was done by the time that it heard of the wish is done.
			const isCancelled = this.#cancelling.signal.aborted && outcome.exitCode !== 0;
			this.#end(isCancelled ? 'cancelled' : 'done', outcome.exitCode);
			this.#resolve(outcome);
		} catch (error) {
			this.output(`${messageOf(error)}\n`, 'stderr');
			this.#end('failed', 1);
			this.#reject(error instanceof Error ? error : new LaunchError(messageOf(error)));
		}
	}

	cancel(): void {
		if (this.isOver) throw new LaunchError(`job ${this.id} has ended: it is ${this.#state}`);
		this.#cancelling.abort();
		if (this.#state === 'running') return;
		this.output('Cancelled before it began: nothing was done.\n', 'stderr');
		this.#end('cancelled', 1);
		this.#resolve({exitCode: 1, report: null});
	}

	/** Says first what is kept of what was said. */
	watch(onlooker: Onlooker): () => void {
		for (const {text, stream} of this.#output) onlooker.output(text, stream);
		if (this.#progress !== null && !this.isOver) {
			const {done, total, what} = this.#progress;
			onlooker.progress(done, total, what);
		}
		this.#onlookers.add(onlooker);
		return () => this.#onlookers.delete(onlooker);
	}

	output(text: string, stream: 'stdout' | 'stderr'): void {
		this.#output.push({text, stream});
		this.#outputLength += text.length;
		while (this.#outputLength > KEPT_OUTPUT_CHARACTERS && this.#output.length > 1)
			this.#outputLength -= this.#output.shift()?.text.length ?? 0;
		for (const onlooker of this.#onlookers) onlooker.output(text, stream);
	}

	progress(done: number, total: number, what: string): void {
		this.#progress = {done, total, what};
		this.#options.onEvent({event: 'job-progress', id: this.id, done, total, what});
		for (const onlooker of this.#onlookers) onlooker.progress(done, total, what);
	}

	ask(question: string): Promise<string | null> {
		// For those who look on it is a line like others.
		for (const onlooker of this.#onlookers)
			if (onlooker !== this.#asker) onlooker.output(`${question}\n`, 'stdout');
		const {signal} = this.#cancelling;
		return new Promise((resolve, reject) => {
			const onCancel = (): void => resolve(null);
			signal.addEventListener('abort', onCancel, {once: true});
			this.#asker
				.ask(question)
				.then(resolve, reject)
				.finally(() => signal.removeEventListener('abort', onCancel));
		});
	}

	#end(state: JobStatus['state'], exitCode: number): void {
		this.#state = state;
		this.#exitCode = exitCode;
		this.#endedAtMs = this.#options.wallMs();
		this.#onlookers.clear();
		this.#options.onEvent({event: 'job-ended', id: this.id, command: this.#request.command, state, exitCode});
	}
}
