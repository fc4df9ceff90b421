/**
 * A node that is a process of redis-server or its kin: started from a generated redis.conf in its directory, watched over its
 * client port, its log read from its standard output and kept in a file. Ended by signals, to this process id alone.
 */
import {spawn, type ChildProcess} from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type {Readable} from 'node:stream';
import {errorCode, messageOf} from './errors.ts';
import type {NodePlace} from './messages.ts';
import type {NodeBody, NodeVoice} from './node-handle.ts';
import type {NodeSight} from './node-sight.ts';
import {NodeWatch} from './node-watch.ts';
import type {ServerBinary} from './server-binary.ts';
import {PID_FILE, serverConf} from './server-conf.ts';
import {endOf, parseLogLine, startFailureIn} from './server-log.ts';

/** In a node's directory. */
export const LOG_FILE = 'redis-server.log';
/** In a node's directory. */
const CONFIG_FILE = 'redis.conf';
/** Of what it printed, for the cause of its end. */
const KEPT_LINE_COUNT = 200;
/** After the exit, for the last lines: a child that saves a snapshot may hold the pipe open for long. */
const LAST_LINES_MS = 500;

export class ProcessNode implements NodeBody {
	readonly #place: NodePlace;
	readonly #voice: NodeVoice;
	#child: ChildProcess | undefined;
	#watch: NodeWatch | undefined;
	#log: fs.WriteStream | undefined;
	readonly #lines: string[] = [];
	#sight: NodeSight | null = null;
	#isAsked = false;
	#hasFailed = false;
	#isGone = false;

	constructor(place: NodePlace, binary: ServerBinary, voice: NodeVoice) {
		this.#place = place;
		this.#voice = voice;
		try {
			this.#start(binary);
		} catch (error) {
			// Nobody listens to the voice yet.
			queueMicrotask(() => this.#refuse(errorCode(error) ?? 'ERR_SHOAL_ENGINE', messageOf(error)));
		}
	}

	/** Undefined when it could not be started, and when it is gone. */
	get pid(): number | undefined {
		return this.#isGone ? undefined : this.#child?.pid;
	}

	/** How it last said that all is; null when it has not yet. */
	get sight(): NodeSight | null {
		return this.#sight;
	}

	/** As on SHUTDOWN: what must be saved is saved. */
	stop(): void {
		this.#isAsked = true;
		this.#watch?.end();
		this.#child?.kill('SIGTERM');
	}

	kill(): void {
		this.#isAsked = true;
		this.#watch?.end();
		this.#child?.kill('SIGKILL');
	}

	watchOutput(): void {
		// All that it prints is read from the beginning: it may say why it cannot start.
	}

	#start(binary: ServerBinary): void {
		const {directory, host, port, config} = this.#place;
		this.#refuseOrphan();
		const file = path.join(directory, CONFIG_FILE);
		writeSecret(file, serverConf(this.#place, readText(file)));
		this.#log = fs.createWriteStream(path.join(directory, LOG_FILE), {flags: 'a', mode: 0o600});
		this.#log.on('error', (error) => this.#voice.log('warning', `${LOG_FILE}: ${messageOf(error)}`));
		const child = spawn(binary.path, [file], {
			cwd: directory,
			stdio: ['ignore', 'pipe', 'pipe'],
			// A process group of its own: Ctrl-C in the launcher's terminal is for the launcher, which ends nodes in order.
			detached: true,
		});
		this.#child = child;
		this.#read(child.stdout);
		this.#read(child.stderr);
		child.once('error', (error) => {
			// With a process id it runs, and some signal did not reach it.
			if (child.pid === undefined) this.#refuse(errorCode(error) ?? '', messageOf(error));
		});
		const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
		child.once('exit', (code, signal) => void this.#exited(code, signal, closed));
		const password = config['requirepass'] ?? '';
		this.#watch = new NodeWatch({
			endpoint: {host, port},
			credentials: password === '' ? undefined : {password},
			onSight: (sight) => this.#see(sight),
			onSilence: (why) => {
				const opinion = this.#sight?.opinion ?? null;
				this.#voice.log('warning', `it does not answer: ${why}`);
				if (opinion !== null) this.#voice.clusterState({...opinion, ok: false});
			},
			onRefusal: (why) => {
				this.#fail('ERR_SHOAL_ENGINE', `it does not talk to the launcher: ${why}`);
				this.#child?.kill('SIGTERM');
			},
		});
	}

	/** A launcher that was killed leaves its processes behind: their files must not be written by two. */
	#refuseOrphan(): void {
		const {directory, port} = this.#place;
		const pid = Number.parseInt(readText(path.join(directory, PID_FILE)), 10);
		if (!(pid > 0) || !readText(`/proc/${pid}/cmdline`).includes(`:${port}`)) return;
		throw new Error(
			`it still runs as process ${pid}, left behind by an earlier launcher; end it with kill ${pid} and wait until it is gone`,
		);
	}

	#see(sight: NodeSight): void {
		const former = this.#sight;
		this.#sight = sight;
		const changed = <T>(now: T, before: T | undefined): boolean =>
			JSON.stringify(now) !== JSON.stringify(before);
		// The role first, as threads do: whoever waits for the state wants to know whose it is.
		if (former === null) this.#voice.listening(sight.nodeId);
		if (changed(sight.role, former?.role)) this.#voice.role(sight.role);
		if (sight.opinion !== null) this.#voice.clusterState(sight.opinion);
	}

	#read(stream: Readable): void {
		let pending = '';
		stream.setEncoding('utf8').on('data', (text: string) => {
			this.#log?.write(text);
			const lines = (pending + text).split('\n');
			pending = lines.pop() ?? '';
			for (const line of lines) this.#hear(line);
		});
	}

	#hear(line: string): void {
		if (line.trim() === '' || this.#isGone) return;
		this.#lines.push(line);
		if (this.#lines.length > KEPT_LINE_COUNT) this.#lines.shift();
		const {level, text} = parseLogLine(line);
		// Every start has its warnings, none of which is news.
		this.#voice.log(level === 'warning' && this.#sight === null ? 'notice' : level, text);
	}

	#fail(code: string, message: string, port?: number): void {
		if (this.#hasFailed) return;
		this.#hasFailed = true;
		this.#voice.failed({code, message, ...(port === undefined ? {} : {port})});
	}

	/** There is no process. */
	#refuse(code: string, message: string): void {
		this.#fail(code, message);
		this.#end('');
	}

	async #exited(code: number | null, signal: string | null, closed: Promise<void>): Promise<void> {
		this.#watch?.end();
		let timer: NodeJS.Timeout | undefined;
		await Promise.race([
			closed,
			new Promise<void>((resolve) => (timer = setTimeout(resolve, LAST_LINES_MS))),
		]);
		clearTimeout(timer);
		const exit =
			signal === null ? `the process ended with exit code ${code}` : `the process was ended by ${signal}`;
		if (!this.#isAsked) {
			if (code === 0) this.#voice.endingBy('SHUTDOWN by a client, or a signal from outside');
			else if (this.#sight === null && signal === null) {
				const failure = startFailureIn(this.#lines, exit);
				this.#fail(failure.code, failure.message, failure.port);
			}
		}
		this.#end(endOf(this.#lines, exit));
	}

	#end(crash: string): void {
		if (this.#isGone) return;
		this.#isGone = true;
		this.#log?.end();
		this.#voice.gone({isError: false, crash});
	}
}

/** Empty when there is none, or it cannot be read. */
function readText(file: string): string {
	try {
		return fs.readFileSync(file, 'utf8');
	} catch {
		return '';
	}
}

/** It holds the password: for this user alone, also where a file was there before. */
function writeSecret(file: string, text: string): void {
	fs.rmSync(file, {force: true});
	fs.writeFileSync(file, text, {mode: 0o600, flag: 'wx'});
}
