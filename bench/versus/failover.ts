/**
 * How long a slot cannot be written. After a kill: from the end of its primary to the first write that its replica takes.
 * In a failover on demand: from the last write that the old primary took to the first that the new one takes.
 */
import {execFile} from 'node:child_process';
import {connect} from 'node:net';
import {promisify} from 'node:util';
import {areReplicasUp, median, redisCli, type Server, startRedisCluster, startShoal, until} from './peers.ts';

const run = promisify(execFile);

const ROUNDS = 5;
const PRIMARIES = 3;
/** Longer than a failover on demand may take. */
const AGAIN_MS = 6000;
const TIMEOUTS_MS = [500, 1000, 5000] as const;

type Start = (timeoutMs: number) => Promise<Server>;

const CONTENDERS: readonly (readonly [name: string, start: Start])[] = [
	[
		'redis',
		async (timeoutMs) =>
			startRedisCluster(PRIMARIES, 1, [
				'--cluster-node-timeout',
				String(timeoutMs),
				'--repl-diskless-sync-delay',
				'0',
			]),
	],
	[
		'shoal',
		async (timeoutMs) =>
			startShoal({shards: PRIMARIES, replicas: 1, args: ['--node-timeout', String(timeoutMs)]}),
	],
];

/** The replica of the primary of that index, as the primary says. */
function replicaOf(server: Server, index: number): number {
	return Number(/slave0:ip=[^,]*,port=(\d+)/.exec(redisCli(server.ports[index]!, 'info', 'replication'))![1]);
}

/** A key of a slot that the primary of that index serves. */
function keyOf(server: Server, index: number): string {
	for (let i = 0; ; i++) {
		if (redisCli(server.ports[index]!, 'get', `key:${i}`).startsWith('MOVED')) continue;
		return `key:${i}`;
	}
}

/** Sends one SET after the other and tells when each was taken, until it is ended. */
function writeOn(port: number, key: string, onTaken: (atMs: number) => void): () => void {
	const socket = connect(port, '127.0.0.1').setNoDelay(true);
	const set = `SET ${key} value\r\n`;
	socket.on('data', (reply) => {
		if (reply.toString('latin1').startsWith('+OK')) onTaken(performance.now());
		socket.write(set);
	});
	socket.on('error', () => undefined);
	socket.write(set);
	return () => socket.destroy();
}

async function afterKill(start: Start, timeoutMs: number): Promise<number> {
	const server = await start(timeoutMs);
	try {
		await until(() => areReplicasUp(server, PRIMARIES));
		const key = keyOf(server, 0);
		const replica = replicaOf(server, 0);
		const taken = new Promise<number>((resolve) => {
			const stop = writeOn(replica, key, (atMs) => {
				stop();
				resolve(atMs);
			});
		});
		const killedAt = performance.now();
		await server.kill(0);
		return ((await taken) - killedAt) / 1000;
	} finally {
		await server.stop();
	}
}

async function onDemand(start: Start): Promise<number> {
	const server = await start(15_000);
	try {
		await until(() => areReplicasUp(server, PRIMARIES));
		const key = keyOf(server, 0);
		const replica = replicaOf(server, 0);
		let lastTaken = 0;
		let stopOld = (): void => undefined;
		await new Promise<void>((resolve) => {
			stopOld = writeOn(server.ports[0]!, key, (atMs) => {
				lastTaken = atMs;
				resolve();
			});
		});
		const taken = new Promise<number>((resolve) => {
			const stop = writeOn(replica, key, (atMs) => {
				stop();
				resolve(atMs - lastTaken);
			});
		});
		// Without blocking this process, which measures. It may come to nothing while the cluster is young.
		const ask = (): void => void run('redis-cli', ['-p', String(replica), 'cluster', 'failover']);
		const again = setInterval(ask, AGAIN_MS);
		ask();
		const refusedMs = await taken;
		clearInterval(again);
		stopOld();
		return refusedMs;
	} finally {
		await server.stop();
	}
}

export async function failover(): Promise<void> {
	console.log(
		`Writes refused after the kill of a primary, in seconds; medians of ${ROUNDS} alternating runs\n`,
	);
	for (const timeoutMs of TIMEOUTS_MS) {
		const seconds = CONTENDERS.map((): number[] => []);
		for (let round = 0; round < ROUNDS; round++) {
			for (const [index, [, start]] of CONTENDERS.entries()) {
				seconds[index]!.push(await afterKill(start, timeoutMs));
			}
		}
		const line = CONTENDERS.map(([name], index) => `${name} ${median(seconds[index]!).toFixed(2)} s`).join(
			'   ',
		);
		console.log(`cluster-node-timeout ${String(timeoutMs).padEnd(6)}${line}`);
	}
	console.log(`\nWrites refused in CLUSTER FAILOVER, in milliseconds; medians of ${ROUNDS}\n`);
	for (const [name, start] of CONTENDERS) {
		const ms: number[] = [];
		for (let round = 0; round < ROUNDS; round++) ms.push(await onDemand(start));
		console.log(`${name}  ${median(ms).toFixed(0)} ms, at most ${Math.max(...ms).toFixed(0)}`);
	}
}
