/** The other end of the control endpoint: what commands like `shoal status` say to the launcher that runs elsewhere. */
import {request, type ClientRequest, type IncomingMessage} from 'node:http';
import type {ActReport, NodeAct} from './acts.ts';
import type {TribAnswer, TribLine} from './control-server.ts';
import type {ControlAddress} from './data-dir.ts';
import {LaunchError, messageOf, UsageError} from './errors.ts';
import type {LauncherEvent, LauncherStatus} from './events.ts';
import {jsonLines} from './json-lines.ts';
import type {JobConsole, JobOutcome, JobRunner} from './manager-thread.ts';
import type {TribJob} from '../trib/messages.ts';

export class ControlClient implements JobRunner {
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

	async run(job: TribJob, console: JobConsole): Promise<JobOutcome> {
		const outgoing = this.#begin('POST', '/trib');
		outgoing.write(`${JSON.stringify(job)}\n`);
		const lines = jsonLines(await this.#responseTo(outgoing)) as AsyncGenerator<TribLine, undefined>;
		try {
			for await (const line of lines) {
				switch (line.kind) {
					case 'output':
						console.output(line.text, line.stream);
						break;
					case 'progress':
						console.progress(line.done, line.total, line.what);
						break;
					case 'ask':
						outgoing.write(
							`${JSON.stringify({answer: await console.ask(line.text)} satisfies TribAnswer)}\n`,
						);
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
