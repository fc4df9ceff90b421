/** Atomic slot migration between real nodes. */
import test, {type ExecutionContext} from 'ava';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {keySlot} from '../../src/slots/key-slot.ts';
import type {RespClient} from '../helpers/resp-client.ts';
import {clientOf, untilEqual} from './replication-fixture.ts';
import {
	dbSize,
	fill,
	formCluster,
	type Member,
	move,
	statusOf,
	tagOf,
	untilTask,
} from './slot-migration-fixture.ts';
import {eventually, infoOf} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(180_000);
});

test.serial('an import moves all keys of its slots, and no others', async (t) => {
	const [a, b] = await formCluster(t);
	await fill(a!.client, [0, 1, 99, 100, 101], 50);
	await a!.client.ask('SET', `${tagOf(7)}volatile`, 'x', 'EX', '5000');
	await a!.client.ask('SET', `${tagOf(7)}number`, '17');
	const status = await move(b!, 0, 100);
	t.is(status.get('last_error'), '');
	t.is(status.get('slots'), '0-100');
	t.is(status.get('operation'), 'import');
	t.is(status.get('source'), a!.id);
	t.is(status.get('dest'), b!.id);
	t.is(await dbSize(b!.client), 202);
	t.is(await dbSize(a!.client), 50);
	t.is(await b!.client.ask('GET', `${tagOf(99)}49`), 'value 49');
	t.is(await b!.client.ask('INCR', `${tagOf(7)}number`), 18);
	t.true(Number(await b!.client.ask('TTL', `${tagOf(7)}volatile`)) > 4900);
	t.regex(String(await a!.client.ask('GET', `${tagOf(99)}49`)), new RegExp(`MOVED 99 .*:${b!.node.port}`));
	t.is(await a!.client.ask('GET', `${tagOf(101)}49`), 'value 49');
	const theirs = await untilTask(a!.client, String(status.get('id')), 'completed');
	t.is(theirs.get('operation'), 'migrate');
	// And back, while the first way is remembered.
	await move(a!, 0, 100);
	t.is(await dbSize(a!.client), 252);
	t.is(await dbSize(b!.client), 0);
	t.is(((await b!.client.ask('CLUSTER', 'MIGRATION', 'STATUS', 'ALL')) as unknown[]).length, 2);
});

/** A client that goes where MOVED sends it, and counts with INCR: each answer must be one more than the last. */
class Counter {
	readonly #clients = new Map<number, RespClient>();
	readonly #t: ExecutionContext;
	readonly #owner = new Map<number, number>();
	readonly counts = new Map<string, number>();
	isStopped = false;
	movedCount = 0;
	longestMs = 0;

	constructor(t: ExecutionContext) {
		this.#t = t;
	}

	async run(port: number, keys: readonly string[]): Promise<void> {
		for (let i = 0; !this.isStopped; i = (i + 1) % keys.length) await this.#increment(port, keys[i]!);
	}

	async #increment(firstPort: number, key: string): Promise<void> {
		const slot = keySlot(latin1ToBytes(key));
		const startMs = performance.now();
		for (;;) {
			const port = this.#owner.get(slot) ?? firstPort;
			let client = this.#clients.get(port);
			if (client === undefined) {
				client = await clientOf(this.#t, port);
				this.#clients.set(port, client);
			}
			const answer = await client.ask('INCR', key);
			if (typeof answer === 'number') {
				const expected = (this.counts.get(key) ?? 0) + 1;
				if (answer !== expected) this.#t.fail(`${key}: ${answer} instead of ${expected}`);
				this.counts.set(key, answer);
				this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
				return;
			}
			const [word, , address] = (answer as Error).message.split(' ');
			if (word !== 'MOVED') {
				this.#t.fail(`${key}: ${String(answer)}`);
				return;
			}
			this.movedCount++;
			this.#owner.set(slot, Number(address!.split(':')[1]));
		}
	}
}

test.serial(
	'whoever writes meanwhile finds every key where it is, and loses and doubles nothing',
	async (t) => {
		const [a, b, c] = await formCluster(t);
		const slots = Array.from({length: 40}, (_, i) => i);
		await fill(a!.client, slots, 100);
		const keys = slots.flatMap((slot) => [`${tagOf(slot)}count`, `${tagOf(slot)}other`]);
		const counters = Array.from({length: 3}, () => new Counter(t));
		const runs = counters.map((counter, i) =>
			counter.run(
				a!.node.port,
				keys.filter((_, at) => at % 3 === i),
			),
		);
		for (let round = 0; round < 3; round++) {
			for (const [to, first, last] of [
				[b!, 0, 19],
				[c!, 20, 39],
				[c!, 0, 19],
				[a!, 0, 39],
			] as const) {
				await move(to, first, last);
				// Gossip brings it to the third node: an import needs to know the owner.
				for (const {client} of [a!, b!, c!]) await untilOwner(client, to, first);
			}
		}
		for (const counter of counters) counter.isStopped = true;
		await Promise.all(runs);
		let total = 0;
		for (const counter of counters) {
			t.true(counter.movedCount > 0);
			for (const [key, count] of counter.counts) {
				t.is(await a!.client.ask('GET', key), String(count), key);
				total++;
			}
		}
		t.is(await dbSize(a!.client), 40 * 100 + total);
		for (const {client} of [b!, c!]) {
			await eventually(
				() => dbSize(client),
				(size) => size === 0,
			);
		}
		t.log(`longest answer ${Math.max(...counters.map(({longestMs}) => longestMs)).toFixed(1)} ms`);
	},
);

async function untilOwner(client: RespClient, owner: Member, slot: number): Promise<void> {
	await eventually(
		async () => {
			const ranges = (await client.ask('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
			return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][2];
		},
		(id) => id === owner.id,
	);
}

test.serial(
	'the replicas of both ends hold what their primaries hold, and hide what those hide',
	async (t) => {
		const [a, b, , replicaOfA, replicaOfB] = await formCluster(t, [0, 1]);
		await fill(a!.client, [0, 1, 2, 3, 50], 400, 'a value of some length');
		await a!.client.ask('SET', `${tagOf(2)}volatile`, 'x', 'EX', '5000');
		await move(b!, 0, 3);
		t.is(await dbSize(b!.client), 1601);
		await untilEqual(b!.client, replicaOfB!.client);
		await eventually(
			() => dbSize(a!.client),
			(size) => size === 400,
		);
		await untilEqual(a!.client, replicaOfA!.client);
		t.is(await dbSize(replicaOfB!.client), 1601);
		t.is(await dbSize(replicaOfA!.client), 400);
		t.is((await infoOf(b!.client)).get('sync_full'), '1');
		// The replica serves them as its primary does, and goes on with them when it is a primary.
		t.is(await replicaOfB!.client.ask('CLUSTER', 'FAILOVER'), 'OK');
		await eventually(
			() => replicaOfB!.client.ask('SET', `${tagOf(0)}0`, 'after'),
			(answer) => answer === 'OK',
		);
		t.is(await dbSize(replicaOfB!.client), 1601);
	},
);

test.serial('CLUSTER MIGRATESLOTS moves slots from the node that is asked', async (t) => {
	const [a, b, c] = await formCluster(t);
	await fill(a!.client, [0, 9, 10, 20], 50);
	const words = ['SLOTSRANGE', '0', '9', '20', '29', 'NODE', b!.id, 'SLOTSRANGE', '10', '19', 'NODE', c!.id];
	t.is(await a!.client.ask('CLUSTER', 'MIGRATESLOTS', ...words), 'OK');
	await eventually(
		async () => (await migrationsOf(a!.client)).map((each) => each.get('state')).join(' '),
		(states) => states === 'success success',
	);
	t.is(await dbSize(a!.client), 0);
	t.is(await dbSize(b!.client), 150);
	t.is(await dbSize(c!.client), 50);
	const [second, first] = await migrationsOf(a!.client);
	t.is(first!.get('operation'), 'EXPORT');
	t.is(first!.get('slot_ranges'), '0-9 20-29');
	t.is(first!.get('target_node'), b!.id);
	t.is(first!.get('source_node'), a!.id);
	t.is(second!.get('target_node'), c!.id);
	t.regex(String(first!.get('name')), /^[0-9a-f]{40}$/);
	const [imported] = await migrationsOf(b!.client);
	t.is(imported!.get('operation'), 'IMPORT');
	t.is(imported!.get('name'), first!.get('name'));
	t.is(imported!.get('state'), 'success');
});

async function migrationsOf(client: RespClient): Promise<ReadonlyMap<string, unknown>[]> {
	const replies = (await client.ask('CLUSTER', 'GETSLOTMIGRATIONS')) as unknown[][];
	return replies.map(
		(fields) =>
			new Map(fields.flatMap((name, i) => (i % 2 === 0 ? [[String(name), fields[i + 1]] as const] : []))),
	);
}

/** Enough that a migration of slots 0 to 9 is under way for a while. */
async function fillMuch(client: RespClient): Promise<number> {
	for (let slot = 0; slot < 10; slot++) {
		const tag = tagOf(slot);
		for (let i = 0; i < 300; i++) client.send('SET', `${tag}${i}`, 'v'.repeat(10_000));
		for (let i = 0; i < 300; i++) await client.next();
	}
	return 3000;
}

test.serial('when the source dies nothing of its keys is left on the destination', async (t) => {
	const [a, b] = await formCluster(t);
	await fillMuch(a!.client);
	const id = String(await b!.client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '9'));
	await eventually(
		async () => String((await statusOf(b!.client, id)).get('state')),
		(state) => state !== 'none' && state !== 'connecting',
	);
	await a!.node.kill();
	const state = String((await statusOf(b!.client, id)).get('state'));
	if (state !== 'completed') {
		await eventually(
			async () => Number((await statusOf(b!.client, id)).get('retries')),
			(retries) => retries >= 1,
		);
		t.is(await b!.client.ask('CLUSTER', 'MIGRATION', 'CANCEL', 'ALL'), 1);
		t.is(await dbSize(b!.client), 0);
		await eventually(
			async () => String(await b!.client.ask('DEBUG', 'DIGEST')),
			(digest) => digest === '0'.repeat(40),
		);
	} else {
		t.is(await dbSize(b!.client), 3000);
	}
});

test.serial('when the destination dies the source has all of its keys, and serves them', async (t) => {
	const [a, b, c] = await formCluster(t, [], {'cluster-require-full-coverage': 'no'});
	const count = await fillMuch(a!.client);
	const id = String(await b!.client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '9'));
	await eventually(
		async () => String((await statusOf(a!.client, id)).get('state')),
		(state) => state !== 'undefined',
	);
	await b!.node.kill();
	await eventually(
		async () => String((await statusOf(a!.client, id)).get('state')),
		(state) => state === 'failed' || state === 'completed',
	);
	const {state} = Object.fromEntries(await statusOf(a!.client, id));
	if (state === 'failed') {
		t.is(await dbSize(a!.client), count);
		t.is(await a!.client.ask('SET', `${tagOf(3)}0`, 'written'), 'OK');
		// It can be moved to somebody else.
		await move(c!, 0, 9);
		t.is(await dbSize(c!.client), count);
		t.is(await c!.client.ask('GET', `${tagOf(3)}0`), 'written');
	} else {
		t.is(await dbSize(a!.client), 0);
	}
});

test.serial('a cancelled export fails on the destination, and the source goes on', async (t) => {
	const [a, b] = await formCluster(t);
	const count = await fillMuch(a!.client);
	t.is(await a!.client.ask('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', '0', '9', 'NODE', b!.id), 'OK');
	const answer = await a!.client.ask('CLUSTER', 'CANCELSLOTMIGRATIONS');
	t.is(answer, 'OK');
	await eventually(
		async () => String((await migrationsOf(a!.client))[0]!.get('state')),
		(state) => state === 'cancelled',
	);
	t.is(await a!.client.ask('SET', `${tagOf(3)}0`, 'written'), 'OK');
	t.is(await dbSize(a!.client), count);
	t.regex(
		String(await a!.client.ask('CLUSTER', 'CANCELSLOTMIGRATIONS')),
		/^RespError: ERR No migrations ongoing/,
	);
	await eventually(
		async () => {
			const imports = await migrationsOf(b!.client);
			return imports.every((each) => each.get('state') === 'failed') ? await dbSize(b!.client) : -1;
		},
		(size) => size === 0,
	);
});

test.serial('FLUSHALL on the source fails the export', async (t) => {
	const [a, b] = await formCluster(t);
	await fillMuch(a!.client);
	const id = String(await b!.client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '9'));
	await eventually(
		async () => String((await statusOf(a!.client, id)).get('state')),
		(state) => state !== 'undefined',
	);
	t.is(await a!.client.ask('FLUSHALL'), 'OK');
	const {state, last_error: error} = Object.fromEntries(await statusOf(a!.client, id));
	if (state === 'failed') t.is(error, 'The keys were flushed');
	else t.is(state, 'completed');
	// It is tried again, and then there is nothing to move.
	await untilTask(b!.client, id, 'completed');
	t.is(await dbSize(a!.client), 0);
	if (state === 'failed') t.is(await dbSize(b!.client), 0);
});

test.serial('a volatile key that expires on the source on the way is gone on the destination', async (t) => {
	const [a, b] = await formCluster(t);
	for (let i = 0; i < 200; i++) a!.client.send('SET', `${tagOf(i % 10)}${i}`, 'x', 'PX', String(100 + i * 3));
	for (let i = 0; i < 200; i++) await a!.client.next();
	await a!.client.ask('SET', `${tagOf(3)}stays`, 'x');
	await move(b!, 0, 9);
	await eventually(
		() => dbSize(b!.client),
		(size) => size === 1,
	);
	t.is(await b!.client.ask('GET', `${tagOf(3)}stays`), 'x');
});

test.serial('errors are those of Redis 8.4 and of Valkey 9', async (t) => {
	const [a, b, , replica] = await formCluster(t, [0]);
	const line = async (client: RespClient, ...words: readonly string[]): Promise<string> => {
		const answer = await client.ask('CLUSTER', ...words);
		return answer instanceof Error ? answer.message : JSON.stringify(answer);
	};
	const wrongArity = "ERR wrong number of arguments for 'cluster|migration' command";
	for (const [words, error] of [
		['MIGRATION', wrongArity],
		['MIGRATION IMPORT', wrongArity],
		['MIGRATION IMPORT 1', wrongArity],
		['MIGRATION IMPORT 1 2 3', wrongArity],
		['MIGRATION STATUS', wrongArity],
		['MIGRATION STATUS ID', wrongArity],
		['MIGRATION STATUS ALL more', wrongArity],
		['MIGRATION CANCEL ID 1 2', wrongArity],
		['MIGRATION WHAT 1 2', 'ERR unknown argument'],
		['MIGRATION STATUS WHAT', 'ERR unknown argument'],
		['MIGRATION STATUS ID none', '[]'],
		['MIGRATION CANCEL ID none', '0'],
		['MIGRATION IMPORT 5 x', 'ERR Invalid or out of range slot'],
		['MIGRATION IMPORT 5 16384', 'ERR Invalid or out of range slot'],
		['MIGRATION IMPORT 9 5', 'ERR start slot number 9 is greater than end slot number 5'],
		['MIGRATION IMPORT 6000 6001 6001 6002', 'ERR Slot 6001 specified multiple times'],
		['MIGRATION IMPORT 10 20', 'ERR this node is already the owner of the slot range'],
		['MIGRATION IMPORT 5400 5500', 'ERR slots belong to different source nodes'],
		['MIGRATION IMPORT 10900 11000', 'ERR slots belong to different source nodes'],
		['MIGRATESLOTS WHAT 1 2 NODE x', 'ERR syntax error'],
		['MIGRATESLOTS SLOTSRANGE 1 2 3 NODE', 'ERR syntax error'],
		[`MIGRATESLOTS SLOTSRANGE 6000 6001 NODE ${b!.id}`, 'ERR Slots are not served by this node.'],
		[`MIGRATESLOTS SLOTSRANGE 5000 6001 NODE ${b!.id}`, 'ERR Requested slots span multiple shards'],
		['MIGRATESLOTS SLOTSRANGE 1 2 NODE short', 'ERR Invalid node name: short'],
		[`MIGRATESLOTS SLOTSRANGE 1 2 NODE ${'f'.repeat(40)}`, `ERR Unknown node name: ${'f'.repeat(40)}`],
		[`MIGRATESLOTS SLOTSRANGE 1 2 NODE ${a!.id}`, 'ERR Target node can not be this node.'],
		[
			`MIGRATESLOTS SLOTSRANGE 1 2 NODE ${b!.id} SLOTSRANGE 2 3 NODE ${b!.id}`,
			'ERR Slot ranges in migrations overlap',
		],
		['CANCELSLOTMIGRATIONS', 'ERR No migrations ongoing'],
		['GETSLOTMIGRATIONS', '[]'],
	] as const) {
		t.is(await line(a!.client, ...words.split(' ')), error, words);
	}
	t.is(
		await line(replica!.client, 'MIGRATION', 'IMPORT', '6000', '6001'),
		'ERR slot migration not allowed on replica.',
	);
	t.is(
		await line(replica!.client, 'MIGRATESLOTS', 'SLOTSRANGE', '1', '2', 'NODE', b!.id),
		'ERR Slot migration can only be used on primary nodes.',
	);
	t.is(await a!.client.ask('CLUSTER', 'SETSLOT', '3', 'MIGRATING', b!.id), 'OK');
	t.is(
		await line(a!.client, 'MIGRATION', 'IMPORT', '6000', '6001'),
		'ERR all slot states must be STABLE to start a slot migration task.',
	);
	t.is(
		await line(a!.client, 'MIGRATESLOTS', 'SLOTSRANGE', '1', '2', 'NODE', b!.id),
		'ERR Slots are being manually migrated',
	);
	t.is(await a!.client.ask('CLUSTER', 'SETSLOT', '3', 'STABLE'), 'OK');
	t.is(await a!.client.ask('CLUSTER', 'DELSLOTS', '8'), 'OK');
	t.is(await line(a!.client, 'MIGRATION', 'IMPORT', '8', '8'), 'ERR slot has no owner: 8');
	// A second task for slots that are on their way: both commands of one chunk, so that the first cannot be over.
	b!.client.send('CLUSTER', 'MIGRATION', 'IMPORT', '0', '7');
	b!.client.send('CLUSTER', 'MIGRATION', 'IMPORT', '7', '7');
	t.regex(String(await b!.client.next()), /^[0-9a-f]{40}$/);
	t.regex(String(await b!.client.next()), /ERR overlapping import exists for slot range: 7-7/);
});

test.serial('a failover of the destination in the middle loses and doubles nothing', async (t) => {
	const [a, b, c, heir] = await formCluster(t, [1]);
	const count = await fillMuch(a!.client);
	const id = String(await b!.client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '9'));
	await eventually(
		async () => String((await statusOf(b!.client, id)).get('state')),
		(state) => state !== 'none' && state !== 'connecting',
	);
	t.is(await heir!.client.ask('CLUSTER', 'FAILOVER', 'TAKEOVER'), 'OK');
	await eventually(
		async () => String((await statusOf(b!.client, id)).get('state')),
		(state) => state === 'failed' || state === 'completed',
	);
	await eventually(
		async () => {
			const sizes = await Promise.all([a!, c!, heir!].map(({client}) => dbSize(client)));
			return sizes.reduce((sum, size) => sum + size, 0);
		},
		(sum) => sum === count,
	);
	// Whoever owns them has all of them.
	const owner = (await dbSize(a!.client)) === count ? a! : heir!;
	await untilOwner(c!.client, owner, 5);
	t.is(await owner.client.ask('STRLEN', `${tagOf(9)}299`), 10_000);
	await untilEqual(heir!.client, b!.client);
});
