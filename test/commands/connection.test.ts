import test from 'ava';
import {encodeCommand, RawClient} from '../helpers/raw-client.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

/** What a client may do that has not given the password, and what happens when it does. QUIT ends each dialogue. */
const DIALOGUES: readonly (readonly (readonly string[])[])[] = [
	[['PING'], ['GET', 'a'], ['NOSUCH'], ['CLIENT', 'ID'], ['CLIENT', 'SETNAME', 'x'], ['QUIT']],
	[['PING', 'a', 'b'], ['CLIENT'], ['CLIENT', 'NOSUCH'], ['COMMAND', 'COUNT'], ['ECHO', 'x'], ['QUIT']],
	[['HELLO'], ['HELLO', '3'], ['HELLO', '4'], ['HELLO', '3', 'SETNAME', 'x'], ['PING'], ['QUIT']],
	[
		['HELLO', '3', 'AUTH', 'default', 'wrong'],
		['HELLO', '3', 'AUTH', 'nobody', 'secret'],
		['PING'],
		['QUIT'],
	],
	[
		['AUTH', 'wrong'],
		['AUTH', 'default', 'wrong'],
		['AUTH', 'nobody', 'secret'],
		['AUTH', ''],
		['PING'],
		['QUIT'],
	],
	[['AUTH', 'secret'], ['PING'], ['AUTH', 'wrong'], ['PING'], ['RESET'], ['PING'], ['QUIT']],
	[['AUTH', 'default', 'secret'], ['PING'], ['QUIT']],
	[['RESET'], ['PING'], ['QUIT', 'now'], ['PING']],
	[['HELLO', '2', 'AUTH', 'default', 'secret', 'SETNAME', 'me', 'NOSUCH'], ['PING'], ['QUIT']],
];

async function transcriptOf(port: number, dialogue: readonly (readonly string[])[]): Promise<string> {
	const client = await RawClient.connect(port);
	client.send(dialogue.map((words) => encodeCommand(words)).join(''));
	return (await client.readToEnd()).toString('latin1');
}

if (hasRedisServer()) {
	test('without the password a client gets what redis-server gives', async (t) => {
		await using redis = await startRedisServer({password: 'secret'});
		await using shoal = await startShoalNode({config: {requirepass: 'secret'}});
		for (const dialogue of DIALOGUES) {
			t.is(
				await transcriptOf(shoal.port, dialogue),
				await transcriptOf(redis.port, dialogue),
				JSON.stringify(dialogue),
			);
		}
	});
}

test('HELLO switches the protocol, logs in, names the client, and tells who answers', async (t) => {
	await using node = await startShoalNode({config: {requirepass: 'secret'}});
	using client = await RespClient.connect(node.port);
	const reply = (await client.ask('HELLO', '3', 'AUTH', 'default', 'secret', 'SETNAME', 'me')) as Map<
		string,
		unknown
	>;
	t.deepEqual([...reply.keys()], ['server', 'version', 'proto', 'id', 'mode', 'role', 'modules']);
	t.is(reply.get('server'), 'redis');
	t.is(reply.get('proto'), 3);
	t.is(reply.get('mode'), 'standalone');
	t.deepEqual(reply.get('modules'), []);
	t.is(await client.ask('CLIENT', 'ID'), reply.get('id') as number);
	t.is(await client.ask('CLIENT', 'GETNAME'), 'me');
});

test('RESET makes the connection new: RESP2, database 0, no name, no mode, no login', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	await client.ask('HELLO', '3');
	for (const words of [
		['SELECT', '3'],
		['CLIENT', 'SETNAME', 'x'],
		['CLIENT', 'NO-TOUCH', 'on'],
		['SET', 'k', 'v'],
	]) {
		t.is(await client.ask(...words), 'OK');
	}
	t.is(await client.ask('RESET'), 'RESET');
	t.is(await client.ask('DBSIZE'), 0);
	t.regex((await client.ask('CLIENT', 'INFO')) as string, / name= .* flags=N db=0 .* resp=2 /);
	await client.ask('CONFIG', 'SET', 'requirepass', 'secret');
	t.is(await client.ask('PING'), 'PONG');
	await client.ask('RESET');
	t.regex(String(await client.ask('PING')), /NOAUTH/);
});

test('in cluster mode there is database 0 alone', async (t) => {
	await using node = await startShoalNode({config: {'cluster-enabled': 'yes'}});
	using client = await RespClient.connect(node.port);
	t.is(await client.ask('SELECT', '0'), 'OK');
	t.is(String(await client.ask('SELECT', '1')), 'RespError: ERR SELECT is not allowed in cluster mode');
	t.is(String(await client.ask('SWAPDB', '0', '1')), 'RespError: ERR SWAPDB is not allowed in cluster mode');
	t.is(((await client.ask('HELLO', '3')) as Map<string, unknown>).get('mode'), 'cluster');
});
