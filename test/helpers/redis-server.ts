// The reference: real redis-server processes for tests that compare with them. Each server has its own scratch
// directory and ports the system handed out, is ready when it answers PING, and is stopped by its own process id.

import {spawn, spawnSync, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {rmSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, connect, type Server, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const HOST = '127.0.0.1';
const READY_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 5_000;
/** A cluster node wants `port + 10000` too, and the system hands out ports up to 60999. */
const BUS_PORT_OFFSET = 10_000;
const START_ATTEMPTS = 5;

export interface RedisServerOptions {
	/** Further arguments of redis-server, `['--maxmemory', '100mb']`. */
	readonly args?: readonly string[];
	/** Starts a cluster node: `cluster-enabled yes`. */
	readonly cluster?: boolean;
	/** Sets `requirepass` and is used for the readiness check too. */
	readonly password?: string;
}

/** A redis-server process that answers. `await using server = await startRedisServer()` stops it. */
export interface RedisServer extends AsyncDisposable {
	readonly host: string;
	readonly port: number;
	/** `host:port`. */
	readonly address: string;
	readonly pid: number;
	readonly directory: string;
	/** All that the process printed so far. */
	log(): string;
	/** Ends the process and removes its directory. Calling it again does nothing. */
	stop(): Promise<void>;
	/** Ends the process the hard way (SIGKILL) and leaves the directory until `stop`. */
	kill(): Promise<void>;
}

/** A group of redis-server processes, not joined to each other. */
export interface RedisServers extends AsyncDisposable {
	readonly nodes: readonly RedisServer[];
	/** `['127.0.0.1:40001', ...]` in the order of start. */
	readonly addresses: readonly string[];
	stop(): Promise<void>;
}

let installed: boolean | undefined;

/** Whether the reference is installed here: redis-server and redis-cli of 7.0. */
export function hasRedisServer(): boolean {
	installed ??= ['redis-server', 'redis-cli'].every((name) => {
		const outcome = spawnSync(name, ['--version'], {encoding: 'utf8'});
		return outcome.status === 0 && /\b7\.0\.\d+/.test(outcome.stdout);
	});
	return installed;
}

/** Starts one server and resolves when it answers. Rejects with the server's own output when it cannot start. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
	for (let attempt = 1; ; attempt++) {
		const port = await freePort(options.cluster === true);
		try {
			return await startOnPort(port, options);
		} catch (error) {
			// Between our look and the server's bind another process may have taken the port.
			const taken = error instanceof Error && /Address already in use|bind:/i.test(error.message);
			if (!taken || attempt === START_ATTEMPTS) throw error;
		}
	}
}

/** Starts `count` cluster-enabled servers at once; they do not know each other yet. */
export async function startRedisCluster(
	count: number,
	options: Omit<RedisServerOptions, 'cluster'> = {},
): Promise<RedisServers> {
	const started = await Promise.allSettled(
		Array.from({length: count}, () => startRedisServer({...options, cluster: true})),
	);
	const nodes = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
	const stop = async (): Promise<void> => {
		await Promise.all(nodes.map((node) => node.stop()));
	};
	const failure = started.find((outcome) => outcome.status === 'rejected');
	if (failure?.status === 'rejected') {
		await stop();
		throw failure.reason;
	}
	nodes.sort((a, b) => a.port - b.port);
	return {nodes, addresses: nodes.map((node) => node.address), stop, [Symbol.asyncDispose]: stop};
}

/**
 * A port that nothing listens on now. With `withBusPort` the one 10000 above is free as well; no two calls of this
 * process get the same one.
 */
export async function freePort(withBusPort = false): Promise<number> {
	for (;;) {
		const probe = await listen(0);
		const port = portOf(probe);
		const busPort = port + BUS_PORT_OFFSET;
		const usable = !handedOut.has(port) && !handedOut.has(busPort) && !handedOut.has(port - BUS_PORT_OFFSET);
		const busProbe =
			usable && withBusPort && busPort < 65_536 ? await listen(busPort).catch(() => null) : null;
		await close(probe);
		if (busProbe !== null) await close(busProbe);
		if (!usable || (withBusPort && busProbe === null)) continue;
		handedOut.add(port);
		return port;
	}
}

const handedOut = new Set<number>();

async function startOnPort(port: number, options: RedisServerOptions): Promise<RedisServer> {
	const directory = await mkdtemp(join(tmpdir(), 'shoal-redis-'));
	const args = ['--port', String(port), '--bind', HOST, '--save', '', '--dir', directory];
	args.push('--daemonize', 'no', '--enable-debug-command', 'yes');
	if (options.cluster === true) args.push('--cluster-enabled', 'yes');
	if (options.password !== undefined)
		args.push('--requirepass', options.password, '--masterauth', options.password);
	args.push(...(options.args ?? []));
	const child = spawn('redis-server', args, {stdio: ['ignore', 'pipe', 'pipe']});
	running.set(child, directory);

	let output = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8');
		stream.on('data', (text: string) => (output += text));
	}
	const exited = new Promise<void>((resolve) => {
		const ended = (): void => {
			running.delete(child);
			resolve();
		};
		child.once('exit', ended);
		child.once('error', (error) => {
			output += `${error.message}\n`;
			ended();
		});
	});

	const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
		if (!running.has(child)) return;
		child.kill(signal);
		const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
		await exited;
		clearTimeout(timer);
	};
	const stop = async (): Promise<void> => {
		await end('SIGTERM');
		await rm(directory, {recursive: true, force: true});
	};

	const gone = exited.then(() => {
		throw new Error(`redis-server on port ${port} ended before it answered:\n${output}`);
	});
	try {
		await Promise.race([gone, untilReady(port, options.password, () => running.has(child))]);
	} catch (error) {
		await stop();
		throw error;
	}
	gone.catch(() => undefined);
	return {
		host: HOST,
		port,
		address: `${HOST}:${port}`,
		pid: child.pid ?? 0,
		directory,
		log: () => output,
		stop,
		kill: () => end('SIGKILL'),
		[Symbol.asyncDispose]: stop,
	};
}

/** Resolves with the first PONG of the server on `port`; tries again while it refuses, loads or does not exist yet. */
async function untilReady(port: number, password: string | undefined, alive: () => boolean): Promise<void> {
	const deadline = Date.now() + READY_DEADLINE_MS;
	let pauseMs = 1;
	while (alive()) {
		if (await answersPing(port, password)) return;
		if (Date.now() > deadline) throw new Error(`redis-server on port ${port} did not answer within its time`);
		await new Promise((resolve) => setTimeout(resolve, pauseMs));
		pauseMs = Math.min(pauseMs * 2, 50);
	}
}

function answersPing(port: number, password: string | undefined): Promise<boolean> {
	return new Promise((resolve) => {
		const socket: Socket = connect({port, host: HOST});
		let received = '';
		const finish = (ready: boolean): void => {
			socket.destroy();
			resolve(ready);
		};
		socket.setTimeout(1000, () => finish(false));
		socket.on('error', () => finish(false));
		socket.on('close', () => finish(false));
		socket.on('connect', () => {
			if (password !== undefined)
				socket.write(`*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(password)}\r\n${password}\r\n`);
			socket.write('PING\r\n');
		});
		socket.on('data', (bytes) => {
			received += bytes.toString('latin1');
			if (received.includes('+PONG\r\n')) finish(true);
			else if (/-(LOADING|NOAUTH|WRONGPASS|ERR).*\r\n/.test(received)) finish(false);
		});
	});
}

async function listen(port: number): Promise<Server> {
	const server = createServer();
	server.listen(port, HOST);
	await once(server, 'listening');
	return server;
}

function portOf(server: Server): number {
	const address = server.address();
	if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
	return address.port;
}

async function close(server: Server): Promise<void> {
	server.close();
	await once(server, 'close');
}

// A test process that dies must not leave anything behind.
const running = new Map<ChildProcess, string>();
process.once('exit', () => {
	for (const [child, directory] of running) {
		child.kill('SIGKILL');
		rmSync(directory, {recursive: true, force: true});
	}
});
