import test from 'ava';
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {RespError} from '../../src/resp/reply-parser.ts';
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

/** Lines of INFO that say how redis-server was built, and those that only we print. */
const THEIRS_ONLY = ['atomicvar_api', 'gcc_version'];
const OURS_ONLY = ['node_version', 'client_output_buffer_limit_disconnections'];

if (hasRedisServer()) {
	test('INFO has the sections and fields of redis-server in its order', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const namesOf = async (port: number): Promise<string[]> => {
			using client = await RespClient.connect(port);
			await client.ask('SET', 'k', 'v', 'EX', '100');
			await client.ask('NOSUCH');
			await client.ask('CONFIG', 'RESETSTAT');
			await client.ask('NOSUCH');
			const info = (await client.ask('INFO', 'everything')) as string;
			return info.split('\r\n').map((line) => line.replace(/:.*/, ''));
		};
		const theirs = (await namesOf(redis.port)).filter((name) => !THEIRS_ONLY.includes(name));
		const ours = (await namesOf(shoal.port)).filter((name) => !OURS_ONLY.includes(name));
		t.deepEqual(ours, theirs);
	});

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
			transcripts.push(lines.map((line) => line.replace(/^\S+/, '<time>').replace(client.address, '<client>')));
		}
		t.deepEqual(transcripts[1], transcripts[0]);
	});

	test('LATENCY GRAPH draws what redis-server draws', async (t) => {
		await using redis = await startRedisServer();
		await using shoal = await startShoalNode();
		const graphs = [];
		for (const {port} of [redis, shoal]) {
			using client = await RespClient.connect(port);
			await client.ask('CONFIG', 'SET', 'latency-monitor-threshold', '50');
			await client.ask('DEBUG', 'SLEEP', '0.06');
			const [[, at, latest, worst]] = (await client.ask('LATENCY', 'LATEST')) as [[string, number, number, number]];
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

test('INFO counts connections, commands, errors, hits and misses', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	await client.ask('CONFIG', 'RESETSTAT');
	await client.ask('SET', 'k', 'v');
	await client.ask('GET', 'k');
	await client.ask('GET', 'nosuch');
	await client.ask('GET', 'nosuch');
	await client.ask('INCR', 'k');
	await client.ask('NOSUCH');
	await client.ask('GET');
	const info = fieldsOf((await client.ask('INFO', 'all')) as string);
	t.like(info, {
		keyspace_hits: '1',
		keyspace_misses: '2',
		total_error_replies: '3',
		errorstat_ERR: 'count=3',
		connected_clients: '1',
		role: 'master',
		connected_slaves: '0',
		db0: 'keys=1,expires=0,avg_ttl=0',
		tcp_port: String(node.port),
	});
	t.regex(info['cmdstat_get']!, /^calls=3,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$/);
	t.regex(info['cmdstat_incr']!, /^calls=1,.*failed_calls=1$/);
	t.regex(info['latency_percentiles_usec_get']!, /^p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$/);
	t.true(Number(info['total_net_output_bytes']) > 0);
	await client.ask('CONFIG', 'RESETSTAT');
	const after = fieldsOf((await client.ask('INFO', 'all')) as string);
	t.like(after, {keyspace_hits: '0', total_error_replies: '0', cmdstat_get: undefined, errorstat_ERR: undefined});
});

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

test('above maxmemory writes are refused, reads and deletions are not', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	const memory = async (): Promise<Record<string, string>> => fieldsOf((await client.ask('INFO', 'memory')) as string);
	const emptyBytes = Number((await memory())['used_memory']);
	for (let i = 0; i < 200; i++) await client.ask('SET', `key${i}`, 'x'.repeat(1000));
	t.true(((await client.ask('MEMORY', 'USAGE', 'key1')) as number) > 1000);
	t.is(await client.ask('CONFIG', 'SET', 'maxmemory', '100kb'), 'OK');
	t.true(Number((await memory())['used_memory']) > emptyBytes + 200_000);
	t.regex(String(await client.ask('SET', 'more', 'x')), /OOM command not allowed when used memory > 'maxmemory'\./);
	t.is(((await client.ask('GET', 'key1')) as string).length, 1000);
	for (let i = 0; i < 200; i++) await client.ask('DEL', `key${i}`);
	t.is(await client.ask('SET', 'more', 'x'), 'OK');
	const after = await memory();
	t.is(after['maxmemory_human'], '100.00K');
	t.true(Number(after['used_memory_peak']) > emptyBytes + 200_000);
	t.true(Number(after['used_memory']) < emptyBytes + 100_000);
});

test('CONFIG REWRITE keeps the file and adds what was set', async (t) => {
	const file = join(tmpdir(), `shoal-config-${process.pid}.conf`);
	writeFileSync(file, '# kept\nmaxclients 100\n');
	await using node = await startShoalNode({configFile: file});
	using client = await RespClient.connect(node.port);
	t.deepEqual(await client.ask('CONFIG', 'GET', 'maxclients'), ['maxclients', '100']);
	await client.ask('CONFIG', 'SET', 'maxclients', '200', 'slowlog-max-len', '7');
	t.is(await client.ask('CONFIG', 'REWRITE'), 'OK');
	const lines = readFileSync(file, 'utf8').split('\n');
	t.deepEqual(lines.slice(0, 2), ['# kept', 'maxclients 200']);
	t.true(lines.includes('slowlog-max-len 7'));
});

test('SHUTDOWN ends the node without a reply', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	client.send('SHUTDOWN', 'NOSAVE');
	await client.closed;
	t.is(await node.exited, 0);
	await t.throwsAsync(client.next());
});

test('TIME tells the time, LOLWUT draws and signs', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	const [seconds, micros] = (await client.ask('TIME')) as [string, string];
	t.true(Math.abs(Number(seconds) - Date.now() / 1000) < 60);
	t.regex(micros, /^\d{1,6}$/);
	t.regex((await client.ask('LOLWUT')) as string, /><>[^]*\nRedis ver\. 7\.0\.15\n$/);
	t.is(await client.ask('LOLWUT', 'VERSION', '9'), 'Redis ver. 7.0.15\n');
});

test('DEBUG is locked away unless the configuration allows it', async (t) => {
	await using closed = await startShoalNode({config: {'enable-debug-command': 'no'}});
	using refused = await RespClient.connect(closed.port);
	const reply = await refused.ask('DEBUG', 'SLEEP', '0');
	t.true(reply instanceof RespError && reply.message.startsWith('ERR DEBUG command not allowed.'));
	await using local = await startShoalNode({config: {'enable-debug-command': 'local'}});
	using allowed = await RespClient.connect(local.port);
	t.is(await allowed.ask('DEBUG', 'SLEEP', '0'), 'OK');
});

test('DEBUG OBJECT tells how a value is held', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	for (const [value, encoding, length] of [
		['some text', 'embstr', 10],
		['12', 'int', 2],
		['-1234', 'int', 3],
		['x'.repeat(100), 'raw', 102],
	] as const) {
		await client.ask('SET', 'k', value);
		t.regex(
			(await client.ask('DEBUG', 'OBJECT', 'k')) as string,
			new RegExp(`^Value at:0x[0-9a-f]+ refcount:1 encoding:${encoding} serializedlength:${length} lru:\\d+ lru_seconds_idle:\\d+$`),
		);
	}
});

for (const act of ['SEGFAULT', 'PANIC', 'ASSERT', 'OOM']) {
	test(`DEBUG ${act} kills the worker`, async (t) => {
		const node = await startShoalNode();
		using client = await RespClient.connect(node.port);
		client.send('DEBUG', act);
		await client.closed;
		// An error of another thread is no Error of this one.
		t.is(await node.exited.catch((error: {readonly message: string}) => error.message), `DEBUG ${act}`);
		rmSync(node.directory, {recursive: true});
	});
}
