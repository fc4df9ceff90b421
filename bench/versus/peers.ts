/** The two servers that are compared: shoal from its published bundle, and redis-server from the PATH. */
import {type ChildProcess, execFile, execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const run = promisify(execFile);

/** From build/bench/versus to the bundle that people run. */
/** What `shoal` runs. */
export const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

export interface Server {
	readonly name: 'shoal' | 'redis';
	/** Of a cluster: the primaries first. */
	readonly ports: readonly number[];
	readonly pids: readonly number[];
	/** Where the node of that index keeps its files. */
	directory(index: number): string;
	/** Ends one node with nothing flushed. */
	kill(index: number): Promise<void>;
	stop(): Promise<void>;
}

export interface ShoalOptions {
	readonly shards: number;
	/** Of each primary. */
	readonly replicas?: number;
	readonly args?: readonly string[];
	/** An earlier run's, to be started again; then it is the caller's to remove. */
	readonly directory?: string;
	/** Runs another Node than this one. */
	readonly node?: string;
}

/** Resolves when every node says cluster_state:ok. */
export async function startShoal({
	shards,
	replicas = 0,
	args = [],
	directory: earlier,
	node = process.execPath,
}: ShoalOptions): Promise<Server> {
	const directory = earlier ?? mkdtempSync(join(tmpdir(), 'shoal-bench-'));
	const child = spawn(
		node,
		[
			CLI,
			'up',
			'--shards',
			String(shards),
			'--replicas',
			String(replicas),
			'--base-port',
			'0',
			'--data-dir',
			directory,
			// As redis-server below: no snapshot is made by itself.
			'--config',
			'save=',
			'--json',
			...args,
		],
		{stdio: ['ignore', 'pipe', 'inherit'], cwd: directory},
	);
	const ports = await new Promise<number[]>((resolve, reject) => {
		let text = '';
		child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
			text += chunk;
			const line = text.split('\n').find((each) => each.includes('"event":"ready"'));
			if (line === undefined) return;
			const {addresses} = JSON.parse(line) as {addresses: string[]};
			resolve(addresses.map((address) => Number(address.split(':').at(-1))));
		});
		child.once('exit', (code) => {
			reject(new Error(`shoal ended with ${code} before it was ready: ${text}`));
		});
	});
	return {
		name: 'shoal',
		ports,
		pids: [child.pid!],
		directory: (index) => join(directory, String(ports[index])),
		async kill(index) {
			await run(node, [CLI, 'chaos', 'kill', String(ports[index]), '--data-dir', directory]);
		},
		stop: async () => stop([child], earlier === undefined ? [directory] : []),
	};
}

/**
 * Starts processes that know nothing of each other; resolves when each listens (and has loaded its files).
 * @param earlier directories of an earlier run, to be started again; then they are the caller's to remove
 */
export async function startRedis(
	count: number,
	args: readonly string[] = [],
	earlier?: readonly string[],
): Promise<Server> {
	const ports = await freePorts(count);
	const directories = earlier ?? ports.map(() => mkdtempSync(join(tmpdir(), 'redis-bench-')));
	const children = ports.map((port, index) =>
		spawn('redis-server', ['--port', String(port), '--save', '', '--dir', directories[index]!, ...args], {
			stdio: ['ignore', 'pipe', 'inherit'],
		}),
	);
	await Promise.all(
		children.map(async ({stdout}) => {
			for await (const chunk of stdout) if (String(chunk).includes('Ready to accept connections')) break;
			stdout.resume();
		}),
	);
	return {
		name: 'redis',
		ports,
		pids: children.map(({pid}) => pid!),
		directory: (index) => directories[index]!,
		async kill(index) {
			const child = children[index]!;
			const ended = once(child, 'exit');
			child.kill('SIGKILL');
			await ended;
		},
		stop: async () => stop(children, earlier === undefined ? directories : []),
	};
}

/** A cluster of processes made by redis-cli; resolves when every node says cluster_state:ok. */
export async function startRedisCluster(
	primaries: number,
	replicas: number,
	args: readonly string[] = [],
): Promise<Server> {
	const server = await startRedis(primaries * (1 + replicas), ['--cluster-enabled', 'yes', ...args]);
	const addresses = server.ports.map((port) => `127.0.0.1:${port}`);
	const create = [
		'--cluster',
		'create',
		...addresses,
		'--cluster-replicas',
		String(replicas),
		'--cluster-yes',
	];
	await run('redis-cli', create);
	await until(() =>
		server.ports.every((port) => redisCli(port, 'cluster', 'info').includes('cluster_state:ok')),
	);
	return server;
}

/** Whether the links of all replicas are up, from the fourth node of 3+3 on: `primaries` is where they begin. */
export const areReplicasUp = ({ports}: Server, primaries: number): boolean =>
	ports
		.slice(primaries)
		.every((port) => redisCli(port, 'info', 'replication').includes('master_link_status:up'));

/** Asks again and again without a pause: the question itself, by a process of its own, takes a millisecond or two. */
export async function until(isSo: () => boolean): Promise<void> {
	while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

async function stop(children: readonly ChildProcess[], directories: readonly string[]): Promise<void> {
	await Promise.all(
		children.map(async (child) => {
			if (child.exitCode !== null || child.signalCode !== null) return;
			child.removeAllListeners('exit');
			const ended = once(child, 'exit');
			child.kill('SIGTERM');
			await ended;
		}),
	);
	for (const directory of directories) rmSync(directory, {recursive: true, force: true});
}

/** Ports that leave room for a bus port 10000 above. */
export async function freePorts(count: number): Promise<number[]> {
	const servers = await Promise.all(
		Array.from({length: count * 2}, async () => {
			const server = createServer().listen(0, '127.0.0.1');
			await once(server, 'listening');
			return server;
		}),
	);
	const ports = servers
		.map((server) => (server.address() as {port: number}).port)
		.filter((port) => port < 55_535);
	await Promise.all(servers.map(async (server) => once(server.close(), 'close')));
	return ports.length >= count ? ports.slice(0, count) : freePorts(count);
}

/** User and system CPU time of processes since their start, in microseconds (Linux). */
export function cpuUs(pids: readonly number[]): number {
	const ticksPerSecond = 100;
	let ticks = 0;
	for (const pid of pids) {
		const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
		ticks += Number(fields[11]) + Number(fields[12]);
	}
	return (ticks * 1_000_000) / ticksPerSecond;
}

/** Resident memory in bytes (Linux). */
export function residentBytes(pids: readonly number[]): number {
	let bytes = 0;
	for (const pid of pids) {
		const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
		bytes += Number(line?.[1] ?? 0) * 1024;
	}
	return bytes;
}

export function redisCli(port: number, ...args: readonly string[]): string {
	return execFileSync('redis-cli', ['-p', String(port), ...args], {encoding: 'utf8'}).trim();
}

export const median = (values: readonly number[]): number => {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
