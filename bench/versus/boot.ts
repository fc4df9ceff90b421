/**
 * From the shell to a cluster: six primaries until cluster_state:ok on every one, and three primaries with a replica each
 * until every replica's link is up as well. `shoal up` against six redis-server processes and `redis-cli --cluster create`.
 */
import {areReplicasUp, median, redisCli, type Server, startRedisCluster, startShoal, until} from './peers.ts';

const ROUNDS = 5;
/** Until a replica asks for nothing, redis-server waits these seconds for others before it sends a snapshot. */
const NO_DELAY = ['--repl-diskless-sync-delay', '0'];

interface Contender {
	readonly name: string;
	start(): Promise<Server>;
}

async function secondsOf({start}: Contender, primaries: number): Promise<number> {
	const begin = performance.now();
	const server = await start();
	if (primaries < server.ports.length) await until(() => areReplicasUp(server, primaries));
	const seconds = (performance.now() - begin) / 1000;
	for (const port of server.ports) {
		if (!redisCli(port, 'cluster', 'info').includes('cluster_state:ok')) throw new Error(`${port} is not ok`);
	}
	await server.stop();
	return seconds;
}

async function compare(title: string, primaries: number, contenders: readonly Contender[]): Promise<void> {
	const seconds = contenders.map((): number[] => []);
	for (let round = 0; round < ROUNDS; round++) {
		for (const [index, contender] of contenders.entries()) {
			seconds[index]!.push(await secondsOf(contender, primaries));
		}
	}
	const ours = median(seconds.at(-1)!);
	console.log(`${title}; medians of ${ROUNDS} alternating runs\n`);
	for (const [index, {name}] of contenders.entries()) {
		const theirs = median(seconds[index]!);
		const ratio = theirs === ours ? '' : `   shoal is ${(theirs / ours).toFixed(1)} times sooner`;
		console.log(`${name.padEnd(58)}${theirs.toFixed(2)} s${ratio}`);
	}
	console.log('');
}

export async function boot(): Promise<void> {
	await compare('Boot of 6 primaries, from the shell to cluster_state:ok on each', 6, [
		{name: 'redis-server and redis-cli --cluster create', start: async () => startRedisCluster(6, 0)},
		{name: 'shoal up --shards 6 --replicas 0', start: async () => startShoal({shards: 6})},
	]);
	await compare("Boot of 3 primaries and 3 replicas, until every replica's link is up", 3, [
		{name: 'redis-server as shipped', start: async () => startRedisCluster(3, 1)},
		{
			name: 'redis-server with repl-diskless-sync-delay 0',
			start: async () => startRedisCluster(3, 1, NO_DELAY),
		},
		{name: 'shoal up --shards 3 --replicas 1', start: async () => startShoal({shards: 3, replicas: 1})},
	]);
}
