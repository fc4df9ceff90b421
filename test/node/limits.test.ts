/** How many clients, how long, how many bytes: every limit, with both transports. */
import test from 'ava';
import {readFileSync} from 'node:fs';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';
import {answerTo, clientFields, command, eventually, infoOf, pipeline, TRANSPORTS, Wire} from './wire.ts';

const withReference = hasRedisServer() ? test : test.skip;

withReference('one client too many gets the line of redis-server and is closed', async (t) => {
	for (const cluster of [false, true]) {
		await using reference = await startRedisServer({cluster, args: ['--maxclients', '2']});
		const expected = await (async () => {
			using one = await RespClient.connect(reference.port);
			using two = await RespClient.connect(reference.port);
			await one.ask('PING');
			await two.ask('PING');
			return await answerTo(reference.port, '');
		})();
		t.regex(expected, /^-ERR max number of clients/);
		for (const transport of TRANSPORTS) {
			await using node = await startShoalNode({
				transport,
				config: {maxclients: '2', 'cluster-enabled': cluster ? 'yes' : 'no'},
			});
			using one = await RespClient.connect(node.port);
			const two = await RespClient.connect(node.port);
			await one.ask('PING');
			await two.ask('PING');
			t.is(await answerTo(node.port, ''), expected);
			t.is(await answerTo(node.port, ''), expected);
			const stats = await infoOf(one, 'stats');
			t.is(stats.get('rejected_connections'), '2');
			t.is(stats.get('total_connections_received'), '2');
			// A place that became free is free, and the limit can be raised while the node runs.
			two[Symbol.dispose]();
			await eventually(
				async () => (await infoOf(one, 'clients')).get('connected_clients'),
				(count) => count === '1',
			);
			using three = await RespClient.connect(node.port);
			t.is(await three.ask('PING'), 'PONG');
			t.is(await one.ask('CONFIG', 'SET', 'maxclients', '3'), 'OK');
			using four = await RespClient.connect(node.port);
			t.is(await four.ask('PING'), 'PONG');
		}
	}
});

/** The state of the keep-alive timer of the server's end of a connection, as Linux shows it. */
function hasKeepAliveTimer(serverPort: number, clientPort: number): boolean {
	const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
	for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
		for (const line of readFileSync(file, 'latin1').split('\n')) {
			const fields = line.trim().split(/\s+/);
			if (
				fields[1]?.endsWith(`:${hex(serverPort)}`) === true &&
				fields[2]?.endsWith(`:${hex(clientPort)}`) === true
			)
				return fields[5]!.startsWith('02:');
		}
	}
	return false;
}

for (const transport of TRANSPORTS) {
	const title = (text: string) => `${transport}: ${text}`;

	test(
		title('over the hard output limit a client is closed at once, and others do not notice'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using other = await RespClient.connect(node.port);
			await other.ask('SET', 'key', 'v'.repeat(100_000));
			await other.ask('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1mb 0 0');
			using slow = await Wire.connect(node.port);
			slow.socket.pause();
			slow.send(pipeline('GET key').repeat(2000));
			// Not by its absence: before the node has accepted it, it is absent too.
			await eventually(
				async () => (await infoOf(other, 'stats')).get('client_output_buffer_limit_disconnections'),
				(count) => count === '1',
			);
			t.is(await clientFields(other, slow.address), undefined);
			// The rest of its pipeline was not run.
			const calls = /calls=(\d+)/.exec((await infoOf(other, 'commandstats')).get('cmdstat_get') ?? '')?.[1];
			t.true(Number(calls) < 2000, calls);
			t.is(await other.ask('STRLEN', 'key'), 100_000);
			t.true(
				node.messages.some(
					(message) => message.kind === 'log' && message.text.includes('overcoming of output buffer limits'),
				),
			);
		},
	);

	test(title('over the soft output limit a client is closed when it stays there'), async (t) => {
		await using node = await startShoalNode({transport, config: {hz: '100'}});
		using other = await RespClient.connect(node.port);
		await other.ask('SET', 'key', 'v'.repeat(100_000));
		await other.ask('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 1mb 1');
		using slow = await Wire.connect(node.port);
		slow.socket.pause();
		slow.send(pipeline('GET key').repeat(200));
		// Not by its absence: before the node has accepted it, it is absent too.
		await eventually(
			async () => (await infoOf(other, 'stats')).get('client_output_buffer_limit_disconnections'),
			(count) => count === '1',
		);
		t.is(await clientFields(other, slow.address), undefined);
	});

	test(title('a client whose unread commands exceed the query buffer limit is closed'), async (t) => {
		await using node = await startShoalNode({transport, config: {'client-query-buffer-limit': '1mb'}});
		using other = await RespClient.connect(node.port);
		using wire = await Wire.connect(node.port);
		wire.send(pipeline('PING'));
		wire.send(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n${'x'.repeat(2_000_000)}`);
		await wire.closed;

		t.is(await other.ask('DBSIZE'), 0);
		// What is below the limit passes.
		using small = await Wire.connect(node.port);
		small.send(command('SET', 'k', 'x'.repeat(900_000)));
		t.is((await small.read(5)).toString(), '+OK\r\n');
		await eventually(
			async () => (await infoOf(other, 'clients')).get('connected_clients'),
			(count) => count === '2',
		);
	});

	test(title('silent clients are closed after `timeout`, those who wait or watch are not'), async (t) => {
		await using node = await startShoalNode({transport, config: {hz: '50'}});
		using other = await RespClient.connect(node.port);
		using monitor = await Wire.connect(node.port);
		monitor.send(pipeline('MONITOR'));
		await monitor.read(5);
		await other.ask('CLIENT', 'PAUSE', '100000000', 'WRITE');
		using waiting = await Wire.connect(node.port);
		waiting.send(pipeline('SET k v'));
		await other.ask('CONFIG', 'SET', 'timeout', '1');
		// The second came when the others had been silent for the whole time: they have had it twice when it goes.
		using silent = await Wire.connect(node.port);
		await silent.closed;
		using later = await Wire.connect(node.port);
		await later.closed;
		// Who asked was silent, too.
		await other.closed;
		using again = await RespClient.connect(node.port);
		await again.ask('CONFIG', 'SET', 'timeout', '0');
		t.is((await clientFields(again, monitor.address))?.get('flags'), 'O');
		await again.ask('CLIENT', 'UNPAUSE');
		t.is((await waiting.read(5)).toString(), '+OK\r\n');
	});

	const onLinux = process.platform === 'linux' ? test : test.skip;
	onLinux(title('tcp-keepalive is switched off and on under the connections that are there'), async (t) => {
		await using node = await startShoalNode({transport});
		using client = await RespClient.connect(node.port);
		await client.ask('PING');
		const clientPort = Number(client.address.split(':')[1]);
		const state = async (wanted: boolean): Promise<boolean> =>
			eventually(
				async () => hasKeepAliveTimer(node.port, clientPort),
				(found) => found === wanted,
			);
		t.true(await state(true));
		await client.ask('CONFIG', 'SET', 'tcp-keepalive', '0');
		t.false(await state(false));
		await client.ask('CONFIG', 'SET', 'tcp-keepalive', '100');
		t.true(await state(true));
		await client.ask('CONFIG', 'SET', 'tcp-keepalive', '0');
		using later = await RespClient.connect(node.port);
		await later.ask('PING');
		t.false(
			await eventually(
				async () => hasKeepAliveTimer(node.port, Number(later.address.split(':')[1])),
				(found) => !found,
			),
		);
	});
}
