/** Slots move between nodes while clients read and write every key of theirs. */
import anyTest from 'ava';
import {type Cluster, startCluster} from '../../src/index.ts';
import {type Reply, RespError} from '../../src/resp/reply-parser.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer} from '../helpers/redis-server.ts';
import {runRedisCli} from '../trib/harness.ts';

const test = anyTest.serial;
const withTools = hasRedisServer() ? test : test.skip;

/** A client that knows no topology but what redirections told it. */
class FollowingClient implements Disposable {
	readonly #connections = new Map<number, RespClient>();
	readonly #owners = new Map<number, number>();
	readonly #firstPort: number;
	readonly redirections = {moved: 0, ask: 0, tryAgain: 0};

	constructor(firstPort: number) {
		this.#firstPort = firstPort;
	}

	/** @param words the second is a key */
	async ask(...words: readonly string[]): Promise<Reply> {
		const slot = keySlot(toBytes(words[1]!));
		let port = this.#owners.get(slot) ?? this.#firstPort;
		let isAsking = false;
		for (;;) {
			const connection = await this.#connection(port);
			if (isAsking) connection.send('ASKING');
			connection.send(...words);
			if (isAsking) await connection.next();
			const reply = await connection.next();
			if (!(reply instanceof RespError)) return reply;
			isAsking = false;
			port = Number(reply.message.split(':').at(-1));
			if (reply.code === 'MOVED') {
				this.redirections.moved++;
				this.#owners.set(slot, port);
			} else if (reply.code === 'ASK') {
				this.redirections.ask++;
				isAsking = true;
			} else if (reply.code === 'TRYAGAIN') {
				this.redirections.tryAgain++;
				port = this.#owners.get(slot) ?? this.#firstPort;
			} else throw reply;
		}
	}

	async #connection(port: number): Promise<RespClient> {
		let connection = this.#connections.get(port);
		if (connection === undefined) {
			connection = await RespClient.connect(port);
			this.#connections.set(port, connection);
		}
		return connection;
	}

	[Symbol.dispose](): void {
		for (const connection of this.#connections.values()) connection[Symbol.dispose]();
	}
}

/** A key that counts up. A read must lie between what was acknowledged before it and what was begun until its end. */
interface Counter {
	readonly key: string;
	acknowledged: number;
	begun: number;
}

const TAGS = ['a', 'b', 'c', 'd'] as const;
const KEYS_A_TAG = 24;

function makeCounters(): Counter[] {
	return TAGS.flatMap((tag) =>
		Array.from({length: KEYS_A_TAG}, (_, i) => ({key: `{${tag}}:${i}`, acknowledged: 0, begun: 0})),
	);
}

/** Counts up and reads until told to stop; returns what was wrong. */
async function work(
	client: FollowingClient,
	counters: readonly Counter[],
	first: number,
	isOver: () => boolean,
): Promise<string[]> {
	const wrong: string[] = [];
	for (let i = first; !isOver() && wrong.length < 10; i++) {
		const counter = counters[i % counters.length]!;
		const {key} = counter;
		switch (i % 3) {
			case 0: {
				counter.begun++;
				const least = counter.acknowledged + 1;
				const value = Number(await client.ask('INCR', key));
				counter.acknowledged++;
				if (value < least || value > counter.begun)
					wrong.push(`${key}: counted up to ${value}, not ${least}..${counter.begun}`);
				break;
			}
			case 1: {
				const least = counter.acknowledged;
				const value = Number(await client.ask('GET', key));
				if (value < least || value > counter.begun)
					wrong.push(`${key}: read ${value}, not ${least}..${counter.begun}`);
				break;
			}
			default: {
				const tag = key.slice(0, key.indexOf(':'));
				const group = counters.filter((each) => each.key.startsWith(tag)).slice(0, 3);
				const least = group.map(({acknowledged}) => acknowledged);
				const values = (await client.ask('MGET', ...group.map((each) => each.key))) as Reply[];
				for (const [at, each] of group.entries()) {
					const value = Number(values[at]);
					if (value < least[at]! || value > each.begun)
						wrong.push(`${each.key}: read ${value} with others, not ${least[at]}..${each.begun}`);
				}
			}
		}
	}
	return wrong;
}

/** As redis-cli does it: keys in small batches, the target told first whose the slot is. */
async function moveSlot(cluster: Cluster, slot: number, from: number, to: number): Promise<void> {
	const [source, target] = [cluster.nodes[from]!, cluster.nodes[to]!];
	using here = await RespClient.connect(source.port);
	using there = await RespClient.connect(target.port);
	const done = async (client: RespClient, ...words: string[]): Promise<void> => {
		const reply = await client.ask(...words);
		if (reply !== 'OK') throw reply instanceof Error ? reply : new Error(String(reply));
	};
	await done(there, 'CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', source.id);
	await done(here, 'CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', target.id);
	for (;;) {
		const keys = (await here.ask('CLUSTER', 'GETKEYSINSLOT', String(slot), '5')) as string[];
		if (keys.length === 0) break;
		await done(here, 'MIGRATE', source.host, String(target.port), '', '0', '30000', 'KEYS', ...keys);
	}
	await done(there, 'CLUSTER', 'SETSLOT', String(slot), 'NODE', target.id);
	await done(here, 'CLUSTER', 'SETSLOT', String(slot), 'NODE', target.id);
}

async function ownerOf(cluster: Cluster, slot: number): Promise<number> {
	using client = await RespClient.connect(cluster.nodes[0]!.port);
	const ranges = (await client.ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
	const port = ranges.find(([first, last]) => first <= slot && slot <= last)![2][1];
	return cluster.nodes.findIndex((node) => node.port === port);
}

test('no answer is wrong, and no key is lost or doubled, while slots move', async (t) => {
	t.timeout(300_000);
	await using cluster = await startCluster({shards: 2, basePort: 0});
	const counters = makeCounters();
	const clients = Array.from({length: 4}, () => new FollowingClient(cluster.nodes[0]!.port));
	for (const {key} of counters) await clients[0]!.ask('SET', key, '0');
	let isOver = false;
	const working = clients.map((client, i) => work(client, counters, i * 7, () => isOver));

	const slots = TAGS.map((tag) => keySlot(toBytes(tag)));
	for (let round = 0; round < 6; round++) {
		for (const slot of slots) {
			const from = await ownerOf(cluster, slot);
			await moveSlot(cluster, slot, from, 1 - from);
		}
	}
	isOver = true;
	t.deepEqual((await Promise.all(working)).flat(), []);

	for (const {key, acknowledged, begun} of counters) {
		t.is(acknowledged, begun);
		t.is(await clients[0]!.ask('GET', key), String(acknowledged));
	}
	let total = 0;
	for (const node of cluster.nodes) {
		using client = await RespClient.connect(node.port);
		total += Number(await client.ask('DBSIZE'));
	}
	t.is(total, counters.length);
	const sum = (kind: 'moved' | 'ask' | 'tryAgain'): number =>
		clients.reduce((count, {redirections}) => count + redirections[kind], 0);
	t.true(sum('moved') > 0 && sum('ask') > 0, 'the moves were seen');
	t.log(`${sum('moved')} MOVED, ${sum('ask')} ASK, ${sum('tryAgain')} TRYAGAIN`);
	for (const client of clients) client[Symbol.dispose]();
});

for (const [index, role] of (['source', 'target'] as const).entries()) {
	test(`the ${role} of a move is killed in the middle: no key is lost, and the slot is still open when it is back`, async (t) => {
		t.timeout(300_000);
		await using cluster = await startCluster({
			shards: 2,
			basePort: 0,
			config: {appendonly: true, appendfsync: 'always'},
		});
		const slot = keySlot(toBytes('a'));
		const from = await ownerOf(cluster, slot);
		const [source, target] = [cluster.nodes[from]!, cluster.nodes[1 - from]!];
		const keys = Array.from({length: 200}, (_, i) => `{a}:${i}`);
		const openSlot = async (port: number): Promise<string | undefined> => {
			using client = await RespClient.connect(port);
			const lines = String(await client.ask('CLUSTER', 'NODES')).split('\n');
			return / (\[.*\])$/.exec(lines.find((line) => line.includes('myself'))!)?.[1];
		};
		const move = (...some: readonly string[]): string[] => [
			'MIGRATE',
			source.host,
			String(target.port),
			'',
			'0',
			'30000',
			'REPLACE',
			'KEYS',
			...some,
		];
		{
			using here = await RespClient.connect(source.port);
			using there = await RespClient.connect(target.port);
			for (const key of keys) await here.ask('SET', key, `value of ${key}`);
			await there.ask('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', source.id);
			await here.ask('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', target.id);
			for (let at = 0; at < 100; at += 10) t.is(await here.ask(...move(...keys.slice(at, at + 10))), 'OK');
			// Many at once: some of them will have been sent, and some answered.
			for (let at = 100; at < 200; at += 2) here.send(...move(...keys.slice(at, at + 2)));
			await here.next();
			await cluster.kill(index === 0 ? source.port.toString() : target.port.toString());
		}
		await cluster.start(index === 0 ? source.port.toString() : target.port.toString());
		t.is(await openSlot(source.port), `[${slot}->-${target.id}]`);
		t.is(await openSlot(target.port), `[${slot}-<-${source.id}]`);

		// It loads its files, and its cluster finds itself again.
		using here = await RespClient.connect(source.port);
		using there = await RespClient.connect(target.port);
		for (const client of [here, there]) {
			while (!String(await client.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'));
			while ((await client.ask('CLUSTER', 'COUNTKEYSINSLOT', String(slot))) instanceof RespError);
		}
		for (const key of keys) {
			const found = await here.ask('GET', key);
			await there.ask('ASKING');
			const moved = await there.ask('GET', key);
			const values = [found, moved].filter((value) => typeof value === 'string');
			t.true(values.length > 0, `${key} is lost: ${String(found)}, ${String(moved)}`);
			for (const value of values) t.is(value, `value of ${key}`);
		}
		t.is(await here.ask(...move(...keys)), 'OK');
		t.is(await here.ask('CLUSTER', 'COUNTKEYSINSLOT', String(slot)), 0);
		t.is(await there.ask('CLUSTER', 'COUNTKEYSINSLOT', String(slot)), keys.length);
	});
}

withTools(
	'redis-cli --cluster reshard, rebalance and fix move slots of our nodes with their keys',
	async (t) => {
		t.timeout(300_000);
		await using cluster = await startCluster({shards: 3, basePort: 0});
		const {address, nodes} = cluster;
		using client = new FollowingClient(nodes[0]!.port);
		const keyCount = 600;
		for (let i = 0; i < keyCount; i++) await client.ask('SET', `key:${i}`, `value ${i}`);
		const expectAllKeys = async (): Promise<void> => {
			for (let i = 0; i < keyCount; i++) t.is(await client.ask('GET', `key:${i}`), `value ${i}`);
			const check = await runRedisCli(['check', address]);
			t.is(check.exitCode, 0, check.stdout);
			t.true(check.stdout.includes(`[OK] ${keyCount} keys in 3 masters.`), check.stdout);
			t.true(check.stdout.includes('[OK] All nodes agree about slots configuration.'), check.stdout);
		};

		const reshard = await runRedisCli([
			'reshard',
			address,
			'--cluster-from',
			nodes[0]!.id,
			'--cluster-to',
			nodes[2]!.id,
			'--cluster-slots',
			'1500',
			'--cluster-yes',
		]);
		t.is(reshard.exitCode, 0, reshard.stdout);
		await expectAllKeys();

		const rebalance = await runRedisCli(['rebalance', address]);
		t.is(rebalance.exitCode, 0, rebalance.stdout);
		t.true(rebalance.stdout.includes('>>> Rebalancing across 3 nodes.'), rebalance.stdout);
		await expectAllKeys();

		// A move that somebody left before it came to the keys.
		const slot = keySlot(toBytes('{open}'));
		const from = await ownerOf(cluster, slot);
		const [source, target] = [nodes[from]!, nodes[(from + 1) % 3]!];
		using here = await RespClient.connect(source.port);
		using there = await RespClient.connect(target.port);
		for (let i = 0; i < 20; i++) await here.ask('SET', `{open}${i}`, 'x');
		await there.ask('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', source.id);
		await here.ask('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', target.id);
		const broken = await runRedisCli(['check', address]);
		t.true(broken.stdout.includes(`The following slots are open: ${slot}`), broken.stdout);
		const fixed = await runRedisCli(['fix', address]);
		t.is(fixed.exitCode, 0, fixed.stdout);
		for (let i = 0; i < 20; i++) t.is(await client.ask('DEL', `{open}${i}`), 1);
		await expectAllKeys();
	},
);
