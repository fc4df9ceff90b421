/**
 * The control endpoint: how a second terminal reaches the running launcher. HTTP on loopback, one secret a launcher, known to
 * who may read control.json. JSON in and out; what goes on for a while is a stream of JSON objects, one a line.
 *
 *     GET  /status   LauncherStatus
 *     GET  /events   stream of LauncherEvent, until either side closes
 *     POST /nodes    NodeAct; answers with its ActReport when all is done
 *     POST /stop     {reason?}; answers when the stop has begun
 *     POST /trib     stream in: the job, then an answer to each question; stream out: what the job says, last its outcome
 *
 * What is refused is answered with {error}: 400 for what was asked wrongly, 409 for what cannot be had.
 */
import {randomBytes, timingSafeEqual} from 'node:crypto';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {carryOut, readAct} from './acts.ts';
import type {ControlAddress} from './data-dir.ts';
import {LaunchError, messageOf, UsageError} from './errors.ts';
import {jsonLines} from './json-lines.ts';
import type {Launcher} from './launcher.ts';
import type {JobConsole} from './manager-thread.ts';
import type {TribExitCode, TribJob, TribReport} from '../trib/messages.ts';

/** What `/trib` streams out. */
export type TribLine =
	| {readonly kind: 'output'; readonly text: string; readonly stream: 'stdout' | 'stderr'}
	| {readonly kind: 'ask'; readonly text: string}
	| {readonly kind: 'progress'; readonly done: number; readonly total: number; readonly what: string}
	| {readonly kind: 'done'; readonly exitCode: TribExitCode; readonly report: TribReport | null}
	| {readonly kind: 'failed'; readonly message: string};

/** What `/trib` takes after the job, one a question. */
export interface TribAnswer {
	readonly answer: string | null;
}

const HOST = '127.0.0.1';
const LARGEST_BODY_BYTES = 1 << 20;

export class ControlServer {
	readonly address: ControlAddress;
	readonly #server: Server;

	/** Listens on a free port of loopback, and writes where into the data directory. Holds the process no longer than the nodes do. */
	static async open(launcher: Launcher): Promise<ControlServer> {
		const secret = randomBytes(32).toString('base64url');
		const server = createServer((request, response) => {
			answer(launcher, secret, request, response).catch((error: unknown) => {
				if (response.headersSent) response.destroy();
				else sendJson(response, statusCodeOf(error), {error: messageOf(error)});
			});
		});
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen(0, HOST, resolve);
		});
		server.unref();
		const place = server.address();
		const port = typeof place === 'object' && place !== null ? place.port : 0;
		const control = new ControlServer(server, {pid: process.pid, host: HOST, port, secret});
		launcher.dataDir.writeControl(control.address);
		return control;
	}

	private constructor(server: Server, address: ControlAddress) {
		this.#server = server;
		this.address = address;
	}

	/** Ends the open streams as well. */
	close(): Promise<void> {
		return new Promise((resolve) => {
			this.#server.close(() => resolve());
			this.#server.closeAllConnections();
		});
	}
}

class BadRequest extends Error {}

function statusCodeOf(error: unknown): number {
	if (error instanceof BadRequest || error instanceof UsageError) return 400;
	return error instanceof LaunchError ? 409 : 500;
}

async function answer(
	launcher: Launcher,
	secret: string,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	if (!mayAsk(request, secret))
		return sendJson(response, 401, {
			error: 'the secret of control.json is needed: Authorization: Bearer <secret>',
		});
	switch (`${request.method} ${request.url}`) {
		case 'GET /status':
			return sendJson(response, 200, launcher.status());
		case 'GET /events':
			return streamEvents(launcher, response);
		case 'POST /nodes': {
			const {by, ...act} = await readJson(request);
			const who = typeof by === 'string' ? by : 'asked by the control endpoint';
			return sendJson(response, 200, await carryOut(launcher, readAct(act), who));
		}
		case 'POST /stop': {
			const {reason} = await readJson(request);
			sendJson(response, 202, {stopping: true});
			await launcher.stop(typeof reason === 'string' ? reason : 'asked by the control endpoint');
			return undefined;
		}
		case 'POST /trib':
			return runJob(launcher, request, response);
		default:
			return sendJson(response, 404, {error: `there is no ${request.method} ${request.url}`});
	}
}

/** The Host is looked at too: a page in a browser that found the port by a rebound name does not get this far. */
function mayAsk(request: IncomingMessage, secret: string): boolean {
	if (!/^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(request.headers.host ?? '')) return false;
	const given = Buffer.from(request.headers.authorization ?? '');
	const wanted = Buffer.from(`Bearer ${secret}`);
	return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function streamEvents(launcher: Launcher, response: ServerResponse): void {
	response.writeHead(200, {'content-type': 'application/x-ndjson', 'cache-control': 'no-store'});
	response.flushHeaders();
	const end = launcher.subscribe((event) => {
		response.write(`${JSON.stringify({at: new Date().toISOString(), ...event})}\n`);
		if (event.event === 'stopped') response.end();
	});
	response.once('close', end);
}

async function runJob(launcher: Launcher, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const lines = jsonLines(request);
	const first = await lines.next();
	if (first.done === true || !isJob(first.value))
		throw new BadRequest('the first line must be a job: {"command": ..., "options": {...}}');
	response.writeHead(200, {'content-type': 'application/x-ndjson', 'cache-control': 'no-store'});
	response.flushHeaders();
	const send = (line: TribLine): void => {
		response.write(`${JSON.stringify(line)}\n`);
	};
	const console: JobConsole = {
		output: (text, stream) => send({kind: 'output', text, stream}),
		progress: (done, total, what) => send({kind: 'progress', done, total, what}),
		async ask(text) {
			send({kind: 'ask', text});
			const next = await lines.next();
			return next.done === true ? null : answerOf(next.value);
		},
	};
	try {
		const {exitCode, report} = await launcher.run(first.value, console);
		send({kind: 'done', exitCode, report});
	} catch (error) {
		send({kind: 'failed', message: messageOf(error)});
	}
	response.end();
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

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
	let text = '';
	for await (const chunk of request.setEncoding('utf8')) {
		text += String(chunk);
		if (text.length > LARGEST_BODY_BYTES) throw new BadRequest('the body is too large');
	}
	try {
		const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
		if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
	} catch {
		// Told below, like everything that is no object.
	}
	throw new BadRequest('the body must be a JSON object');
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, {'content-type': 'application/json', 'cache-control': 'no-store'});
	response.end(`${JSON.stringify(body)}\n`);
}
