import test from 'ava';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

if (hasRedisServer()) {
	test('MONITOR shows what redis-server shows, as it shows it', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const commands = [
			['SET', 'k', '\0\x01\t\r\n"\\\x7f\xff~'],
			['get', 'k'],
			['AUTH', 'secret'],
			['AUTH', 'default', 'secret'],
			['HELLO', '2', 'AUTH', 'default', 'secret'],
			['CONFIG', 'GET', 'hz'],
			['CLIENT', 'LIST'],
			['CLIENT', 'GETNAME'],
			['DEBUG', 'SLEEP', '0'],
			['SLOWLOG', 'LEN'],
			['NOSUCH'],
			['GET'],
			['INCR', 'k'],
			['SELECT', '3'],
			['DBSIZE'],
			['COMMAND', 'COUNT'],
		];
		const transcripts = [];
		for (const {port} of [redis, shoal]) {
			using watcher = await RespClient.connect(port);
			using client = await RespClient.connect(port);
			t.is(await watcher.ask('MONITOR'), 'OK');
			for (const words of commands) await client.ask(...words);
			await client.ask('ECHO', 'end');
			const lines: string[] = [];
			while (!lines.at(-1)?.includes('"end"')) lines.push(String(await watcher.next()));
			t.true(lines.every((line) => /^\d{10}\.\d{6} \[\d+ 127\.0\.0\.1:\d+\] "/.test(line)));
			transcripts.push(
				lines.map((line) => line.replace(/^\S+/, '<time>').replace(client.address, '<client>')),
			);
		}
		t.deepEqual(transcripts[1], transcripts[0]);
	});
}

test('RESET ends MONITOR, and a second MONITOR says nothing', async (t) => {
	await using node = await startShoalNode();
	using watcher = await RespClient.connect(node.port);
	using client = await RespClient.connect(node.port);
	t.is(await watcher.ask('MONITOR'), 'OK');
	watcher.send('MONITOR');
	await client.ask('ECHO', 'seen');
	t.regex((await watcher.next()) as string, /"ECHO" "seen"$/);
	t.regex((await client.ask('CLIENT', 'LIST', 'ID', '1')) as string, / flags=O /);
	t.is(await watcher.ask('RESET'), 'RESET');
	await client.ask('ECHO', 'unseen');
	t.is(await watcher.ask('PING'), 'PONG');
});
