/** Client libraries on our nodes, as an application uses them. */

import anyTest, {type ExecutionContext} from 'ava';
import {Cluster as IoCluster} from 'ioredis';
import {createCluster} from 'redis';
import {startCluster, type Cluster} from '../../src/index.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import {NodeConnection} from '../../src/trib/client.ts';

/** One cluster for all tests, which therefore run one after the other, each on empty nodes. */
const test = anyTest.serial;
let cluster: Cluster;

anyTest.before(async () => {
	cluster = await startCluster({shards: 3, basePort: 0});
});

anyTest.beforeEach(async () => {
	await onEach('FLUSHALL');
});

anyTest.after.always(async () => {
	await cluster.stop();
});

/** Keys that together touch every node. */
const KEYS = Array.from({length: 60}, (_, i) => `key:${i}`);

/** What both libraries are driven through. */
interface Store {
	set(key: string, value: string): Promise<unknown>;
	get(key: string): Promise<unknown>;
}

async function withIoredis(use: (client: IoCluster) => Promise<void>): Promise<void> {
	const client = new IoCluster([...cluster.nodes], {redisOptions: {connectTimeout: 5_000}});
	try {
		await use(client);
	} finally {
		client.disconnect();
	}
}

/** Without a type of its own: node-redis derives it from the options. */
function nodeRedis(protocol: 2 | 3) {
	return createCluster({
		rootNodes: [{url: `redis://${cluster.address}`}],
		RESP: protocol,
	});
}

async function withNodeRedis(
	protocol: 2 | 3,
	use: (client: ReturnType<typeof nodeRedis>) => Promise<void>,
): Promise<void> {
	const client = nodeRedis(protocol);
	client.on('error', () => undefined);
	await client.connect();
	try {
		await use(client);
	} finally {
		client.destroy();
	}
}

async function storesAndFinds(t: ExecutionContext, store: Store): Promise<void> {
	await Promise.all(KEYS.map((key) => store.set(key, `value of ${key}`)));
	const values = await Promise.all(KEYS.map((key) => store.get(key)));
	t.deepEqual(
		values,
		KEYS.map((key) => `value of ${key}`),
	);
	const sizes = await onEach('DBSIZE');
	t.true(
		sizes.every((size) => Number(size) > 0),
		'every node holds some of the keys',
	);
	t.is(
		sizes.reduce((sum: number, size) => sum + Number(size), 0),
		KEYS.length,
	);
}

/** Sends one command to every node and returns the replies in their order. */
async function onEach(...words: readonly string[]): Promise<unknown[]> {
	return Promise.all(
		cluster.nodes.map(async (node) => {
			const connection = await NodeConnection.open(node);
			const reply = await connection.call(...words);
			connection.close();
			return reply;
		}),
	);
}

/** Hands the slot of `key`, which is empty, from its owner to the next node, as far as `stage`. */
async function moveSlot(key: string, stage: 'open' | 'moved'): Promise<void> {
	const slot = String(keySlot(Buffer.from(key)));
	const counts = await onEach('CLUSTER', 'NODES');
	const owner = counts.findIndex((text) => servesSlot(String(text), Number(slot)));
	const from = cluster.nodes[owner]!;
	const to = cluster.nodes[(owner + 1) % cluster.nodes.length]!;
	const [source, target] = await Promise.all([NodeConnection.open(from), NodeConnection.open(to)]);
	await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
	await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
	if (stage === 'moved') {
		await target.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
		await source.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
	}
	source.close();
	target.close();
}

/** Whether the node that printed `text` says that it serves the slot. */
function servesSlot(text: string, slot: number): boolean {
	const own = text.split('\n').find((line) => line.includes('myself')) ?? '';
	return own
		.split(' ')
		.slice(8)
		.some((range) => {
			const [start, end = start] = range.split('-').map(Number);
			return start !== undefined && end !== undefined && start <= slot && slot <= end;
		});
}

test('ioredis stores and finds keys on every node', async (t) => {
	await withIoredis(async (client) => {
		await storesAndFinds(t, client);
		t.is(client.nodes('master').length, 3);
	});
});

test('ioredis sends many keys of one slot in one command, and is told when slots differ', async (t) => {
	await withIoredis(async (client) => {
		t.is(await client.mset('{tag}a', '1', '{tag}b', '2'), 'OK');
		t.deepEqual(await client.mget('{tag}a', '{tag}b', '{tag}c'), ['1', '2', null]);
		await t.throwsAsync(client.mget('a', 'b'), {message: /^CROSSSLOT /});
	});
});

test('ioredis pipelines to one slot', async (t) => {
	await withIoredis(async (client) => {
		const replies = await client
			.pipeline()
			.set('{p}a', '1')
			.incr('{p}a')
			.append('{p}a', '0')
			.get('{p}a')
			.exec();
		t.deepEqual(replies, [
			[null, 'OK'],
			[null, 2],
			[null, 2],
			[null, '20'],
		]);
	});
});

for (const protocol of [2, 3] as const) {
	test(`node-redis stores and finds keys on every node, in RESP${protocol}`, async (t) => {
		await withNodeRedis(protocol, async (client) => {
			await storesAndFinds(t, client);
			t.is(client.masters.length, 3);
		});
	});
}

for (const [stage, key, title] of [
	['open', 'foo', 'follow ASK into a slot that is on its way'],
	['moved', 'hello', 'follow MOVED to the new owner of a slot'],
] as const) {
	test(`ioredis and node-redis ${title}`, async (t) => {
		await withIoredis(async (first) => {
			await withNodeRedis(2, async (second) => {
				// Both have their table of slots before anything changes.
				await Promise.all([first.get('warm'), second.get('warm')]);
				await moveSlot(key, stage);
				t.is(await first.set(key, 'bar'), 'OK');
				t.is(await first.get(key), 'bar');
				t.is(await second.get(key), 'bar');
			});
		});
	});
}

test('ioredis: a transaction runs as one', async (t) => {
	await withIoredis(async (client) => {
		const results = await client.multi().set('{tx}a', '1').incr('{tx}a').get('{tx}a').exec();
		t.deepEqual(results, [
			[null, 'OK'],
			[null, 2],
			[null, '2'],
		]);
	});
});

test('ioredis: a message reaches a subscriber at another node', async (t) => {
	await withIoredis(async (listener) => {
		await withIoredis(async (client) => {
			const heard = new Promise((resolve) => {
				listener.once('message', (channel, message) => {
					resolve([channel, message]);
				});
			});
			await listener.subscribe('news');
			const deadline = Date.now() + 30_000;
			let isHeard = false;
			void heard.then(() => (isHeard = true));
			// To each node in turn: at most one of them is the listener's.
			for (let i = 0; !isHeard && Date.now() < deadline; i++) {
				const nodes = client.nodes('all');
				if (nodes.length > 0) await nodes[i % nodes.length]!.publish('news', 'hello');
				else await client.publish('news', 'hello');
			}
			t.deepEqual(await heard, ['news', 'hello']);
		});
	});
});

for (const protocol of [2, 3] as const) {
	test(`node-redis in RESP${protocol}: transactions, channels and sharded channels`, async (t) => {
		await withNodeRedis(protocol, async (client) => {
			t.deepEqual(await client.multi().set('{tx}b', '1').incr('{tx}b').exec(), ['OK', 2]);
			const heard: string[] = [];
			const hear = (message: unknown): void => {
				heard.push(String(message));
			};
			await client.sSubscribe('sharded', hear);
			await client.subscribe('news', hear);
			await client.sPublish('sharded', 'to the shard');
			await client.publish('news', 'to all');
			const deadline = Date.now() + 30_000;
			while (heard.length < 2 && Date.now() < deadline) await client.get('{tx}b');
			t.deepEqual(heard.toSorted(), ['to all', 'to the shard']);
			await client.sUnsubscribe('sharded');
			await client.unsubscribe('news');
		});
	});
}
