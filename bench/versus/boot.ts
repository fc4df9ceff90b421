/**
 * From the shell to cluster_state:ok on every one of six nodes: `shoal up` against six redis-server processes and
 * `redis-cli --cluster create`.
 */
import {execFileSync} from 'node:child_process';
import {median, redisCli, startRedis, startShoal} from './peers.ts';

const ROUNDS = 5;
const NODES = 6;

async function bootShoal(): Promise<number> {
	const start = performance.now();
	const server = await startShoal({shards: NODES});
	const seconds = (performance.now() - start) / 1000;
	for (const port of server.ports) {
		if (!redisCli(port, 'cluster', 'info').includes('cluster_state:ok')) throw new Error(`${port} is not ok`);
	}
	await server.stop();
	return seconds;
}

async function bootRedis(): Promise<number> {
	const start = performance.now();
	const server = await startRedis(NODES, ['--cluster-enabled', 'yes']);
	const addresses = server.ports.map((port) => `127.0.0.1:${port}`);
	execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'], {encoding: 'utf8'});
	while (!server.ports.every((port) => redisCli(port, 'cluster', 'info').includes('cluster_state:ok')));
	const seconds = (performance.now() - start) / 1000;
	await server.stop();
	return seconds;
}

export async function boot(): Promise<void> {
	const theirs: number[] = [];
	const ours: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		theirs.push(await bootRedis());
		ours.push(await bootShoal());
	}
	console.log(
		`Boot of ${NODES} nodes, from the shell to cluster_state:ok on each; medians of ${ROUNDS} alternating runs\n`,
	);
	console.log(`redis-server and redis-cli --cluster create  ${median(theirs).toFixed(2)} s`);
	console.log(`shoal up --shards ${NODES} --replicas 0              ${median(ours).toFixed(2)} s`);
	console.log(
		`sooner                                       ${(median(theirs) / median(ours)).toFixed(1)} times`,
	);
}
