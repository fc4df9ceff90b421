/**
 * Throughput under redis-benchmark: 50 connections, 64-byte values, a million 16-byte keys. The servers take turns; what is
 * reported are medians, ratios to redis-server in the same run, and each server's own CPU time a command, which the load
 * generator on the same machine does not distort.
 *
 * `throughput` loads one node; `replicated` three primaries with a replica each, all of them with an append-only file.
 */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {
	areReplicasUp,
	cpuUs,
	median,
	type Server,
	startRedis,
	startRedisCluster,
	startShoal,
	until,
} from './peers.ts';

const run = promisify(execFile);
const ROUNDS = 5;

interface Load {
	readonly pipeline: number;
	readonly requests: number;
}

interface Measured {
	readonly perSecond: number;
	readonly p99Ms: number;
	readonly cpuUs: number;
}

async function measure(
	server: Server,
	test: string,
	{pipeline, requests}: Load,
	more: readonly string[],
): Promise<Measured> {
	const before = cpuUs(server.pids);
	const args = [
		'-p',
		String(server.ports[0]),
		'-c',
		'50',
		'-d',
		'64',
		'-r',
		'1000000',
		'-P',
		String(pipeline),
	];
	const {stdout} = await run('redis-benchmark', [
		...args,
		'-n',
		String(requests),
		'-t',
		test,
		'--csv',
		...more,
	]);
	// "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
	const fields = stdout.trim().split('\n').at(-1)!.replaceAll('"', '').split(',');
	return {
		perSecond: Number(fields[1]),
		p99Ms: Number(fields[6]),
		cpuUs: (cpuUs(server.pids) - before) / requests,
	};
}

async function compare(
	redis: Server,
	shoal: Server,
	loads: readonly Load[],
	tests: readonly string[],
	more: readonly string[] = [],
): Promise<void> {
	console.log('load          redis/s    shoal/s   ratio   p99 redis  p99 shoal   cpu us/cmd redis  shoal');
	for (const load of loads) {
		for (const test of tests) {
			const theirs: Measured[] = [];
			const ours: Measured[] = [];
			for (let round = 0; round < ROUNDS; round++) {
				theirs.push(await measure(redis, test, load, more));
				ours.push(await measure(shoal, test, load, more));
			}
			const of = (all: readonly Measured[], field: keyof Measured) => median(all.map((each) => each[field]));
			const ratio = of(ours, 'perSecond') / of(theirs, 'perSecond');
			console.log(
				`${`${test.toUpperCase()} -P ${load.pipeline}`.padEnd(11)}${of(theirs, 'perSecond').toFixed(0).padStart(10)}` +
					`${of(ours, 'perSecond').toFixed(0).padStart(11)}${ratio.toFixed(2).padStart(8)}` +
					`${of(theirs, 'p99Ms').toFixed(2).padStart(10)} ms${of(ours, 'p99Ms').toFixed(2).padStart(8)} ms` +
					`${of(theirs, 'cpuUs').toFixed(2).padStart(17)}${of(ours, 'cpuUs').toFixed(2).padStart(10)}`,
			);
		}
	}
}

export async function throughput(tests: readonly string[] = ['set', 'get']): Promise<void> {
	const redis = await startRedis(1);
	const shoal = await startShoal({shards: 1});
	try {
		console.log('One node, redis-benchmark -c 50 -d 64 -r 1000000; medians of', ROUNDS, 'alternating runs\n');
		const loads = [
			{pipeline: 1, requests: 200_000},
			{pipeline: 16, requests: 1_600_000},
			{pipeline: 64, requests: 3_200_000},
		];
		await compare(redis, shoal, loads, tests);
	} finally {
		await Promise.all([redis.stop(), shoal.stop()]);
	}
}

export async function replicated(): Promise<void> {
	const redis = await startRedisCluster(3, 1, ['--appendonly', 'yes', '--repl-diskless-sync-delay', '0']);
	const shoal = await startShoal({shards: 3, replicas: 1, args: ['--config', 'appendonly=yes']});
	try {
		for (const server of [redis, shoal]) await until(() => areReplicasUp(server, 3));
		console.log(
			'3 primaries, 3 replicas, appendonly yes, everysec; redis-benchmark --cluster -c 50 -d 64 -r 1000000; CPU over all nodes;',
			`medians of ${ROUNDS} alternating runs\n`,
		);
		const loads = [
			{pipeline: 1, requests: 500_000},
			{pipeline: 16, requests: 2_000_000},
		];
		await compare(redis, shoal, loads, ['set', 'get'], ['--cluster']);
	} finally {
		await Promise.all([redis.stop(), shoal.stop()]);
	}
}
