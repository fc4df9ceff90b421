/**
 * How long a thousand slots with their keys take from one node of a cluster of three to another, by `redis-cli --cluster reshard`
 * as people run it (ten keys a MIGRATE), and by `shoal trib reshard`, which moves slots atomically. The clusters stand side by
 * side, and rounds alternate between them.
 */
import {execFile} from 'node:child_process';
import {tmpdir} from 'node:os';
import {promisify} from 'node:util';
import {CLI, median, redisCli, type Server, startRedisCluster, startShoal} from './peers.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {RespClient} from '../../test/helpers/resp-client.ts';

const run = promisify(execFile);

const SHARDS = 3;
const SLOTS = 1000;
/** Of the whole cluster: 61 a slot. */
const KEYS = 1_000_000;
const ROUNDS = 3;
/** Of each primary, as both are created. */
const LAST_SLOTS = [5460, 10_922, 16_383] as const;
const BATCH = 5000;

interface Contender {
	readonly name: string;
	readonly start: () => Promise<Server>;
	readonly reshard: (server: Server, from: string, to: string) => Promise<void>;
}

const byRedisCli = async ({ports}: Server, from: string, to: string): Promise<void> => {
	await run(
		'redis-cli',
		[
			'--cluster',
			'reshard',
			`127.0.0.1:${ports[0]}`,
			'--cluster-from',
			from,
			'--cluster-to',
			to,
			'--cluster-slots',
			String(SLOTS),
			'--cluster-yes',
		],
		{maxBuffer: 1 << 28},
	);
};

const byTrib = async ({ports}: Server, from: string, to: string): Promise<void> => {
	const job = ['trib', 'reshard', `127.0.0.1:${ports[0]}`, '--from', from, '--to', to];
	await run(process.execPath, [CLI, ...job, '--slots', String(SLOTS), '--yes'], {
		maxBuffer: 1 << 28,
		// Its journal is none of the person's who runs the benchmark.
		env: {...process.env, XDG_STATE_HOME: tmpdir()},
	});
};

const CONTENDERS: readonly Contender[] = [
	{
		name: 'redis, redis-cli reshard',
		start: async () => startRedisCluster(SHARDS, 0),
		reshard: byRedisCli,
	},
	{name: 'shoal, redis-cli reshard', start: async () => startShoal({shards: SHARDS}), reshard: byRedisCli},
	{name: 'shoal, shoal trib reshard', start: async () => startShoal({shards: SHARDS}), reshard: byTrib},
];

/** `key:0` and on with 64 bytes each, to the node that has the slot. */
async function fillCluster({ports}: Server): Promise<void> {
	const clients = await Promise.all(ports.map(async (port) => RespClient.connect(port)));
	const value = 'v'.repeat(64);
	for (let first = 0; first < KEYS; first += BATCH) {
		const sent = Array.from({length: BATCH}, (_, i) => {
			const key = `key:${first + i}`;
			const slot = keySlot(toBytes(key));
			const owner = clients[LAST_SLOTS.findIndex((last) => slot <= last)]!;
			owner.send('SET', key, value);
			return owner;
		});
		for (const owner of sent)
			if ((await owner.next()) !== 'OK') throw new Error('a key went to the wrong node');
	}
	for (const client of clients) client[Symbol.dispose]();
}

const keysOn = ({ports}: Server, index: number): number => Number(redisCli(ports[index]!, 'dbsize'));

export async function reshard(): Promise<void> {
	console.log(`${SLOTS} slots of ${Math.round(KEYS / 16_384)} keys with 64 bytes each, ten keys a MIGRATE\n`);
	const servers = await Promise.all(CONTENDERS.map(async ({start}) => start()));
	try {
		for (const server of servers) await fillCluster(server);
		const seconds = CONTENDERS.map((): number[] => []);
		for (let round = 0; round < ROUNDS; round++) {
			for (const [at, contender] of CONTENDERS.entries()) {
				const server = servers[at]!;
				// There and back, so that each round finds what the one before found.
				const [from, to] = round % 2 === 0 ? [0, 2] : [2, 0];
				const before = keysOn(server, to);
				const begin = performance.now();
				await contender.reshard(
					server,
					redisCli(server.ports[from]!, 'cluster', 'myid'),
					redisCli(server.ports[to]!, 'cluster', 'myid'),
				);
				const took = (performance.now() - begin) / 1000;
				seconds[at]!.push(took);
				console.log(`${contender.name}  ${took.toFixed(2)} s, ${keysOn(server, to) - before} keys`);
			}
		}
		for (const [at, {name}] of CONTENDERS.entries())
			console.log(`${name}  median ${median(seconds[at]!).toFixed(2)} s`);
	} finally {
		for (const server of servers) await server.stop();
	}
}
