import test from 'ava';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

if (hasRedisServer()) {
	test('SLOWLOG keeps the arguments that redis-server keeps: cut where they are long or many, without passwords', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const lists = [];
		for (const {port} of [redis, shoal]) {
			using client = await RespClient.connect(port);
			await client.ask('CLIENT', 'SETNAME', 'me');
			await client.ask('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
			await client.ask('SLOWLOG', 'RESET');
			await client.ask('SET', 'k', 'x'.repeat(128));
			await client.ask('SET', 'k', 'x'.repeat(129));
			await client.ask('DEL', ...Array.from({length: 31}, (_, i) => `key${i}`));
			await client.ask('DEL', ...Array.from({length: 32}, (_, i) => `key${i}`));
			await client.ask('CONFIG', 'SET', 'requirepass', 'secret', 'hz', '10');
			await client.ask('AUTH', 'wrong');
			await client.ask('AUTH', 'default', 'secret');
			await client.ask('HELLO', '2', 'AUTH', 'default', 'secret', 'SETNAME', 'me');
			const entries = (await client.ask('SLOWLOG', 'GET', '-1')) as unknown[][];
			lists.push(entries.map(([, , , words, , name]) => [words, name]));
		}
		t.true(lists[0]!.length >= 8);
		t.deepEqual(lists[1], lists[0]);
	});
}
