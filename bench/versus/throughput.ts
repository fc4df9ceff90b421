/**
 * One node under redis-benchmark: 50 connections, 64-byte values, a million 16-byte keys. The servers take turns; what is
 * reported are medians, ratios to redis-server in the same run, and each server's own CPU time a command, which the load
 * generator on the same machine does not distort.
 */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {cpuUs, median, type Server, startRedis, startShoal} from './peers.ts';

const run = promisify(execFile);
const ROUNDS = 5;
const LOADS = [
	{pipeline: 1, requests: 200_000},
	{pipeline: 16, requests: 1_600_000},
	{pipeline: 64, requests: 3_200_000},
] as const;

interface Measured {
	readonly perSecond: number;
	readonly p99Ms: number;
	readonly cpuUs: number;
}

async function measure(server: Server, test: string, pipeline: number, requests: number): Promise<Measured> {
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
	const {stdout} = await run('redis-benchmark', [...args, '-n', String(requests), '-t', test, '--csv']);
	// "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
	const fields = stdout.trim().split('\n').at(-1)!.replaceAll('"', '').split(',');
	return {
		perSecond: Number(fields[1]),
		p99Ms: Number(fields[6]),
		cpuUs: (cpuUs(server.pids) - before) / requests,
	};
}

export async function throughput(tests: readonly string[] = ['set', 'get']): Promise<void> {
	const redis = await startRedis(1);
	const shoal = await startShoal({shards: 1});
	try {
		console.log('One node, redis-benchmark -c 50 -d 64 -r 1000000; medians of', ROUNDS, 'alternating runs\n');
		console.log('load          redis/s    shoal/s   ratio   p99 redis  p99 shoal   cpu us/cmd redis  shoal');
		for (const {pipeline, requests} of LOADS) {
			for (const test of tests) {
				const theirs: Measured[] = [];
				const ours: Measured[] = [];
				for (let round = 0; round < ROUNDS; round++) {
					theirs.push(await measure(redis, test, pipeline, requests));
					ours.push(await measure(shoal, test, pipeline, requests));
				}
				const of = (all: readonly Measured[], field: keyof Measured) =>
					median(all.map((each) => each[field]));
				const ratio = of(ours, 'perSecond') / of(theirs, 'perSecond');
				console.log(
					`${`${test.toUpperCase()} -P ${pipeline}`.padEnd(11)}${of(theirs, 'perSecond').toFixed(0).padStart(10)}` +
						`${of(ours, 'perSecond').toFixed(0).padStart(11)}${ratio.toFixed(2).padStart(8)}` +
						`${of(theirs, 'p99Ms').toFixed(2).padStart(10)} ms${of(ours, 'p99Ms').toFixed(2).padStart(8)} ms` +
						`${of(theirs, 'cpuUs').toFixed(2).padStart(17)}${of(ours, 'cpuUs').toFixed(2).padStart(10)}`,
				);
			}
		}
	} finally {
		await Promise.all([redis.stop(), shoal.stop()]);
	}
}
