/** Nodes that follow each other: over ports between threads, and over TCP as if they were other servers. */
import test from 'ava';
import type {FromNode} from '../../src/launcher/messages.ts';
import {
	clientOf,
	load,
	ScriptedPrimary,
	ScriptedReplica,
	start,
	startReplica,
	untilEqual,
	untilInfo,
	untilLinked,
} from './replication-fixture.ts';
import {clientFields, command, eventually, infoOf, pipeline} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(60_000);
});

/** For tests that compare the stream byte for byte. */
const NO_PINGS = {config: {'repl-ping-replica-period': '3600'}};

const rolesOf = (messages: readonly FromNode[]): readonly string[] =>
	messages.flatMap((message) => (message.kind === 'role' ? [`${message.role} ${message.linkUp}`] : []));

for (const refusesPorts of [false, true]) {
	const way = refusesPorts ? 'TCP' : 'a port';
	test.serial(
		`a replica over ${way} gets all data, follows the stream, and goes on after a cut`,
		async (t) => {
			const primary = await start(t);
			await load(primary.client, 1);
			const replica = await startReplica(t, primary.node.port, {refusesPorts});
			await untilEqual(primary.client, replica.client);
			await load(primary.client, 2);
			t.is(await primary.client.ask('WAIT', '1', '0'), 1);
			await untilEqual(primary.client, replica.client);

			t.is(await primary.client.ask('CLIENT', 'KILL', 'TYPE', 'replica'), 1);
			await load(primary.client, 3);
			t.is(await primary.client.ask('WAIT', '1', '0'), 1);
			await untilEqual(primary.client, replica.client);
			t.is(await replica.client.ask('CLIENT', 'KILL', 'TYPE', 'master'), 1);
			await load(primary.client, 4);
			t.is(await primary.client.ask('WAIT', '1', '0'), 1);
			await untilEqual(primary.client, replica.client);

			const stats = await infoOf(primary.client, 'stats');
			t.is(stats.get('sync_full'), '1');
			t.is(stats.get('sync_partial_ok'), '2');
			t.is(stats.get('sync_partial_err'), '0');
			t.deepEqual(rolesOf(replica.node.messages).slice(0, 3), [
				'replica false',
				'replica true',
				'replica false',
			]);
			t.is(rolesOf(replica.node.messages).at(-1), 'replica true');
		},
	);
}

test.serial('a chain of replicas is the same data all along, with the same offsets', async (t) => {
	const first = await start(t);
	await load(first.client, 1);
	const second = await startReplica(t, first.node.port);
	const third = await startReplica(t, second.node.port);
	await load(first.client, 2);
	await untilEqual(first.client, third.client);
	// The middle is cut off from above: what is below it stays with it.
	await second.client.ask('CLIENT', 'KILL', 'TYPE', 'master');
	await load(first.client, 3);
	await untilEqual(first.client, third.client);
	const id = (await infoOf(first.client)).get('master_replid');
	for (const {client} of [second, third]) {
		const info = await infoOf(client);
		t.is(info.get('master_replid'), id);
		t.is(info.get('role'), 'slave');
	}
	t.is((await infoOf(second.client)).get('sync_full'), '1');
	await eventually(
		async () => {
			const offsets = [];
			for (const {client} of [first, second, third]) {
				const info = await infoOf(client);
				offsets.push(info.get('slave_repl_offset') ?? info.get('master_repl_offset'));
			}
			return new Set(offsets).size;
		},
		(count) => count === 1,
	);
});

test.serial('after a promotion the siblings and the old primary go on partially', async (t) => {
	const old = await start(t);
	const [heir, sibling] = await Promise.all([startReplica(t, old.node.port), startReplica(t, old.node.port)]);
	await load(old.client, 1);
	t.is(await old.client.ask('WAIT', '2', '0'), 2);
	await untilEqual(old.client, heir.client);
	await untilEqual(old.client, sibling.client);

	t.is(await heir.client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	const heirPort = String(heir.node.port);
	t.is(await sibling.client.ask('REPLICAOF', '127.0.0.1', heirPort), 'OK');
	t.is(await old.client.ask('REPLICAOF', '127.0.0.1', heirPort), 'OK');
	t.is(await old.client.ask('REPLICAOF', '127.0.0.1', heirPort), 'OK Already connected to specified master');
	await load(heir.client, 2);
	await untilLinked(old.client);
	await untilEqual(heir.client, sibling.client);
	await untilEqual(heir.client, old.client);

	const info = await infoOf(heir.client);
	t.is(info.get('sync_full'), '0');
	t.is(info.get('sync_partial_ok'), '2');
	t.is(info.get('master_replid2'), (await infoOf(old.client)).get('master_replid2'));
	t.not(info.get('master_replid'), info.get('master_replid2'));
});

test.serial('a primary that wrote what nobody got must take all data anew', async (t) => {
	const old = await start(t);
	const heir = await startReplica(t, old.node.port);
	await load(old.client, 1);
	t.is(await old.client.ask('WAIT', '1', '0'), 1);
	t.is(await heir.client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	await old.client.ask('SET', 'lost', 'write');
	await heir.client.ask('SET', 'kept', 'write');
	t.is(await old.client.ask('REPLICAOF', '127.0.0.1', String(heir.node.port)), 'OK');
	await untilLinked(old.client);
	await untilEqual(heir.client, old.client);
	t.is(await old.client.ask('GET', 'lost'), null);
	const info = await infoOf(heir.client);
	t.is(info.get('sync_full'), '1');
	t.is(info.get('sync_partial_err'), '1');
});

test.serial('a replica refuses writes, and by choice also reads while it has no primary', async (t) => {
	const primary = await start(t);
	await primary.client.ask('SET', 'a', '1');
	const replica = await startReplica(t, primary.node.port);
	const say = async (...words: string[]): Promise<string> => String(await replica.client.ask(...words));
	t.is(await say('GET', 'a'), '1');
	t.regex(await say('SET', 'a', '2'), /READONLY You can't write against a read only replica\./);
	t.regex(await say('WAIT', '0', '0'), /WAIT cannot be used with replica instances\./);
	t.like(await replica.client.ask('ROLE'), ['slave', '127.0.0.1', primary.node.port, 'connected']);
	await say('CONFIG', 'SET', 'replica-read-only', 'no');
	t.is(await say('SET', 'own', '2'), 'OK');

	await primary.node.kill();
	await untilInfo(replica.client, 'master_link_status', 'down');
	t.is(await say('GET', 'a'), '1');
	await say('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
	const down = /MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'\./;
	t.regex(await say('GET', 'a'), down);
	t.regex(await say('PING'), down);
	t.regex(await say('INFO', 'replication'), /master_link_status:down/);
	t.is(await say('REPLICAOF', 'NO', 'ONE'), 'OK');
	t.is(await say('GET', 'a'), '1');
	t.is(await say('SET', 'a', '2'), 'OK');
});

test.serial('keys expire on a replica when its primary says so, and are hidden until then', async (t) => {
	const primary = await start(t);
	await primary.client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
	const replica = await startReplica(t, primary.node.port);
	await primary.client.ask('SET', 'a', '1', 'PX', '1');
	await primary.client.ask('SET', 'b', '1');
	await eventually(
		() => replica.client.ask('GET', 'b'),
		(value) => value === '1',
	);
	await eventually(
		() => replica.client.ask('GET', 'a'),
		(value) => value === null,
	);
	t.is(await replica.client.ask('DBSIZE'), 2);
	t.is(await primary.client.ask('GET', 'a'), null);
	await eventually(
		() => replica.client.ask('DBSIZE'),
		(size) => size === 1,
	);
});

test.serial('a replica that may be written to removes by itself what was written to it', async (t) => {
	const primary = await start(t);
	await primary.client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
	const {client} = await startReplica(t, primary.node.port, {
		config: {'replica-read-only': 'no', hz: '100'},
	});
	await primary.client.ask('SELECT', '2');
	await primary.client.ask('SET', 'theirs', 'x', 'PX', '1');
	t.is(await primary.client.ask('WAIT', '1', '0'), 1);
	await client.ask('SELECT', '2');
	t.is(await client.ask('SET', 'ours', 'x', 'PX', '20'), 'OK');
	t.is(await client.ask('SET', 'kept', 'x', 'PX', '20'), 'OK');
	t.is(await client.ask('PERSIST', 'kept'), 1);
	t.is(await client.ask('SET', 'later', 'x', 'EX', '1000'), 'OK');
	// Hidden from the start, and still there.
	t.is(await client.ask('GET', 'theirs'), null);
	await eventually(
		() => client.ask('DBSIZE'),
		(size) => size === 3,
	);
	t.deepEqual(await client.ask('MGET', 'ours', 'kept', 'later', 'theirs'), [null, 'x', 'x', null]);
	t.is((await infoOf(client, 'stats')).get('expired_keys'), '1');
});

test.serial('a primary that knows SYNC only is followed, and takes part in nothing more', async (t) => {
	const empty = `REDIS0009${String.fromCharCode(0xff)}${'\0'.repeat(8)}`;
	const stream = pipeline('SELECT 0', 'SET a 1');
	const primary = await ScriptedPrimary.listen(t, (socket) => {
		socket.once('data', (data) => {
			t.is(String(data), command('SYNC'));
			socket.write(Buffer.from(`$${empty.length}\r\n${empty}${stream}`, 'latin1'));
		});
		socket.write("-ERR unknown command 'PSYNC'\r\n");
	});
	const {client} = await startReplica(t, primary.port);
	await eventually(
		() => client.ask('GET', 'a'),
		(value) => value === '1',
	);
	const info = await infoOf(client, 'replication');
	t.is(info.get('slave_repl_offset'), String(stream.length));
	// Nobody could go on where it is: the next link asks for all data again.
	await client.ask('CLIENT', 'KILL', 'TYPE', 'master');
	await eventually(
		() => Promise.resolve(primary.asked.length),
		(count) => count === 2,
	);
	t.regex(primary.asked[1]!, /PSYNC \? -1$/);
});

test.serial('writes need as many good replicas as min-replicas-to-write says', async (t) => {
	const primary = await start(t, {config: {'min-replicas-to-write': '1', 'min-replicas-max-lag': '10'}});
	const refused = /NOREPLICAS Not enough good replicas to write\./;
	t.regex(String(await primary.client.ask('SET', 'a', '1')), refused);
	t.is(await primary.client.ask('GET', 'a'), null);
	t.is((await infoOf(primary.client)).get('min_slaves_good_slaves'), '0');
	const replica = await startReplica(t, primary.node.port);
	await eventually(
		() => primary.client.ask('SET', 'a', '1'),
		(answer) => answer === 'OK',
	);
	await untilEqual(primary.client, replica.client);
	await primary.client.ask('CONFIG', 'SET', 'min-replicas-to-write', '2');
	t.regex(String(await primary.client.ask('SET', 'a', '1')), refused);
	await primary.client.ask('CONFIG', 'SET', 'min-replicas-max-lag', '0');
	t.is(await primary.client.ask('SET', 'a', '1'), 'OK');
});

// WAIT

test.serial('WAIT counts replicas that have what the client wrote, and holds nobody else', async (t) => {
	const primary = await start(t, NO_PINGS);
	t.is(await primary.client.ask('WAIT', '0', '0'), 0);
	const replica = await ScriptedReplica.connect(t, primary.node.port, 'eof', 'psync2');
	let offset = await replica.fullSync();
	replica.say('REPLCONF', 'ACK', String(offset));
	await untilInfo(primary.client, 'slave0', `ip=127.0.0.1,port=1234,state=online,offset=${offset},lag=0`);

	await primary.client.ask('SET', 'a', '1');
	primary.client.send('WAIT', '1', '0');
	primary.client.send('ECHO', 'behind it');
	const stream = await replica.until(command('REPLCONF', 'GETACK', '*'));
	t.is(stream, pipeline('SELECT 0', 'SET a 1', 'REPLCONF GETACK *'));
	const other = await clientOf(t, primary.node.port);
	t.is((await infoOf(other)).get('blocked_clients'), '1');
	t.is((await clientFields(other, primary.client.address))?.get('flags'), 'b');
	offset += pipeline('SELECT 0', 'SET a 1').length;
	replica.say('REPLCONF', 'ACK', String(offset - 1));
	await eventually(
		async () => (await infoOf(other)).get('slave0'),
		(line) => line?.includes(`offset=${offset - 1},`) === true,
	);
	t.is((await infoOf(other)).get('blocked_clients'), '1');
	replica.say('REPLCONF', 'ACK', String(offset));
	t.is(await primary.client.next(), 1);
	t.is(await primary.client.next(), 'behind it');
	t.is((await infoOf(other)).get('blocked_clients'), '0');
	// Who wrote nothing has nothing to wait for.
	t.is(await other.ask('WAIT', '1', '0'), 1);
});

test.serial('WAIT ends by its time and by CLIENT UNBLOCK', async (t) => {
	const {client, node} = await start(t);
	const waiter = await clientOf(t, node.port);
	await waiter.ask('SET', 'a', '1');
	t.is(await waiter.ask('WAIT', '1', '10'), 0);

	const id = String(await waiter.ask('CLIENT', 'ID'));
	const isBlocked = (count: string): Promise<unknown> => untilInfo(client, 'blocked_clients', count);
	waiter.send('WAIT', '1', '0');
	await isBlocked('1');
	t.is(await client.ask('CLIENT', 'UNBLOCK', id), 1);
	t.is(await waiter.next(), 0);
	waiter.send('WAIT', '1', '100000');
	await untilInfo(client, 'clients_in_timeout_table', '1');
	t.is(await client.ask('CLIENT', 'UNBLOCK', id, 'ERROR'), 1);
	t.regex(String(await waiter.next()), /UNBLOCKED client unblocked via CLIENT UNBLOCK/);
	t.is(await client.ask('CLIENT', 'UNBLOCK', id), 0);
});

test.serial(
	'a client that is gone waits no more, and one that waits when the role changes is told',
	async (t) => {
		const {client, node} = await start(t);
		const gone = await clientOf(t, node.port);
		gone.send('WAIT', '1', '0');
		await untilInfo(client, 'blocked_clients', '1');
		gone[Symbol.dispose]();
		await untilInfo(client, 'blocked_clients', '0');

		const waiter = await clientOf(t, node.port);
		waiter.send('WAIT', '1', '0');
		await untilInfo(client, 'blocked_clients', '1');
		t.is(await client.ask('REPLICAOF', '127.0.0.1', '1'), 'OK');
		t.regex(
			String(await waiter.next()),
			/UNBLOCKED force unblock from blocking operation, instance state changed/,
		);
		await waiter.closed;
	},
);

// Replicas of other makes

test.serial(
	'a replica that wants to know the length first is told it, and gets the stream at once',
	async (t) => {
		const {client, node} = await start(t, NO_PINGS);
		await client.ask('SET', 'a', '1');
		const replica = await ScriptedReplica.connect(t, node.port);
		await replica.fullSync();
		await client.ask('SET', 'b', '2');
		t.is(await replica.until('b\r\n$1\r\n2\r\n'), pipeline('SELECT 0', 'SET b 2'));
	},
);

test.serial('the stream is held back from a replica until it acknowledged its snapshot', async (t) => {
	const {client, node} = await start(t, NO_PINGS);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof');
	const offset = await replica.fullSync();
	await client.ask('SET', 'b', '2');
	t.regex((await infoOf(client)).get('slave0') ?? '', /state=send_bulk/);
	replica.say('REPLCONF', 'ACK', String(offset));
	t.is(await replica.until('b\r\n$1\r\n2\r\n'), pipeline('SELECT 0', 'SET b 2'));
	t.regex(String(await client.ask('CLIENT', 'LIST', 'TYPE', 'replica')), / flags=S /);
});

test.serial('a replica for which too much waits is dropped', async (t) => {
	const {client, node} = await start(t, {config: {'client-output-buffer-limit': 'replica 100000 0 0'}});
	const replica = await ScriptedReplica.connect(t, node.port, 'eof');
	await replica.fullSync();
	for (let i = 0; i < 20; i++) await client.ask('SET', `key:${i}`, 'v'.repeat(10_000));
	await replica.toEnd();
	t.true(replica.isClosed);
	await untilInfo(client, 'connected_slaves', '0');
	t.is((await infoOf(client)).get('client_output_buffer_limit_disconnections'), '1');
});

test.serial('a replica may neither write nor read', async (t) => {
	const {node} = await start(t);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof');
	replica.say('REPLCONF', 'ACK', String(await replica.fullSync()));
	replica.say('GET', 'a');
	t.is(await replica.line(), "-ERR Replica can't interact with the keyspace");
});

test.serial('a replica that has no primary serves no other replica', async (t) => {
	const {client, node} = await start(t);
	await client.ask('REPLICAOF', '127.0.0.1', '1');
	const replica = await ScriptedReplica.connect(t, node.port);
	replica.say('PSYNC', '?', '-1');
	t.is(await replica.line(), "-NOMASTERLINK Can't SYNC while not connected with my master");
});

test.serial('a backlog that nobody needs is given up after its time', async (t) => {
	const {client, node} = await start(t, {config: {'repl-backlog-ttl': '1'}});
	const replica = await ScriptedReplica.connect(t, node.port);
	await replica.fullSync();
	const id = (await infoOf(client)).get('master_replid');
	replica.close();
	await untilInfo(client, 'repl_backlog_active', '0');
	t.not((await infoOf(client)).get('master_replid'), id);
});

// Primaries of other makes

const ID = 'a'.repeat(40);
/** An empty data set, without a checksum. */
const EMPTY_SNAPSHOT = 'REDIS0010\xff\0\0\0\0\0\0\0\0';

test.serial('a snapshot that broke off leaves an empty replica that tries again', async (t) => {
	const primary = await ScriptedPrimary.listen(t, (socket, index) => {
		socket.write(`+FULLRESYNC ${ID} 7\r\n$${EMPTY_SNAPSHOT.length}\r\n`);
		if (index < 2) socket.end(Buffer.from(EMPTY_SNAPSHOT.slice(0, 12), 'latin1'));
		else socket.write(Buffer.from(`${EMPTY_SNAPSHOT}${pipeline('SELECT 0', 'SET new 1')}`, 'latin1'));
	});
	const {client} = await start(t);
	await client.ask('SET', 'old', '1');
	await client.ask('REPLICAOF', '127.0.0.1', String(primary.port));
	await eventually(
		() => client.ask('GET', 'new'),
		(value) => value === '1',
	);
	t.is(await client.ask('GET', 'old'), null);
	t.deepEqual(primary.asked, ['PSYNC ? -1', 'PSYNC ? -1', 'PSYNC ? -1']);
});

test.serial('a cut in the middle of a command, or of a transaction, is taken up at its start', async (t) => {
	const stream = pipeline('SELECT 0', 'SET a 1', 'MULTI', 'INCR a', 'INCR a', 'EXEC');
	const start1 = pipeline('SELECT 0', 'SET a 1').length;
	const primary = await ScriptedPrimary.listen(t, (socket, index) => {
		if (index === 0) {
			socket.write(`+FULLRESYNC ${ID} 0\r\n$${EMPTY_SNAPSHOT.length}\r\n`);
			socket.end(Buffer.from(`${EMPTY_SNAPSHOT}${stream.slice(0, -20)}`, 'latin1'));
		} else {
			socket.write(`+CONTINUE\r\n${stream.slice(start1)}`);
		}
	});
	const {client} = await start(t);
	await client.ask('REPLICAOF', '127.0.0.1', String(primary.port));
	await eventually(
		() => client.ask('GET', 'a'),
		(value) => value === '3',
	);
	t.deepEqual(primary.asked, ['PSYNC ? -1', `PSYNC ${ID} ${start1 + 1}`]);
});

// Shutdown

test.serial('SHUTDOWN waits for its replicas and can be aborted', async (t) => {
	const {client, node} = await start(t);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof');
	const offset = await replica.fullSync();
	replica.say('REPLCONF', 'ACK', String(offset));
	await client.ask('SET', 'a', '1');
	const asker = await clientOf(t, node.port);
	asker.send('SHUTDOWN', 'NOSAVE');
	await untilInfo(client, 'blocked_clients', '1');
	t.is(await client.ask('SHUTDOWN', 'ABORT'), 'OK');
	t.regex(String(await asker.next()), /Errors trying to SHUTDOWN\. Check logs\./);
	t.regex(String(await client.ask('SHUTDOWN', 'ABORT')), /No shutdown in progress\./);
	t.is(await client.ask('SET', 'a', '2'), 'OK');

	asker.send('SHUTDOWN', 'NOSAVE');
	await untilInfo(client, 'blocked_clients', '1');
	replica.say('REPLCONF', 'ACK', '1000000');
	await asker.closed;
	t.is(await node.exited, 0);
});

test.serial('SHUTDOWN NOW waits for nobody', async (t) => {
	const {client, node} = await start(t);
	const replica = await ScriptedReplica.connect(t, node.port, 'eof');
	await replica.fullSync();
	await client.ask('SET', 'a', '1');
	client.send('SHUTDOWN', 'NOSAVE', 'NOW');
	t.is(await node.exited, 0);
});
