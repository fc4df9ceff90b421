/** WAITAOF: what is promised about disks, this node's and those of replicas. */
import test from 'ava';
import {
	clientOf,
	ScriptedReplica,
	start,
	startReplica,
	untilInfo,
	untilLinked,
} from './replication-fixture.ts';
import {command, eventually, infoOf} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(60_000);
});

const ON = {appendonly: 'yes'} as const;
const message = (reply: unknown): string => (reply instanceof Error ? reply.message : String(reply));

test.serial('WAITAOF refuses what it cannot promise', async (t) => {
	const {client} = await start(t);
	const ask = async (...words: readonly string[]): Promise<string> =>
		message(await client.ask('WAITAOF', ...words));
	t.is(await ask('2', '0', '0'), 'ERR value is out of range, value must between 0 and 1');
	t.is(await ask('x', '0', '0'), 'ERR value is not an integer or out of range');
	t.is(await ask('0', '-1', '0'), 'ERR value is out of range, must be positive');
	t.is(await ask('0', '0', '-1'), 'ERR timeout is negative');
	t.is(await ask('0', '0'), "ERR wrong number of arguments for 'waitaof' command");
	t.is(
		await ask('1', '0', '0'),
		'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
	);
	t.deepEqual(await client.ask('WAITAOF', '0', '0', '0'), [0, 0]);
	t.is(await client.ask('REPLICAOF', '127.0.0.1', '1'), 'OK');
	t.is(
		await ask('0', '0', '0'),
		'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
	);
});

for (const policy of ['always', 'everysec']) {
	test.serial(`WAITAOF replies when the write is flushed (appendfsync ${policy})`, async (t) => {
		const {client} = await start(t, {config: {...ON, appendfsync: policy, 'aof-timestamp-enabled': 'yes'}});
		// Who wrote nothing has nothing to wait for.
		t.deepEqual(await client.ask('WAITAOF', '1', '0', '0'), [1, 0]);
		for (let i = 0; i < 3; i++) {
			await client.ask('SET', 'a', String(i));
			t.deepEqual(await client.ask('WAITAOF', '1', '0', '0'), [1, 0]);
		}
		// Across a rewrite, which begins another file.
		await client.ask('SET', 'b', '1');
		await client.ask('BGREWRITEAOF');
		await client.ask('SET', 'c', '1');
		t.deepEqual(await client.ask('WAITAOF', '1', '0', '0'), [1, 0]);
		t.deepEqual(await client.ask('WAITAOF', '1', '1', '10'), [1, 0]);
	});
}

test.serial('WAITAOF waits while nothing is flushed, and is told when the file is turned off', async (t) => {
	const {client, node} = await start(t, {config: {...ON, appendfsync: 'no'}});
	const other = await clientOf(t, node.port);
	await client.ask('SET', 'a', '1');
	t.deepEqual(await client.ask('WAITAOF', '1', '0', '10'), [0, 0]);
	client.send('WAITAOF', '1', '0', '0');
	await untilInfo(other, 'blocked_clients', '1');
	t.is(await other.ask('CONFIG', 'SET', 'appendonly', 'no'), 'OK');
	t.is(
		message(await client.next()),
		'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
	);
	// A file that is turned on holds what was written before it.
	t.is(await other.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
	t.deepEqual(await client.ask('WAITAOF', '1', '0', '0'), [1, 0]);
});

test.serial('WAITAOF counts replicas whose disks have the write', async (t) => {
	const primary = await start(t);
	const [kept] = await Promise.all([
		startReplica(t, primary.node.port, {config: {...ON}}),
		startReplica(t, primary.node.port),
	]);
	const {client} = primary;
	await client.ask('SET', 'a', '1');
	t.is(await client.ask('WAIT', '2', '0'), 2);
	t.deepEqual(await client.ask('WAITAOF', '0', '1', '0'), [0, 1]);
	t.deepEqual(await client.ask('WAITAOF', '0', '2', '10'), [0, 1]);
	// It goes on after a cut, and after all data came anew.
	await client.ask('CLIENT', 'KILL', 'TYPE', 'replica');
	await client.ask('SET', 'a', '2');
	await untilLinked(kept.client);
	t.deepEqual(await client.ask('WAITAOF', '0', '1', '0'), [0, 1]);
	await kept.client.ask('REPLICAOF', 'NO', 'ONE');
	await kept.client.ask('SET', 'b', '1');
	await kept.client.ask('REPLICAOF', '127.0.0.1', String(primary.node.port));
	await client.ask('SET', 'a', '3');
	await untilLinked(kept.client);
	t.deepEqual(await client.ask('WAITAOF', '0', '1', '0'), [0, 1]);
});

test.serial('an acknowledgement of the data alone does not end WAITAOF', async (t) => {
	const {client, node} = await start(t, {config: {'repl-ping-replica-period': '3600'}});
	const replica = await ScriptedReplica.connect(t, node.port, 'eof', 'psync2');
	let offset = await replica.fullSync();
	replica.say('REPLCONF', 'ACK', String(offset));
	await client.ask('SET', 'a', '1');
	client.send('WAITAOF', '0', '1', '0');
	const stream = await replica.until(command('REPLCONF', 'GETACK', '*'));
	offset += stream.length - command('REPLCONF', 'GETACK', '*').length;
	replica.say('REPLCONF', 'ACK', String(offset), 'FACK', String(offset - 1));
	const other = await clientOf(t, node.port);
	await eventually(
		async () => (await infoOf(other)).get('slave0'),
		(line) => line?.includes(`offset=${offset},`) === true,
	);
	t.is((await infoOf(other)).get('blocked_clients'), '1');
	replica.say('REPLCONF', 'ACK', String(offset), 'FACK', String(offset));
	t.deepEqual(await client.next(), [0, 1]);
});
