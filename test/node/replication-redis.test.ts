/** Replication between shoal and redis-server, both ways, under load and after a cut. */
import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {
	clientOf,
	load,
	start,
	startReplica,
	untilEqual,
	untilInfo,
	untilLinked,
} from './replication-fixture.ts';
import {eventually, infoOf} from './wire.ts';

const run = promisify(execFile);

test.beforeEach((t) => {
	t.timeout(90_000);
});

(hasRedisServer() ? test.serial : test.serial.skip)(
	'redis-server follows a node: all data, the stream, and on after a cut in the middle of writes',
	async (t) => {
		const {client, node} = await start(t);
		await load(client, 1);
		await client.ask('SELECT', '3');
		await client.ask('SET', 'elsewhere', '1');
		await client.ask('SELECT', '0');
		await using redis = await startRedisServer({args: ['--replicaof', `127.0.0.1 ${node.port}`]});
		const replica = await clientOf(t, redis.port);
		// Under load from before the link is there until after it was cut.
		const writing = load(client, 2, 8000);
		await untilLinked(replica);
		const other = await clientOf(t, node.port);
		await eventually(
			async () => (await infoOf(other)).get('slave0'),
			(line) => line?.includes('state=online') === true,
		);
		t.is(await other.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
		await writing;
		await untilInfo(client, 'sync_partial_ok', '1');
		t.is(await client.ask('WAIT', '1', '0'), 1);
		await untilEqual(client, replica);
		const info = await infoOf(client);
		t.is(info.get('sync_full'), '1');
		t.is(info.get('master_replid'), (await infoOf(replica)).get('master_replid'));
		t.regex(info.get('slave0') ?? '', new RegExp(`^ip=127\\.0\\.0\\.1,port=${redis.port},state=online,`));
	},
);

(hasRedisServer() ? test.serial : test.serial.skip)(
	'a node follows redis-server: all data, the stream with transactions, and on after a cut',
	async (t) => {
		await using redis = await startRedisServer({password: 'secret'});
		const primary = await clientOf(t, redis.port);
		await primary.ask('AUTH', 'secret');
		await load(primary, 1);
		const {client} = await start(t, {config: {masterauth: 'secret'}});
		t.is(await client.ask('REPLICAOF', '127.0.0.1', String(redis.port)), 'OK');
		const writing = load(primary, 2, 8000);
		await untilLinked(client);
		const other = await clientOf(t, redis.port);
		await other.ask('AUTH', 'secret');
		t.is(await other.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
		await writing;
		for (const words of [['MULTI'], ['INCR', 'counter:1'], ['APPEND', 'key:1', 'x'], ['EXEC']])
			await primary.ask(...words);
		await primary.ask('SELECT', '5');
		await primary.ask('SET', 'gone', 'soon', 'PX', '1');
		await primary.ask('SET', 'there', '1');
		await untilLinked(client);
		await untilEqual(primary, client);
		const info = await infoOf(primary);
		t.is(info.get('sync_full'), '1');
		t.is(info.get('sync_partial_ok'), '1');
		await client.ask('SELECT', '5');
		t.is(await client.ask('GET', 'there'), '1');
	},
);

(hasRedisServer() ? test.serial : test.serial.skip)(
	'redis-server takes over from a node that follows it, and the node from redis-server, each time partially',
	async (t) => {
		const {client, node} = await start(t);
		await load(client, 1);
		await using redis = await startRedisServer();
		const other = await clientOf(t, redis.port);
		await other.ask('REPLICAOF', '127.0.0.1', String(node.port));
		await untilLinked(other);
		await client.ask('SET', 'a', '1');
		t.is(await client.ask('WAIT', '1', '0'), 1);
		// Now the other way about.
		t.is(await other.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
		t.is(await client.ask('REPLICAOF', '127.0.0.1', String(redis.port)), 'OK');
		await untilLinked(client);
		await load(other, 2);
		await untilEqual(client, other);
		const info = await infoOf(other);
		t.is(info.get('sync_partial_ok'), '1');
		t.is(info.get('sync_full'), '0');
		// And back.
		t.is(await other.ask('WAIT', '1', '0'), 1);
		t.is(await client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
		t.is(await other.ask('REPLICAOF', '127.0.0.1', String(node.port)), 'OK');
		await untilLinked(other);
		await load(client, 3);
		await untilEqual(client, other);
		t.is((await infoOf(client)).get('sync_full'), '1');
		t.is((await infoOf(client)).get('sync_partial_ok'), '1');
	},
);

(hasRedisServer() ? test.serial : test.serial.skip)(
	'a chain across both: a node follows redis-server, which follows a node',
	async (t) => {
		const first = await start(t);
		await load(first.client, 1);
		await using redis = await startRedisServer({args: ['--replicaof', `127.0.0.1 ${first.node.port}`]});
		await untilLinked(await clientOf(t, redis.port));
		const last = await startReplica(t, redis.port);
		await load(first.client, 2);
		await untilEqual(first.client, last.client);
		t.is((await infoOf(last.client)).get('master_replid'), (await infoOf(first.client)).get('master_replid'));
	},
);

(hasRedisServer() ? test.serial : test.serial.skip)(
	'a primary that sends what this node has no type for is not followed, and the log says why',
	async (t) => {
		await using redis = await startRedisServer();
		const primary = await clientOf(t, redis.port);
		await primary.ask('XADD', 'stream', '*', 'field', 'value');
		const {client, node} = await start(t);
		await client.ask('REPLICAOF', '127.0.0.1', String(redis.port));
		await eventually(
			async () =>
				node.messages.some(
					(message) =>
						message.kind === 'log' &&
						message.text.includes('Failed trying to load the MASTER synchronization DB') &&
						message.text.includes('stream'),
				),
			(isThere) => isThere,
		);
		t.is((await infoOf(client)).get('master_link_status'), 'down');
	},
);

(hasRedisServer() ? test.serial : test.serial.skip)(
	"redis-cli fetches a node's data as an RDB file that redis-check-rdb accepts",
	async (t) => {
		const {client, node} = await start(t);
		await load(client, 1);
		const file = join(node.directory, 'fetched.rdb');
		await run('redis-cli', ['-p', String(node.port), '--rdb', file]);
		const {stdout} = await run('redis-check-rdb', [file]);
		t.regex(stdout, /Checksum OK/);
		t.regex(stdout, new RegExp(`${String(await client.ask('DBSIZE'))} keys read`));
		await untilInfo(client, 'connected_slaves', '0');
	},
);
