/**
 * The jobs of the manager over the control endpoint (control-server.ts): asked for, listed, looked on at, cancelled.
 *
 *     POST /trib              stream in: the job, then an answer to each question; stream out: TribLine, the last its outcome
 *     GET  /jobs              JobStatus of each
 *     GET  /jobs/<id>         stream of TribLine: what was said, what is said, the outcome; `current`: that which runs, or the last
 *     POST /jobs/<id>/cancel  JobStatus
 *
 * A job goes on when its connection is closed; a question that it asks then is one that nobody is there to answer.
 */
import type {IncomingMessage, ServerResponse} from 'node:http';
import {messageOf, UsageError} from './errors.ts';
import {jsonLines} from './json-lines.ts';
import type {JobBoard} from './jobs.ts';
import type {JobConsole, JobOutcome} from './manager-thread.ts';
import type {TribExitCode, TribJob, TribReport} from '../trib/messages.ts';

/** What `/trib` and `/jobs/<id>` stream out. */
export type TribLine =
	/** The first: the number under which others find the job. */
	| {readonly kind: 'job'; readonly id: number}
	| {readonly kind: 'output'; readonly text: string; readonly stream: 'stdout' | 'stderr'}
	| {readonly kind: 'ask'; readonly text: string}
	| {readonly kind: 'progress'; readonly done: number; readonly total: number; readonly what: string}
	| {readonly kind: 'done'; readonly exitCode: TribExitCode; readonly report: TribReport | null}
	| {readonly kind: 'failed'; readonly message: string};

/** What `/trib` takes after the job, one a question. */
export interface TribAnswer {
	readonly answer: string | null;
}

/** @throws UsageError when the first line is no job */
export async function runJob(
	jobs: JobBoard,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const lines = jsonLines(request);
	const first = await lines.next();
	if (first.done === true || !isJob(first.value))
		throw new UsageError('the first line must be a job: {"command": ..., "options": {...}}');
	const stream = new LineStream(response);
	const console: JobConsole = {
		...stream.onlooker,
		async ask(text) {
			if (stream.isClosed) return null;
			stream.send({kind: 'ask', text});
			const next = await lines.next();
			return next.done === true ? null : answerOf(next.value);
		},
	};
	const {id, outcome} = jobs.submit(first.value, console);
	stream.send({kind: 'job', id});
	await stream.end(outcome);
}

/** @throws UsageError when there is no such job */
export async function followJob(
	jobs: JobBoard,
	id: number | undefined,
	response: ServerResponse,
): Promise<void> {
	// Looked up first: what is refused must be so before the stream begins.
	const found = jobs.find(id);
	const stream = new LineStream(response);
	stream.send({kind: 'job', id: found});
	const following = jobs.follow(found, stream.onlooker);
	response.once('close', () => following.leave());
	await stream.end(following.outcome);
}

class LineStream {
	readonly #response: ServerResponse;

	constructor(response: ServerResponse) {
		this.#response = response;
		response.writeHead(200, {'content-type': 'application/x-ndjson', 'cache-control': 'no-store'});
		response.flushHeaders();
	}

	get isClosed(): boolean {
		return this.#response.destroyed;
	}

	readonly onlooker = {
		output: (text: string, stream: 'stdout' | 'stderr'): void => this.send({kind: 'output', text, stream}),
		progress: (done: number, total: number, what: string): void =>
			this.send({kind: 'progress', done, total, what}),
	};

	/** To who is gone it is lost. */
	send(line: TribLine): void {
		if (!this.isClosed) this.#response.write(`${JSON.stringify(line)}\n`);
	}

	async end(outcome: Promise<JobOutcome>): Promise<void> {
		try {
			const {exitCode, report} = await outcome;
			this.send({kind: 'done', exitCode, report});
		} catch (error) {
			this.send({kind: 'failed', message: messageOf(error)});
		}
		this.#response.end();
	}
}

const isJob = (value: unknown): value is TribJob =>
	typeof value === 'object' &&
	value !== null &&
	'command' in value &&
	typeof value.command === 'string' &&
	'options' in value &&
	typeof value.options === 'object';

function answerOf(value: unknown): string | null {
	const {answer} = (value ?? {}) as Partial<TribAnswer>;
	return typeof answer === 'string' ? answer : null;
}
