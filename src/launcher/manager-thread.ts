/** The manager's thread: takes jobs one after the other and brings their lines and questions to who asked. */
import type {Worker} from 'node:worker_threads';
import {LaunchError} from './errors.ts';
import {readableStack} from './stack.ts';
import type {ThreadKind} from './threads.ts';
import type {FromManager, ToManager, TribExitCode, TribJob, TribReport} from '../trib/messages.ts';

/** Who a job talks to while it runs. */
export interface JobConsole {
	output(text: string, stream: 'stdout' | 'stderr'): void;
	/** Null when there is nobody to ask. */
	ask(question: string): Promise<string | null>;
	progress(done: number, total: number, what: string): void;
	/** The job's number, where it has one by which others find it. */
	began?(id: number): void;
}

export interface JobOutcome {
	readonly exitCode: TribExitCode;
	readonly report: TribReport | null;
}

/** Where jobs run: here, or in the launcher that another process runs. */
export interface JobRunner {
	/** Aborted, the signal makes the job end after the step under way. */
	run(job: TribJob, console: JobConsole, signal?: AbortSignal): Promise<JobOutcome>;
}

interface RunningJob {
	readonly console: JobConsole;
	resolve(outcome: JobOutcome): void;
	reject(error: Error): void;
}

export class ManagerThread implements JobRunner {
	readonly worker: Worker;
	readonly #jobs = new Map<number, RunningJob>();
	#lastId = 0;
	#dead: Error | undefined;

	constructor(kind: ThreadKind) {
		this.worker = kind.start({name: 'shoal-manager', workerData: {}});
		this.worker.on('message', (message: FromManager) => this.#receive(message));
		this.worker.on('error', (error: Error) =>
			this.#die(`the manager failed: ${readableStack(error.stack ?? error.message)}`),
		);
		this.worker.once('exit', () => this.#die('the manager has ended'));
		// It lives as long as somebody waits for it, and holds nobody up.
		this.worker.unref();
	}

	/** Rejects with LaunchError when the thread ends before the job does. */
	run(job: TribJob, console: JobConsole, signal?: AbortSignal): Promise<JobOutcome> {
		if (this.#dead !== undefined) return Promise.reject(this.#dead);
		const id = ++this.#lastId;
		return new Promise((resolve, reject) => {
			this.#jobs.set(id, {console, resolve, reject});
			this.worker.ref();
			this.#post({kind: 'job', id, job});
			const cancel = (): void => this.#post({kind: 'cancel', id});
			if (signal?.aborted === true) cancel();
			else signal?.addEventListener('abort', cancel, {once: true});
		});
	}

	async stop(): Promise<void> {
		await this.worker.terminate();
	}

	#post(message: ToManager): void {
		this.worker.postMessage(message);
	}

	#receive(message: FromManager): void {
		if (message.kind === 'ready') return;
		const job = this.#jobs.get(message.id);
		if (job === undefined) return;
		switch (message.kind) {
			case 'output':
				job.console.output(message.text, message.stream);
				break;
			case 'progress':
				job.console.progress(message.done, message.total, message.what);
				break;
			case 'prompt':
				job.console.ask(message.text).then(
					(text) => this.#post({kind: 'answer', id: message.id, text}),
					() => this.#post({kind: 'answer', id: message.id, text: null}),
				);
				break;
			case 'done':
				this.#jobs.delete(message.id);
				if (this.#jobs.size === 0) this.worker.unref();
				job.resolve({exitCode: message.exitCode, report: message.report});
				break;
		}
	}

	#die(why: string): void {
		this.#dead ??= new LaunchError(why);
		for (const job of this.#jobs.values()) job.reject(this.#dead);
		this.#jobs.clear();
	}
}

/** For jobs whose outcome is all that counts. Keeps the lines for the message of a failure. */
export class QuietConsole implements JobConsole {
	text = '';

	output(text: string): void {
		this.text += text;
	}

	ask(): Promise<null> {
		return Promise.resolve(null);
	}

	progress(): void {
		// Nobody watches.
	}
}
