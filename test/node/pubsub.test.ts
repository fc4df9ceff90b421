/** Publish and subscribe beyond one client: between nodes, when a slot moves, and to one who does not read. Over real sockets. */
import test from 'ava';
import {keySlot} from '../../src/slots/key-slot.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {RawClient, encodeCommand} from '../helpers/raw-client.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';
import {eventually, infoOf, Wire} from './wire.ts';

const busInfo = async (client: RespClient): Promise<string> => String(await client.ask('CLUSTER', 'INFO'));

test('a message published on one node of a cluster reaches who listens on another', async (t) => {
	t.timeout(120_000);
	const config = {'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no'};
	await using first = await startShoalNode({config});
	await using second = await startShoalNode({config});
	using one = await RespClient.connect(first.port);
	using two = await RespClient.connect(second.port);
	await one.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
	await two.ask('CLUSTER', 'SET-CONFIG-EPOCH', '2');
	await two.ask('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
	await one.ask('CLUSTER', 'MEET', '127.0.0.1', String(second.port));
	for (const client of [one, two])
		await eventually(
			() => busInfo(client),
			(text) => text.includes('cluster_slots_assigned:16384') && text.includes('cluster_state:ok'),
		);

	const listener = await RawClient.connect(second.port);
	t.teardown(() => listener.close());
	listener.send(encodeCommand(['SUBSCRIBE', 'news']) + encodeCommand(['PSUBSCRIBE', 'n*']));
	await listener.readUntil('n*\r\n:2\r\n');
	t.is(await one.ask('PUBLISH', 'news', 'hello'), 0);
	const heard = (await listener.readUntil('hello\r\n*4')).toString('latin1');
	t.true(heard.startsWith('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n'));

	const slot = keySlot(latin1ToBytes('b'));
	t.true(slot < 8192);
	t.regex(String(await two.ask('SSUBSCRIBE', 'b').catch(String)), /MOVED/);
	t.regex(String(await two.ask('SPUBLISH', 'b', 'x').catch(String)), /MOVED/);
	const sharded = await RawClient.connect(first.port);
	t.teardown(() => sharded.close());
	sharded.send(encodeCommand(['SSUBSCRIBE', 'b', 'foo']));
	await sharded.readUntil('same slot\r\n');
	sharded.send(encodeCommand(['SSUBSCRIBE', 'b']));
	await sharded.readUntil(':1\r\n');
	t.is(await one.ask('SPUBLISH', 'b', 'shard'), 1);
	await sharded.readUntil('shard\r\n');

	// The slot goes to the other node.
	const id = String(await two.ask('CLUSTER', 'MYID'));
	await one.ask('CLUSTER', 'SETSLOT', String(slot), 'NODE', id);
	t.is(
		(await sharded.readUntil(':0\r\n')).toString('latin1'),
		'*3\r\n$12\r\nsunsubscribe\r\n$1\r\nb\r\n:0\r\n',
	);
});

test('who listens and does not read is closed when more waits for him than his limit allows', async (t) => {
	t.timeout(120_000);
	await using node = await startShoalNode();
	using publisher = await RespClient.connect(node.port);
	await publisher.ask('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1000000 0 0');
	using listener = await Wire.connect(node.port);
	listener.send(encodeCommand(['SUBSCRIBE', 'flood']));
	await listener.read('*3\r\n$9\r\nsubscribe\r\n$5\r\nflood\r\n:1\r\n'.length);
	listener.socket.pause();
	const message = 'x'.repeat(200_000);
	await eventually(
		async () => publisher.ask('PUBLISH', 'flood', message),
		(count) => count === 0,
	);
	t.is((await infoOf(publisher, 'stats')).get('client_output_buffer_limit_disconnections'), '1');
	t.is((await infoOf(publisher, 'stats')).get('pubsub_channels'), '0');
});

test('what a primary publishes outside of a cluster is heard at its replica', async (t) => {
	t.timeout(120_000);
	await using primary = await startShoalNode();
	await using replica = await startShoalNode();
	using publisher = await RespClient.connect(primary.port);
	using follower = await RespClient.connect(replica.port);
	await follower.ask('REPLICAOF', '127.0.0.1', String(primary.port));
	await eventually(
		async () => infoOf(follower, 'replication'),
		(info) => info.get('master_link_status') === 'up',
	);
	const listener = await RawClient.connect(replica.port);
	t.teardown(() => listener.close());
	listener.send(encodeCommand(['SUBSCRIBE', 'news']));
	await listener.readUntil(':1\r\n');
	await publisher.ask('PUBLISH', 'news', 'hello');
	t.true((await listener.readUntil('hello\r\n')).includes('message'));
	await publisher.ask('MULTI');
	await publisher.ask('SET', 'a', '1');
	await publisher.ask('INCR', 'a');
	t.deepEqual(await publisher.ask('EXEC'), ['OK', 2]);
	t.is(await publisher.ask('WAIT', '1', '20000'), 1);
	t.is(await follower.ask('GET', 'a'), '2');
});
