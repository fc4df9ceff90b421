import test from 'ava';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

const fieldsOf = (line: string): Record<string, string> =>
	Object.fromEntries(
		line
			.trim()
			.split(' ')
			.map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
	);

if (hasRedisServer()) {
	test('CLIENT LIST prints the fields of redis-server in its order, and what clients told with SETINFO', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const lists = [];
		for (const {port} of [redis, shoal]) {
			using client = await RespClient.connect(port);
			lists.push(Object.keys(fieldsOf((await client.ask('CLIENT', 'LIST')) as string)));
		}
		t.deepEqual(lists[1], [...lists[0]!, 'lib-name', 'lib-ver']);
	});
}

test('CLIENT LIST tells what each client is and does', async (t) => {
	await using node = await startShoalNode();
	using first = await RespClient.connect(node.port);
	using second = await RespClient.connect(node.port);
	await second.ask('HELLO', '3', 'SETNAME', 'second');
	await second.ask('SELECT', '2');
	await second.ask('CLIENT', 'NO-EVICT', 'on');
	t.is(await second.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'driver'), 'OK');
	t.is(await second.ask('CLIENT', 'SETINFO', 'lib-ver', '1.2'), 'OK');
	t.regex(
		String(await second.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'a b')),
		/ERR lib-name cannot contain spaces/,
	);
	t.regex(String(await second.ask('CLIENT', 'SETINFO', 'nosuch', 'a')), /ERR Unrecognized option 'nosuch'/);
	const id = (await second.ask('CLIENT', 'ID')) as number;

	const lines = ((await first.ask('CLIENT', 'LIST')) as string).trimEnd().split('\n').map(fieldsOf);
	t.is(lines.length, 2);
	const [mine, other] = [lines[0]!, lines[1]!];
	t.is(mine['cmd'], 'client|list');
	t.is(mine['addr'], first.address);
	t.is(mine['laddr'], `127.0.0.1:${node.port}`);
	t.like(other, {id: String(id), name: 'second', db: '2', flags: 'e', resp: '3', cmd: 'client|id'});
	t.like(other, {'lib-name': 'driver', 'lib-ver': '1.2', user: 'default', addr: second.address});
	t.deepEqual(
		fieldsOf((await first.ask('CLIENT', 'LIST', 'ID', String(id), '99')) as string)['name'],
		'second',
	);
});

test('CLIENT KILL by address, id or other marks closes these connections, and the own one only when asked to', async (t) => {
	await using node = await startShoalNode();
	using killer = await RespClient.connect(node.port);
	const victims = await Promise.all([0, 1, 2, 3].map(() => RespClient.connect(node.port)));
	const ids = (await Promise.all(victims.map((victim) => victim.ask('CLIENT', 'ID')))) as number[];
	t.is(await killer.ask('CLIENT', 'KILL', victims[0]!.address), 'OK');
	await victims[0]!.closed;
	t.is(await killer.ask('CLIENT', 'KILL', 'ID', String(ids[1])), 1);
	await victims[1]!.closed;
	t.is(await killer.ask('CLIENT', 'KILL', 'ADDR', victims[2]!.address, 'ID', String(ids[3])), 0);
	t.is(await killer.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'LADDR', `127.0.0.1:${node.port}`), 2);
	await Promise.all(victims.map(({closed}) => closed));
	t.is(await killer.ask('CLIENT', 'KILL', 'USER', 'default', 'SKIPME', 'no'), 1);
	await killer.closed;
});

test('CLIENT KILL of the own address replies before it closes', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	client.send('CLIENT', 'KILL', client.address);
	client.send('SET', 'after', 'death');
	t.is(await client.next(), 'OK');
	await client.closed;
	using witness = await RespClient.connect(node.port);
	t.is(await witness.ask('EXISTS', 'after'), 0);
});

test('CLIENT PAUSE WRITE holds writes back and lets reads pass; UNPAUSE runs them in order', async (t) => {
	await using node = await startShoalNode();
	using writer = await RespClient.connect(node.port);
	using operator = await RespClient.connect(node.port);
	t.is(await operator.ask('CLIENT', 'PAUSE', '100000', 'WRITE'), 'OK');
	t.is(await writer.ask('GET', 'k'), null);
	writer.send('SET', 'k', '1');
	writer.send('APPEND', 'k', '2');
	writer.send('GET', 'k');
	// The write is held back when the operator, asked after it, sees it wait.
	while (!/blocked_clients:1\r/.test((await operator.ask('INFO', 'clients')) as string));
	t.is(await operator.ask('GET', 'k'), null);
	t.regex((await operator.ask('CLIENT', 'LIST')) as string, /flags=b /);
	t.is(await operator.ask('CLIENT', 'UNPAUSE'), 'OK');
	t.deepEqual([await writer.next(), await writer.next(), await writer.next()], ['OK', 2, '12']);
	t.regex((await operator.ask('INFO', 'clients')) as string, /blocked_clients:0\r/);
});

test('CLIENT PAUSE ends by itself', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	t.is(await client.ask('CLIENT', 'PAUSE', '50', 'ALL'), 'OK');
	t.is(await client.ask('PING'), 'PONG');
});

test('CLIENT REPLY OFF and SKIP silence what follows', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	client.send('CLIENT', 'REPLY', 'SKIP');
	client.send('ECHO', 'skipped');
	client.send('ECHO', 'heard');
	client.send('CLIENT', 'REPLY', 'OFF');
	client.send('ECHO', 'silent');
	client.send('CLIENT', 'REPLY', 'SKIP');
	client.send('NOSUCH');
	client.send('CLIENT', 'REPLY', 'ON');
	client.send('ECHO', 'end');
	t.deepEqual([await client.next(), await client.next(), await client.next()], ['heard', 'OK', 'end']);
});
