import test from 'ava';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

if (hasRedisServer()) {
	test('LATENCY GRAPH draws what redis-server draws', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const graphs = [];
		for (const {port} of [redis, shoal]) {
			using client = await RespClient.connect(port);
			await client.ask('CONFIG', 'SET', 'latency-monitor-threshold', '50');
			await client.ask('DEBUG', 'SLEEP', '0.06');
			const [[, at, latest, worst]] = (await client.ask('LATENCY', 'LATEST')) as [
				[string, number, number, number],
			];
			t.true(Math.abs(at - Date.now() / 1000) < 60);
			t.true(latest >= 60 && worst === latest);
			t.is(((await client.ask('LATENCY', 'HISTORY', 'command')) as unknown[]).length, 1);
			const graph = (await client.ask('LATENCY', 'GRAPH', 'command')) as string;
			graphs.push(graph.replaceAll(/\d+ ms/g, '<ms>').replaceAll(/^\d+/gm, '<age>'));
			t.is(await client.ask('LATENCY', 'RESET', 'command', 'nosuch'), 1);
		}
		t.is(graphs[1], graphs[0]);
	});
}

test('LATENCY HISTOGRAM tells the calls of a command, of all subcommands of a container, or of all', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	await client.ask('HELLO', '3');
	await client.ask('CONFIG', 'RESETSTAT');
	for (let i = 0; i < 5; i++) await client.ask('SET', 'k', 'v');
	await client.ask('CLIENT', 'ID');
	await client.ask('CLIENT', 'GETNAME');
	type Histogram = Map<string, Map<string, number | Map<number, number>>>;
	const some = (await client.ask('LATENCY', 'HISTOGRAM', 'set', 'client', 'nosuch', 'get')) as Histogram;
	t.deepEqual([...some.keys()].toSorted(), ['client|getname', 'client|id', 'set']);
	t.is(some.get('set')!.get('calls'), 5);
	t.is([...(some.get('set')!.get('histogram_usec') as Map<number, number>).values()].at(-1), 5);
	t.true(((await client.ask('LATENCY', 'HISTOGRAM')) as Histogram).has('config|resetstat'));
	await client.ask('CONFIG', 'SET', 'latency-tracking', 'no');
	await client.ask('CONFIG', 'RESETSTAT');
	await client.ask('SET', 'k', 'v');
	t.is(((await client.ask('LATENCY', 'HISTOGRAM')) as Histogram).size, 0);
});
