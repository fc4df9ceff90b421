/** A node that starts again with its dump.rdb takes up the history that the file tells of, as redis-server 7.0 does. */
import test from 'ava';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {KeptDirectory} from './kept-directory.ts';
import {load, ScriptedReplica, start, startReplica, untilEqual, untilLinked} from './replication-fixture.ts';
import {infoOf} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(90_000);
});

const withRedis = hasRedisServer() ? test.serial : test.serial.skip;
const stopExpiry = (client: RespClient): Promise<unknown> => client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');

const HISTORY_FIELDS = ['role', 'master_replid2', 'second_repl_offset', 'master_repl_offset'];

async function historyOf(client: RespClient): Promise<readonly (string | undefined)[]> {
	const info = await infoOf(client, 'replication');
	return HISTORY_FIELDS.map((name) => info.get(name));
}

test.serial('a replica that starts again gets only what it missed', async (t) => {
	using directory = new KeptDirectory();
	const primary = await start(t);
	const config = {replicaof: `127.0.0.1 ${primary.node.port}`};
	await load(primary.client, 1);
	await primary.client.ask('SELECT', '3');
	await directory.session(config, async (client) => {
		await untilLinked(client);
		await primary.client.ask('SET', 'last', '1');
		t.is(await primary.client.ask('WAIT', '1', '0'), 1);
		t.is(await client.ask('SAVE'), 'OK');
	});
	// No SELECT comes before it.
	await primary.client.ask('SET', 'missed', '1');
	await directory.session(config, async (client) => {
		await untilLinked(client);
		await untilEqual(primary.client, client);
		await client.ask('SELECT', '3');
		t.is(await client.ask('GET', 'missed'), '1');
	});
	const info = await infoOf(primary.client);
	t.is(info.get('sync_full'), '1');
	t.is(info.get('sync_partial_ok'), '1');
});

test.serial('with an append-only file a replica that starts again takes all data', async (t) => {
	using directory = new KeptDirectory();
	const primary = await start(t);
	const config = {replicaof: `127.0.0.1 ${primary.node.port}`, appendonly: 'yes'};
	for (const round of [1, 2]) {
		await directory.session(config, async (client) => {
			await untilLinked(client);
			t.is(await client.ask('SAVE'), 'OK');
			t.is((await infoOf(primary.client)).get('sync_full'), String(round));
		});
	}
});

test.serial(
	'replicas go on with a primary that starts again, and lose the keys that expired meanwhile',
	async (t) => {
		using directory = new KeptDirectory();
		let replica: Awaited<ReturnType<typeof startReplica>> | undefined;
		const id = await directory.session({}, async (client, {port}) => {
			await stopExpiry(client);
			replica = await startReplica(t, port);
			await load(client, 1);
			await client.ask('SET', 'brief', 'x', 'PX', '1');
			t.is(await client.ask('WAIT', '1', '0'), 1);
			await client.ask('SAVE');
			return (await infoOf(client)).get('master_replid');
		});
		const {client: follower} = replica!;
		t.true(Number(await follower.ask('DBSIZE')) > 100);
		await directory.session({}, async (client, {port}) => {
			const info = await infoOf(client, 'replication');
			t.is(info.get('master_replid2'), id);
			t.not(info.get('master_replid'), id);
			t.is(await follower.ask('REPLICAOF', '127.0.0.1', String(port)), 'OK');
			await untilLinked(follower);
			await client.ask('SET', 'later', '1');
			t.is(await client.ask('WAIT', '1', '0'), 1);
			await untilEqual(client, follower);
			t.is(await follower.ask('DBSIZE'), await client.ask('DBSIZE'));
			const stats = await infoOf(client, 'stats');
			t.is(stats.get('sync_full'), '0');
			t.is(stats.get('sync_partial_ok'), '1');
		});
	},
);

test.serial('a node that nobody followed says nothing of a history', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({}, async (client) => {
		await client.ask('SET', 'a', '1');
		await client.ask('SAVE');
	});
	await directory.session({}, async (client) => {
		t.is(await client.ask('GET', 'a'), '1');
		t.deepEqual(await historyOf(client), ['master', '0'.repeat(40), '-1', '0']);
		t.is((await infoOf(client)).get('repl_backlog_active'), '0');
	});
});

withRedis('a dump.rdb of our primary gives redis-server and our node the same history', async (t) => {
	using directory = new KeptDirectory();
	await directory.session({'repl-ping-replica-period': '3600'}, async (client, {port}) => {
		const replica = await ScriptedReplica.connect(t, port, 'eof');
		await replica.fullSync();
		await client.ask('SET', 'a', '1');
		await client.ask('SAVE');
	});
	using copy = new KeptDirectory();
	directory.copyTo(copy.path);
	await using redis = await startRedisServer({args: ['--dir', copy.path]});
	using theirs = await RespClient.connect(redis.port);
	await directory.session({}, async (ours) => {
		t.deepEqual(await historyOf(ours), await historyOf(theirs));
		t.not((await historyOf(ours))[1], '0'.repeat(40));
	});
});

withRedis('a dump.rdb of redis-server lets our node go on as its replica', async (t) => {
	using directory = new KeptDirectory();
	await using primary = await startRedisServer({
		args: ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '3600'],
	});
	using client = await RespClient.connect(primary.port);
	await client.ask('SELECT', '5');
	await client.ask('SET', 'a', '1');
	await using replica = await startRedisServer({
		args: ['--replicaof', `127.0.0.1 ${primary.port}`, '--dir', directory.path],
	});
	using follower = await RespClient.connect(replica.port);
	await untilLinked(follower);
	await client.ask('SET', 'b', '1');
	t.is(await client.ask('WAIT', '1', '0'), 1);
	t.is(await follower.ask('SAVE'), 'OK');
	await client.ask('SET', 'c', '1');
	await directory.session({replicaof: `127.0.0.1 ${primary.port}`}, async (ours) => {
		await untilLinked(ours);
		await untilEqual(client, ours);
		t.is((await infoOf(client, 'stats')).get('sync_full'), '1');
	});
});
