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

/** Lines of INFO that say how redis-server was built, and those that only we print. */
const THEIRS_ONLY = new Set(['atomicvar_api', 'gcc_version']);
const OURS_ONLY = new Set(['node_version', 'client_output_buffer_limit_disconnections']);

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
		const theirs = (await namesOf(redis.port)).filter((name) => !THEIRS_ONLY.has(name));
		const ours = (await namesOf(shoal.port)).filter((name) => !OURS_ONLY.has(name));
		t.deepEqual(ours, theirs);
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
	t.like(after, {
		keyspace_hits: '0',
		total_error_replies: '0',
		cmdstat_get: undefined,
		errorstat_ERR: undefined,
	});
});
