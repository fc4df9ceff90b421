/** The other end of the control endpoint: what commands like `shoal status` say to the launcher that runs elsewhere. */
import {request, type ClientRequest, type IncomingMessage} from 'node:http';
import type {ActReport, NodeAct} from './acts.ts';
import type {TribAnswer, TribLine} from './control-jobs.ts';
import type {ControlAddress} from './data-dir.ts';
import {LaunchError, messageOf, UsageError} from './errors.ts';
import type {JobStatus, LauncherEvent, LauncherStatus} from './events.ts';
import {jsonLines} from './json-lines.ts';
import type {JobConsole, JobOutcome} from './manager-thread.ts';
import type {TribJob} from '../trib/messages.ts';

/** The job goes on without us. */
export class Detached extends Error {
	override readonly name = 'Detached';
}

export class ControlClient {
	readonly #address: ControlAddress;

	constructor(address: ControlAddress) {
		this.#address = address;
	}

	async status(): Promise<LauncherStatus> {
		for await (const status of jsonLines(await this.#ask('GET', '/status'))) return status as LauncherStatus;
		throw new LaunchError('the launcher did not say how it is');
	}

	/**
	 * Resolves when all is done, or has been tried; `by` says in the events who wanted it.
	 * @throws UsageError, LaunchError as `carryOut` does
	 */
	async act(act: NodeAct, by: string): Promise<ActReport> {
		const response = await this.#ask('POST', '/nodes', JSON.stringify({...act, by}));
		for await (const report of jsonLines(response)) return report as ActReport;
		throw new LaunchError('the launcher did not say what became of it');
	}

	/** Resolves when the launcher has let go of everything: it closes the stream of its events as the last. */
	async stop(reason: string): Promise<void> {
		const events = await this.#ask('GET', '/events');
		(await this.#ask('POST', '/stop', JSON.stringify({reason}))).resume();
		try {
			for await (const event of jsonLines(events)) if ((event as LauncherEvent).event === 'stopped') return;
		} catch {
			// The connection broke because the process ended: that is what was asked for.
		}
	}

	/** The signal detaches from the job, which goes on: rejects with Detached. To end the job is `cancel`. */
	async run(job: TribJob, console: JobConsole, signal?: AbortSignal): Promise<JobOutcome> {
		const outgoing = this.#begin('POST', '/trib');
		outgoing.write(`${JSON.stringify(job)}\n`);
		return this.#listen(outgoing, console, signal);
	}

	/** Looks on at a job, from its beginning as far as that is kept; without a number at the one that runs, or the last. */
	async follow(id: number | undefined, console: JobConsole, signal?: AbortSignal): Promise<JobOutcome> {
		const outgoing = this.#begin('GET', `/jobs/${id ?? 'current'}`);
		outgoing.end();
		return this.#listen(outgoing, console, signal);
	}

	async jobs(): Promise<readonly JobStatus[]> {
		for await (const jobs of jsonLines(await this.#ask('GET', '/jobs'))) return jobs as readonly JobStatus[];
		throw new LaunchError('the launcher did not say which jobs there are');
	}

	/** @throws UsageError when there is no such job @throws LaunchError when it has ended */
	async cancel(id: number): Promise<JobStatus> {
		for await (const job of jsonLines(await this.#ask('POST', `/jobs/${id}/cancel`))) return job as JobStatus;
		throw new LaunchError('the launcher did not say what became of the job');
	}

	async #listen(outgoing: ClientRequest, console: JobConsole, signal?: AbortSignal): Promise<JobOutcome> {
		let detach = (): void => {};
		// A question may be open, which nobody is going to answer: that is not waited for.
		const left = new Promise<never>((_, reject) => {
			detach = () => {
				outgoing.destroy();
				reject(new Detached());
			};
		});
		signal?.addEventListener('abort', detach, {once: true});
		const heard = this.#hear(outgoing, console);
		// What breaks because we left is no news.
		heard.catch(() => {});
		try {
			return await Promise.race([heard, left]);
		} finally {
			signal?.removeEventListener('abort', detach);
		}
	}

	async #hear(outgoing: ClientRequest, console: JobConsole): Promise<JobOutcome> {
		const answer = (text: string | null): void => {
			if (outgoing.writableEnded || outgoing.destroyed) return;
			outgoing.write(`${JSON.stringify({answer: text} satisfies TribAnswer)}\n`);
		};
		const lines = jsonLines(await this.#responseTo(outgoing)) as AsyncGenerator<TribLine, undefined>;
		try {
			for await (const line of lines) {
				switch (line.kind) {
					case 'job':
						console.began?.(line.id);
						break;
					case 'output':
						console.output(line.text, line.stream);
						break;
					case 'progress':
						console.progress(line.done, line.total, line.what);
						break;
					case 'ask':
						// Not waited for: the job may end without the answer, when somebody cancels it.
						void console.ask(line.text).then((text) => answer(text));
						break;
					case 'done':
						return {exitCode: line.exitCode, report: line.report};
					case 'failed':
						throw new LaunchError(line.message);
				}
			}
		} finally {
			outgoing.end();
		}
		throw new LaunchError('the launcher ended before the job did');
	}

	#ask(method: string, path: string, body = ''): Promise<IncomingMessage> {
		const outgoing = this.#begin(method, path);
		const response = this.#responseTo(outgoing);
		outgoing.end(body);
		return response;
	}

	#begin(method: string, path: string): ClientRequest {
		const {host, port, secret} = this.#address;
		return request({host, port, method, path, agent: false, headers: {authorization: `Bearer ${secret}`}});
	}

	#responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
		return new Promise((resolve, reject) => {
			outgoing.once('error', (error) =>
				reject(
					new LaunchError(`the launcher (process ${this.#address.pid}) does not answer: ${messageOf(error)}`),
				),
			);
			outgoing.once('response', (response) => {
				if (response.statusCode !== undefined && response.statusCode < 300) {
					resolve(response);
					return;
				}
				void this.#refusalIn(response).then(reject);
			});
		});
	}

	async #refusalIn(response: IncomingMessage): Promise<Error> {
		const {statusCode = 0} = response;
		try {
			for await (const body of jsonLines(response)) {
				const {error} = body as {error?: unknown};
				if (typeof error !== 'string') break;
				if (statusCode === 400) return new UsageError(error);
				if (statusCode === 409) return new LaunchError(error);
			}
		} catch {
			// No JSON: the number has to do.
		}
		response.resume();
		return new LaunchError(`the launcher (process ${this.#address.pid}) refused: HTTP ${statusCode}`);
	}
}
