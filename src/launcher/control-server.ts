/**
 * The control endpoint: how a second terminal reaches the running launcher. HTTP on loopback, one secret a launcher, known to
 * who may read control.json. JSON in and out; what goes on for a while is a stream of JSON objects, one a line.
 *
 *     GET  /status   LauncherStatus
 *     GET  /events   stream of LauncherEvent, until either side closes
 *     POST /nodes    NodeAct; answers with its ActReport when all is done
 *     POST /stop     {reason?}; answers when the stop has begun
 *     POST /trib, GET /jobs, GET /jobs/<id>, POST /jobs/<id>/cancel: control-jobs.ts
 *
 * What is refused is answered with {error}: 400 for what was asked wrongly, 409 for what cannot be had.
 */
import {randomBytes, timingSafeEqual} from 'node:crypto';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {carryOut, readAct} from './acts.ts';
import {followJob, runJob} from './control-jobs.ts';
import type {ControlAddress} from './data-dir.ts';
import {LaunchError, messageOf, UsageError} from './errors.ts';
import type {Launcher} from './launcher.ts';

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
			return runJob(launcher.jobs, request, response);
		case 'GET /jobs':
			return sendJson(response, 200, launcher.jobs.list());
		case 'GET /jobs/current':
			return followJob(launcher.jobs, undefined, response);
		default:
			return answerAboutJob(launcher, request, response);
	}
}

async function answerAboutJob(
	{jobs}: Launcher,
	{method, url = ''}: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const [, id, act = ''] = /^\/jobs\/(\d{1,9})(\/cancel)?$/.exec(url) ?? [];
	if (id !== undefined && `${method} ${act}` === 'GET ') return followJob(jobs, Number(id), response);
	if (id !== undefined && `${method} ${act}` === 'POST /cancel')
		return sendJson(response, 200, jobs.cancel(Number(id)));
	return sendJson(response, 404, {error: `there is no ${method} ${url}`});
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
