import test from 'ava';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

const fieldsOf = (info: string): Record<string, string> =>
	Object.fromEntries(
		info
			.split('\r\n')
			.filter((line) => line.includes(':'))
			.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
	);

if (hasRedisServer()) {
	test('MEMORY STATS has the fields of redis-server in its order', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const lists = [];
		for (const {port} of [redis, shoal]) {
			using client = await RespClient.connect(port);
			await client.ask('HELLO', '3');
			await client.ask('SET', 'k', 'v');
			const stats = (await client.ask('MEMORY', 'STATS')) as Map<string, unknown>;
			lists.push([[...stats.keys()], [...(stats.get('db.0') as Map<string, unknown>).keys()]]);
		}
		t.deepEqual(lists[1], lists[0]);
	});
}

test('above maxmemory writes are refused, reads and deletions are not', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	const memory = async (): Promise<Record<string, string>> =>
		fieldsOf((await client.ask('INFO', 'memory')) as string);
	const emptyBytes = Number((await memory())['used_memory']);
	for (let i = 0; i < 200; i++) await client.ask('SET', `key${i}`, 'x'.repeat(1000));
	t.true(((await client.ask('MEMORY', 'USAGE', 'key1')) as number) > 1000);
	t.is(await client.ask('CONFIG', 'SET', 'maxmemory', '100kb'), 'OK');
	t.true(Number((await memory())['used_memory']) > emptyBytes + 200_000);
	t.regex(
		String(await client.ask('SET', 'more', 'x')),
		/OOM command not allowed when used memory > 'maxmemory'\./,
	);
	t.is(((await client.ask('GET', 'key1')) as string).length, 1000);
	for (let i = 0; i < 200; i++) await client.ask('DEL', `key${i}`);
	t.is(await client.ask('SET', 'more', 'x'), 'OK');
	const after = await memory();
	t.is(after['maxmemory_human'], '100.00K');
	t.true(Number(after['used_memory_peak']) > emptyBytes + 200_000);
	t.true(Number(after['used_memory']) < emptyBytes + 100_000);
});
