/** FAILOVER of nodes that are in no cluster. */
import test from 'ava';
import {
	clientOf,
	load,
	ScriptedReplica,
	start,
	startReplica,
	untilEqual,
	untilInfo,
	untilLinked,
} from './replication-fixture.ts';
import {eventually, infoOf} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(60_000);
});

const NO_PINGS = {config: {'repl-ping-replica-period': '3600'}};
const message = (reply: unknown): string => (reply instanceof Error ? reply.message : String(reply));

for (const isNamed of [true, false]) {
	test.serial(
		`FAILOVER to ${isNamed ? 'a named replica' : 'any replica'} loses nothing and needs no full resynchronisation`,
		async (t) => {
			const old = await start(t);
			const heir = await startReplica(t, old.node.port);
			await load(old.client, 1);
			const to = isNamed ? ['TO', '127.0.0.1', String(heir.node.port)] : [];
			t.is(await old.client.ask('FAILOVER', ...to, 'TIMEOUT', '50000'), 'OK');
			// Whoever wants to write meanwhile hears in the end that this is no primary any more.
			const writer = await clientOf(t, old.node.port);
			t.regex(message(await writer.ask('SET', 'late', '1')), /^READONLY /);
			await untilInfo(heir.client, 'role', 'master');
			await untilLinked(old.client);
			t.is((await infoOf(old.client)).get('master_failover_state'), 'no-failover');
			await load(heir.client, 2);
			t.is(await heir.client.ask('WAIT', '1', '0'), 1);
			await untilEqual(heir.client, old.client);
			const info = await infoOf(heir.client);
			t.is(info.get('sync_full'), '0');
			t.is(info.get('sync_partial_ok'), '1');
			t.is(info.get('master_replid2'), (await infoOf(old.client)).get('master_replid2'));
		},
	);
}

test.serial('a failover waits for its replica, holds writes back, and can be aborted', async (t) => {
	const {client, node} = await start(t, NO_PINGS);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof', 'psync2');
	t.is(
		message(await client.ask('FAILOVER', 'TO', '127.0.0.1', '1234')),
		'ERR FAILOVER requires connected replicas.',
	);
	const offset = await replica.fullSync();
	t.is(
		message(await client.ask('FAILOVER', 'TO', '127.0.0.1', '1234')),
		'ERR FAILOVER target replica is not online.',
	);
	replica.say('REPLCONF', 'ACK', String(offset));
	await untilInfo(client, 'slave0', `ip=127.0.0.1,port=1234,state=online,offset=${offset},lag=0`);
	await client.ask('SET', 'a', '1');
	t.is(await client.ask('FAILOVER', 'TO', '127.0.0.1', '1234', 'TIMEOUT', '50000'), 'OK');
	t.is(message(await client.ask('FAILOVER')), 'ERR FAILOVER already in progress.');
	t.is(message(await client.ask('REPLICAOF', 'NO', 'ONE')), 'ERR REPLICAOF not allowed while failing over.');
	t.is((await infoOf(client)).get('master_failover_state'), 'waiting-for-sync');
	const writer = await clientOf(t, node.port);
	writer.send('SET', 'b', '1');
	await eventually(
		async () => (await infoOf(client, 'clients')).get('blocked_clients'),
		(count) => count === '1',
	);
	t.is(await client.ask('GET', 'b'), null);
	t.is(await client.ask('FAILOVER', 'ABORT'), 'OK');
	t.is(await writer.next(), 'OK');
	t.is(message(await client.ask('FAILOVER', 'ABORT')), 'ERR No failover in progress.');
	t.is((await infoOf(client)).get('role'), 'master');
});

test.serial('a failover whose time is over is given up, or forced on the replica', async (t) => {
	const {client, node} = await start(t, NO_PINGS);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof', 'psync2');
	const offset = await replica.fullSync();
	replica.say('REPLCONF', 'ACK', String(offset));
	await untilInfo(client, 'slave0', `ip=127.0.0.1,port=1234,state=online,offset=${offset},lag=0`);
	await client.ask('SET', 'a', '1');
	t.is(await client.ask('FAILOVER', 'TIMEOUT', '10'), 'OK');
	await untilInfo(client, 'master_failover_state', 'no-failover');
	t.is((await infoOf(client)).get('role'), 'master');
	t.is(await client.ask('SET', 'a', '2'), 'OK');

	t.is(await client.ask('FAILOVER', 'TO', '127.0.0.1', '1234', 'TIMEOUT', '10', 'FORCE'), 'OK');
	await untilInfo(client, 'master_failover_state', 'failover-in-progress');
	t.is((await infoOf(client)).get('role'), 'slave');
	// Nobody listens there: it leads again when it is told to.
	t.is(await client.ask('FAILOVER', 'ABORT'), 'OK');
	t.is((await infoOf(client)).get('role'), 'master');
	t.is(await client.ask('SET', 'a', '3'), 'OK');
});

test.serial('a replica that refuses leaves the old primary in its place', async (t) => {
	const {client, node} = await start(t, NO_PINGS);
	// A primary in its own right: it takes no PSYNC FAILOVER.
	const other = await start(t);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof', 'psync2');
	replica.say('REPLCONF', 'listening-port', String(other.node.port));
	t.is(await replica.line(), '+OK');
	const offset = await replica.fullSync();
	replica.say('REPLCONF', 'ACK', String(offset));
	await untilInfo(
		client,
		'slave0',
		`ip=127.0.0.1,port=${other.node.port},state=online,offset=${offset},lag=0`,
	);
	t.is(await client.ask('FAILOVER'), 'OK');
	const lineOf = (text: string): boolean =>
		node.messages.some((each) => each.kind === 'log' && each.text === text);
	await eventually(
		() =>
			Promise.resolve(
				lineOf(`FAILOVER to 127.0.0.1:${other.node.port} aborted: Failover target rejected psync request`),
			),
		(isThere) => isThere,
	);
	t.is((await infoOf(client)).get('role'), 'master');
	t.is(await client.ask('SET', 'a', '1'), 'OK');
});
