/** Replication between our nodes and redis-server, in both directions: each is a replica and a primary to the other. */
import anyTest, {type ExecutionContext} from 'ava';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {Reply} from '../../src/resp/reply-parser.ts';
import {
	hasRedisServer,
	type RedisServer,
	type RedisServerOptions,
	startRedisServer,
} from '../helpers/redis-server.ts';
import type {RespClient} from '../helpers/resp-client.ts';
import type {ShoalNode} from '../helpers/shoal-node.ts';
import {
	clientOf,
	start,
	startReplica,
	untilEqual,
	untilInfo,
	untilLinked,
} from '../node/replication-fixture.ts';
import {eventually, infoOf} from '../node/wire.ts';
import {differences, fill, writeAll, Writer} from './replication-load.ts';

const test = hasRedisServer() ? anyTest.serial : anyTest.serial.skip;

anyTest.beforeEach((t) => {
	t.timeout(180_000);
});

const WITH_TRANSACTIONS = {hasTransactions: true};

interface RedisTalker {
	readonly server: RedisServer;
	readonly client: RespClient;
}

/** A redis-server that makes its snapshots at once; what it logs must be free of complaints when the test ends. */
async function startRedis(t: ExecutionContext, options: RedisServerOptions = {}): Promise<RedisTalker> {
	const server = await startRedisServer({
		...options,
		args: ['--repl-diskless-sync-delay', '0', ...(options.args ?? [])],
	});
	t.teardown(() => server.stop());
	const client = await clientOf(t, server.port);
	if (options.password !== undefined) await client.ask('AUTH', options.password);
	return {server, client};
}

const following = (port: number, ...more: string[]): RedisServerOptions => ({
	args: ['--replicaof', `127.0.0.1 ${port}`, ...more],
});

/** No line of its log that tells of bytes it did not expect. Start-up warnings about the machine are none. */
function assertContent(t: ExecutionContext, {server}: RedisTalker): void {
	const complaints = server
		.log()
		.split('\n')
		.filter((line) =>
			/critical|error|\bfail(ed|ure)?\b|wrong|bad |short read|unexpected|mismatch|assert/i.test(line),
		);
	t.deepEqual(
		complaints.filter((line) => !line.includes('# WARNING')),
		[],
	);
}

const offsetOf = async (client: RespClient): Promise<number> =>
	Number((await infoOf(client, 'replication')).get('master_repl_offset'));

/** Resolves when nothing more comes: offsets are equal, and then also the data. */
async function untilSame(first: RespClient, ...others: readonly RespClient[]): Promise<void> {
	for (const other of others) {
		await eventually(
			async () => `${await offsetOf(first)} ${await offsetOf(other)}`,
			(pair) => pair.split(' ')[0] === pair.split(' ')[1],
		);
		try {
			await untilEqual(first, other);
		} catch (error) {
			throw new Error(`not the same: ${await differences(first, other)}`, {cause: error});
		}
	}
}

const figure = async (client: RespClient, name: string): Promise<number> =>
	Number((await infoOf(client, 'everything')).get(name));

const untilFigure = (client: RespClient, name: string, wanted: number): Promise<unknown> =>
	eventually(
		() => figure(client, name),
		(value) => value >= wanted,
	);

const logOf = ({messages}: ShoalNode): string =>
	messages.map((message) => (message.kind === 'log' ? `${message.text}\n` : '')).join('');

/** Keys that expire stay: nothing more enters the stream by itself. */
const stopExpiry = (client: RespClient): Promise<Reply> => client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');

const follow = (client: RespClient, port: number): Promise<Reply> =>
	client.ask('REPLICAOF', '127.0.0.1', String(port));

// redis-server follows our node

for (const disklessLoad of ['disabled', 'swapdb']) {
	test(`redis-server takes 50,000 keys while a client writes (repl-diskless-load ${disklessLoad})`, async (t) => {
		const primary = await start(t);
		await fill(primary.client, 50_000);
		const writer = new Writer(await clientOf(t, primary.node.port));
		const args = ['--repl-diskless-load', disklessLoad];
		let replica: RedisTalker;
		if (disklessLoad === 'disabled') {
			replica = await startRedis(t, following(primary.node.port, ...args));
		} else {
			replica = await startRedis(t, {args});
			await replica.client.ask('SET', 'old', 'data');
			t.is(await follow(replica.client, primary.node.port), 'OK');
		}
		await untilLinked(replica.client);
		t.is(await primary.client.ask('WAIT', '1', '0'), 1);
		t.deepEqual(await writer.stop(), []);
		await untilSame(primary.client, replica.client);
		t.is(await figure(primary.client, 'sync_full'), 1);
		t.true(Number(await replica.client.ask('DBSIZE')) > 16_000);
		t.is(await replica.client.ask('EXISTS', 'old'), 0);
		assertContent(t, replica);
	});
}

test('redis-server goes on partially after each cut under load', async (t) => {
	const primary = await start(t, {config: {'repl-backlog-size': '64mb'}});
	await fill(primary.client, 1000);
	const replica = await startRedis(t, following(primary.node.port));
	await untilLinked(replica.client);
	const writer = new Writer(await clientOf(t, primary.node.port));
	for (let cut = 1; cut <= 3; cut++) {
		t.is(await primary.client.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
		await untilFigure(primary.client, 'sync_partial_ok', cut);
	}
	t.is(await replica.client.ask('CLIENT', 'KILL', 'TYPE', 'master'), 1);
	await untilFigure(primary.client, 'sync_partial_ok', 4);
	t.deepEqual(await writer.stop(), []);
	await untilLinked(replica.client);
	await untilSame(primary.client, replica.client);
	t.is(await figure(primary.client, 'sync_full'), 1);
	t.is(await figure(primary.client, 'sync_partial_err'), 0);
	assertContent(t, replica);
});

test('redis-server takes all data anew after a cut that is longer than the backlog', async (t) => {
	const primary = await start(t, {config: {'repl-backlog-size': '16kb'}});
	const replica = await startRedis(t, following(primary.node.port));
	await untilLinked(replica.client);
	// It comes again when more was written than is kept.
	process.kill(replica.server.pid, 'SIGSTOP');
	await primary.client.ask('CLIENT', 'KILL', 'TYPE', 'replica');
	await primary.client.ask('SET', 'long', 'x'.repeat(100_000));
	process.kill(replica.server.pid, 'SIGCONT');
	await untilFigure(primary.client, 'sync_full', 2);
	await untilLinked(replica.client);
	await untilSame(primary.client, replica.client);
	t.is(await figure(primary.client, 'sync_partial_err'), 1);
	assertContent(t, replica);
});

test('a redis-server that followed our node leads with all of its data', async (t) => {
	const old = await start(t, {config: {'repl-ping-replica-period': '3600'}});
	await fill(old.client, 3000);
	const heir = await startRedis(t, following(old.node.port));
	const sibling = await startReplica(t, old.node.port);
	await untilLinked(heir.client);
	t.deepEqual(await writeAll(old.client, 0), []);
	for (const {client} of [old, heir]) await stopExpiry(client);
	await untilSame(old.client, heir.client, sibling.client);
	t.is(await old.client.ask('WAIT', '2', '0'), 2);
	const before = await infoOf(old.client);

	t.is(await heir.client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	await untilEqual(old.client, heir.client);
	const after = await infoOf(heir.client);
	t.is(after.get('master_replid2'), before.get('master_replid'));
	// Our old primary and our replica go on with it from where they are.
	t.is(await follow(old.client, heir.server.port), 'OK');
	t.is(await follow(sibling.client, heir.server.port), 'OK');
	await untilLinked(old.client);
	await untilLinked(sibling.client);
	t.deepEqual(await writeAll(heir.client, 1000, WITH_TRANSACTIONS), []);
	await untilSame(heir.client, old.client, sibling.client);
	t.is(await figure(heir.client, 'sync_full'), 0);
	t.is(await figure(heir.client, 'sync_partial_ok'), 2);
	assertContent(t, heir);
});

// Our node follows redis-server

for (const disklessSync of ['yes', 'no']) {
	test(`our node takes 50,000 keys of redis-server under load, and follows (repl-diskless-sync ${disklessSync})`, async (t) => {
		const primary = await startRedis(t, {
			args: ['--repl-diskless-sync', disklessSync, '--repl-backlog-size', '64mb'],
		});
		await fill(primary.client, 50_000);
		const writer = new Writer(await clientOf(t, primary.server.port), WITH_TRANSACTIONS);
		const replica = await start(t);
		await replica.client.ask('SET', 'old', 'data');
		t.is(await follow(replica.client, primary.server.port), 'OK');
		await untilLinked(replica.client);
		for (let cut = 1; cut <= 2; cut++) {
			t.is(await primary.client.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
			await untilFigure(primary.client, 'sync_partial_ok', cut);
		}
		t.deepEqual(await writer.stop(), []);
		await untilSame(primary.client, replica.client);
		t.is(await figure(primary.client, 'sync_full'), 1);
		t.is(await replica.client.ask('EXISTS', 'old'), 0);
		t.notRegex(logOf(replica.node), /CRITICAL/);
		t.is(await figure(replica.client, 'unexpected_error_replies'), 0);
		assertContent(t, primary);
	});
}

test('scripts, long values and transactions of redis-server arrive as their effects', async (t) => {
	const primary = await startRedis(t);
	const {client} = primary;
	const replica = await startReplica(t, primary.server.port, {config: {'proto-max-bulk-len': '1mb'}});
	const script =
		"for i = 1, 10 do redis.call('INCR', KEYS[1]); redis.call('SET', KEYS[2], i, 'PX', 50000) end";
	await client.ask('EVAL', script, '2', 'a', 'b');
	await client.ask('MULTI');
	await client.ask('INCR', 'a');
	await client.ask('EVAL', script, '2', 'c', 'd');
	await client.ask('SELECT', '3');
	await client.ask('SET', 'e', '1');
	await client.ask('EXEC');
	await client.ask('SET', 'longer than our clients may send', 'x'.repeat(2 * 1024 * 1024));
	await client.ask('SET', 'dumped', 'a string to be restored', 'PX', '900000');
	await client.ask('EVAL', "redis.call('RESTORE', 'restored', 80000, redis.call('DUMP', 'dumped'))", '0');
	await client.ask('EVAL', "redis.call('SET', 'brief', 1, 'PX', 10)", '0');
	await untilSame(client, replica.client);
	await replica.client.ask('SELECT', '3');
	t.is(await replica.client.ask('GET', 'restored'), 'a string to be restored');
	t.is(await figure(client, 'sync_full'), 1);
	t.notRegex(logOf(replica.node), /CRITICAL/);
});

test('our node that leads again has both ids, as a redis-server in its place', async (t) => {
	const primary = await startRedis(t, {args: ['--repl-ping-replica-period', '3600']});
	const ours = await startReplica(t, primary.server.port);
	const theirs = await startRedis(t, following(primary.server.port));
	await untilLinked(theirs.client);
	t.deepEqual(await writeAll(primary.client, 0, WITH_TRANSACTIONS), []);
	for (const {client} of [primary, ours, theirs]) await stopExpiry(client);
	await untilSame(primary.client, ours.client, theirs.client);
	const digest = await untilEqual(ours.client, theirs.client);

	const ids = async (client: RespClient): Promise<readonly (string | undefined)[]> => {
		const info = await infoOf(client, 'replication');
		return ['role', 'master_replid2', 'second_repl_offset', 'master_repl_offset'].map((name) =>
			info.get(name),
		);
	};
	for (const {client} of [ours, theirs]) t.is(await client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	t.deepEqual(await ids(ours.client), await ids(theirs.client));
	t.is((await ids(ours.client))[1], (await infoOf(primary.client)).get('master_replid'));
	t.is(await ours.client.ask('DEBUG', 'DIGEST'), digest);

	// The redis-server goes on with it: it has the id that is known there.
	t.is(await follow(primary.client, ours.node.port), 'OK');
	await untilLinked(primary.client);
	t.deepEqual(await writeAll(ours.client, 1000), []);
	await untilSame(ours.client, primary.client);
	t.is(await figure(ours.client, 'sync_full'), 0);
	t.is(await figure(ours.client, 'sync_partial_ok'), 1);
	assertContent(t, primary);
	assertContent(t, theirs);
});

test('FAILOVER of redis-server hands over to our node, and follows it partially', async (t) => {
	const old = await startRedis(t);
	t.deepEqual(await writeAll(old.client, 0, WITH_TRANSACTIONS), []);
	const heir = await startReplica(t, old.server.port);
	const {client} = heir;
	t.regex(
		String(await client.ask('PSYNC', 'a'.repeat(40), '1', 'FAILOVER')),
		/PSYNC FAILOVER replid must match my replid\./,
	);
	const failover = ['FAILOVER', 'TO', '127.0.0.1', String(heir.node.port), 'TIMEOUT', '30000'];
	t.is(await old.client.ask(...failover), 'OK');
	await untilInfo(old.client, 'role', 'slave');
	await untilLinked(old.client);
	t.is((await infoOf(client)).get('role'), 'master');
	t.regex(
		String(await client.ask('PSYNC', '?', '-1', 'FAILOVER')),
		/PSYNC FAILOVER can't be sent to a master\./,
	);
	t.deepEqual(await writeAll(client, 1000), []);
	await untilSame(client, old.client);
	t.is(await figure(client, 'sync_full'), 0);
	t.is(await figure(client, 'sync_partial_ok'), 1);
	assertContent(t, old);
});

test('FAILOVER of our node hands over to redis-server, and follows it partially', async (t) => {
	const old = await start(t);
	t.deepEqual(await writeAll(old.client, 0), []);
	const heir = await startRedis(t, following(old.node.port));
	await untilLinked(heir.client);
	t.is(
		await old.client.ask('FAILOVER', 'TO', '127.0.0.1', String(heir.server.port), 'TIMEOUT', '30000'),
		'OK',
	);
	await untilInfo(heir.client, 'role', 'master');
	await untilLinked(old.client);
	t.is((await infoOf(old.client)).get('role'), 'slave');
	t.deepEqual(await writeAll(heir.client, 1000, WITH_TRANSACTIONS), []);
	await untilSame(heir.client, old.client);
	t.is(await figure(heir.client, 'sync_full'), 0);
	t.is(await figure(heir.client, 'sync_partial_ok'), 1);
	assertContent(t, heir);
});

test('a snapshot with a type that we lack is refused by name until the key is gone', async (t) => {
	const primary = await startRedis(t);
	await primary.client.ask('SET', 'a', '1');
	await primary.client.ask('RPUSH', 'tasks', 'one');
	const {client, node} = await start(t);
	t.is(await follow(client, primary.server.port), 'OK');
	await eventually(
		() =>
			Promise.resolve(logOf(node).match(/Failed trying to load the MASTER synchronization DB/g)?.length ?? 0),
		(count) => count >= 3,
	);
	t.regex(logOf(node), /Values of type list are not supported: key "tasks"/);
	const info = await infoOf(client);
	t.is(info.get('master_link_status'), 'down');
	t.is(info.get('role'), 'slave');
	await primary.client.ask('DEL', 'tasks');
	await untilLinked(client);
	await untilSame(primary.client, client);
	t.is(await client.ask('GET', 'a'), '1');
});

test('a command that we lack is told in the log and by INFO, and the rest of the stream is followed', async (t) => {
	const primary = await startRedis(t);
	const {client, node} = await startReplica(t, primary.server.port);
	await primary.client.ask('RPUSH', 'tasks', 'one');
	await primary.client.ask('SET', 'a', '1');
	await eventually(
		() => client.ask('GET', 'a'),
		(value) => value === '1',
	);
	t.regex(logOf(node), /== CRITICAL == .*RPUSH/);
	t.regex(logOf(node), /unknown command 'RPUSH'/);
	t.is(await figure(client, 'unexpected_error_replies'), 1);
	t.is((await infoOf(client)).get('master_link_status'), 'up');
});

test('messages, functions and scripts of redis-server pass through our node, and are told of once', async (t) => {
	const primary = await startRedis(t, {args: ['--repl-ping-replica-period', '3600']});
	const ours = await startReplica(t, primary.server.port);
	const last = await startRedis(t, following(ours.node.port));
	await untilLinked(last.client);
	const library =
		"#!lua name=lib\nredis.register_function{function_name='f', callback=function() return 'of the library' end, flags={'no-writes'}}";
	t.is(await primary.client.ask('FUNCTION', 'LOAD', library), 'lib');
	for (let i = 0; i < 3; i++) await primary.client.ask('PUBLISH', 'news', String(i));
	await primary.client.ask('SCRIPT', 'FLUSH');
	await primary.client.ask('SET', 'a', '1');
	await untilSame(primary.client, ours.client, last.client);
	t.is(await last.client.ask('FCALL_RO', 'f', '0'), 'of the library');
	t.is(await figure(ours.client, 'unexpected_error_replies'), 0);
	t.notRegex(logOf(ours.node), /CRITICAL/);
	t.is(logOf(ours.node).match(/PUBLISH of the master is not carried out/g)?.length, 1);
	assertContent(t, last);
});

// Chains

test('a chain of redis-server, our node and redis-server is the same all along', async (t) => {
	const first = await startRedis(t, {args: ['--repl-backlog-size', '64mb']});
	await fill(first.client, 1000);
	const middle = await startReplica(t, first.server.port, {config: {'repl-backlog-size': '64mb'}});
	const last = await startRedis(t, following(middle.node.port));
	await untilLinked(last.client);
	const writer = new Writer(await clientOf(t, first.server.port), WITH_TRANSACTIONS);
	t.is(await first.client.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
	await untilFigure(first.client, 'sync_partial_ok', 1);
	t.is(await middle.client.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
	await untilFigure(middle.client, 'sync_partial_ok', 1);
	t.deepEqual(await writer.stop(), []);
	await untilSame(first.client, middle.client, last.client);
	t.is((await infoOf(last.client)).get('master_replid'), (await infoOf(first.client)).get('master_replid'));
	t.is(await figure(first.client, 'sync_full'), 1);
	t.is(await figure(middle.client, 'sync_full'), 1);

	// The middle leads, and takes along who follows it.
	t.is(await middle.client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	await untilLinked(last.client);
	t.deepEqual(await writeAll(middle.client, 500), []);
	await untilSame(middle.client, last.client);
	t.is(await figure(middle.client, 'sync_full'), 1);
	assertContent(t, first);
	assertContent(t, last);
});

test('who joins a chain while another database is selected in its stream writes to that database', async (t) => {
	const first = await startRedis(t, {args: ['--repl-ping-replica-period', '3600']});
	const ours = await startReplica(t, first.server.port);
	const theirs = await startRedis(t, following(first.server.port));
	await untilLinked(theirs.client);
	await first.client.ask('SELECT', '3');
	await first.client.ask('SET', 'a', '1');
	await untilSame(first.client, ours.client, theirs.client);
	const belowOurs = await startRedis(t, following(ours.node.port));
	const belowTheirs = await startReplica(t, theirs.server.port);
	const oursBelowOurs = await startReplica(t, ours.node.port);
	await untilLinked(belowOurs.client);
	// No SELECT comes before it.
	await first.client.ask('SET', 'b', '2');
	await untilSame(first.client, belowOurs.client, belowTheirs.client, oursBelowOurs.client);
	for (const {client} of [belowOurs, belowTheirs, oursBelowOurs]) {
		await client.ask('SELECT', '3');
		t.is(await client.ask('GET', 'b'), '2');
	}
});

// What both say of each other

test('WAIT, ROLE and INFO of both sides fit each other', async (t) => {
	const ours = await start(t);
	const theirs = await startRedis(t, following(ours.node.port));
	await untilLinked(theirs.client);
	await ours.client.ask('SET', 'a', '1');
	t.is(await ours.client.ask('WAIT', '1', '0'), 1);
	t.is(await theirs.client.ask('GET', 'a'), '1');
	const replicaPort = String(theirs.server.port);
	const role = (await ours.client.ask('ROLE')) as Reply[];
	t.is(role[0], 'master');
	t.like(role[2], [['127.0.0.1', replicaPort]] as object);
	t.like(await theirs.client.ask('ROLE'), ['slave', '127.0.0.1', ours.node.port, 'connected'] as object);
	const line = (await infoOf(ours.client)).get('slave0') ?? '';
	t.regex(line, new RegExp(`^ip=127\\.0\\.0\\.1,port=${replicaPort},state=online,offset=\\d+,lag=[01]$`));
	t.is((await infoOf(theirs.client)).get('master_replid'), (await infoOf(ours.client)).get('master_replid'));

	// The other way round.
	t.is(await theirs.client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	t.is(await follow(ours.client, theirs.server.port), 'OK');
	await untilLinked(ours.client);
	await theirs.client.ask('SET', 'a', '2');
	t.is(await theirs.client.ask('WAIT', '1', '0'), 1);
	t.is(await ours.client.ask('GET', 'a'), '2');
	t.like(((await theirs.client.ask('ROLE')) as Reply[])[2], [
		['127.0.0.1', String(ours.node.port)],
	] as object);
	t.like(await ours.client.ask('ROLE'), ['slave', '127.0.0.1', theirs.server.port, 'connected'] as object);
	assertContent(t, theirs);
});

test('both ways work with a password, and with a wrong one until it is corrected', async (t) => {
	const password = 'a secret';
	const primary = await start(t, {config: {requirepass: password}});
	t.is(await primary.client.ask('AUTH', password), 'OK');
	t.deepEqual(await writeAll(primary.client, 0), []);
	const replica = await startRedis(t, {...following(primary.node.port), password});
	await untilLinked(replica.client);
	await untilSame(primary.client, replica.client);

	const last = await start(t, {
		config: {requirepass: password, masterauth: 'no secret', replicaof: `127.0.0.1 ${replica.server.port}`},
	});
	t.is(await last.client.ask('AUTH', password), 'OK');
	await eventually(
		() => Promise.resolve(logOf(last.node)),
		(log) => log.includes('Unable to AUTH to MASTER: -WRONGPASS'),
	);
	t.is((await infoOf(last.client)).get('master_link_status'), 'down');
	t.is(await last.client.ask('CONFIG', 'SET', 'masterauth', password), 'OK');
	await untilLinked(last.client);
	await untilSame(primary.client, last.client);

	await replica.client.ask('CONFIG', 'SET', 'masterauth', 'no secret');
	await primary.client.ask('CLIENT', 'KILL', 'TYPE', 'replica');
	await eventually(
		() => Promise.resolve(replica.server.log()),
		(log) => log.includes('Unable to AUTH to MASTER: -WRONGPASS'),
	);
	await replica.client.ask('CONFIG', 'SET', 'masterauth', password);
	await untilLinked(replica.client);
	await untilSame(primary.client, replica.client, last.client);
	t.is(await figure(primary.client, 'sync_full'), 1);
});

// Tools

interface Ended {
	readonly exitCode: number | null;
	readonly output: string;
}

async function run(program: string, ...args: readonly string[]): Promise<Ended> {
	const child = spawn(program, args, {stdio: ['ignore', 'pipe', 'pipe']});
	let output = '';
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', (text: string) => (output += text));
	await once(child, 'close');
	return {exitCode: child.exitCode, output};
}

test('redis-cli --rdb fetches a file that redis-check-rdb accepts and redis-server loads', async (t) => {
	const {client, node} = await start(t);
	await fill(client, 5000);
	const reader = await startRedis(t);
	const file = join(reader.server.directory, 'dump.rdb');
	const fetched = await run('redis-cli', '-p', String(node.port), '--rdb', file);
	t.is(fetched.exitCode, 0, fetched.output);
	t.regex(fetched.output, /Transfer finished with success/);
	t.true((await stat(file)).size > 100_000);
	const checked = await run('redis-check-rdb', file);
	t.is(checked.exitCode, 0, checked.output);
	t.regex(checked.output, /RDB looks OK!/);
	t.is(await reader.client.ask('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH'), 'OK');
	t.is(await reader.client.ask('DEBUG', 'DIGEST'), await client.ask('DEBUG', 'DIGEST'));
	await untilInfo(client, 'connected_slaves', '0');
});

test('redis-cli --replica shows the stream', async (t) => {
	const {client, node} = await start(t);
	await client.ask('SET', 'a', 'before');
	const child = spawn('redis-cli', ['-p', String(node.port), '--replica'], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	t.teardown(() => child.kill('SIGKILL'));
	let output = '';
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', (text: string) => (output += text));
	await eventually(
		() => Promise.resolve(output),
		(text) => /SYNC done/.test(text),
	);
	await client.ask('SET', 'b', 'behind it');
	await eventually(
		() => Promise.resolve(output),
		(text) => text.includes('"SET","b","behind it"'),
	);
	t.notRegex(output, /error/i);
	const exited = once(child, 'exit');
	child.kill('SIGTERM');
	await exited;
	await untilInfo(client, 'connected_slaves', '0');
});
