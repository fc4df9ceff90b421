/** The manager beside `redis-cli --cluster`, on servers that are not ours: line by line the same. */

import test from 'ava';
import {
	hasRedisServer,
	startRedisCluster,
	startRedisServer,
	type RedisServers,
} from '../helpers/redis-server.ts';
import {NodeConnection} from '../../src/trib/client.ts';
import {endpoints, normalize, runRedisCli, runTrib, sortNodes} from './harness.ts';

const real = hasRedisServer() ? test : test.skip;

/** Runs one command against every node. */
async function onAll(servers: RedisServers, ...words: readonly string[]): Promise<unknown[]> {
	return Promise.all(
		endpoints(servers.addresses).map(async (endpoint) => {
			const connection = await NodeConnection.open(endpoint);
			const reply = await connection.call(...words);
			connection.close();
			return reply;
		}),
	);
}

async function reset(servers: RedisServers): Promise<void> {
	await onAll(servers, 'FLUSHALL');
	await onAll(servers, 'CLUSTER', 'RESET', 'HARD');
}

for (const [nodeCount, replicas] of [
	[3, 0],
	[6, 1],
	[7, 1],
] as const) {
	real(`create with ${nodeCount} nodes and ${replicas} replicas prints what redis-cli prints`, async (t) => {
		await using theirs = await startRedisCluster(nodeCount);
		await using ours = await startRedisCluster(nodeCount);
		const [expected, run] = await Promise.all([
			runRedisCli(['create', ...theirs.addresses, '--cluster-replicas', String(replicas)], 'yes\n'),
			runTrib({command: 'create', options: {nodes: endpoints(ours.addresses), replicas}}, 'yes'),
		]);
		t.is(run.exitCode, expected.exitCode);
		t.is(run.stderr, expected.stderr);
		const [theirPlan, theirCheck] = halves(normalize(expected.stdout, theirs.addresses));
		const [ourPlan, ourCheck] = halves(normalize(run.stdout, ours.addresses));
		t.is(withoutPrimaries(ourPlan), withoutPrimaries(theirPlan));
		t.is(sortNodes(ourCheck), sortNodes(theirCheck));

		const check = await runTrib({command: 'check', options: {node: endpoints(ours.addresses)[1]!}});
		const cli = await runRedisCli(['check', ours.addresses[1]!]);
		t.is(check.stdout, cli.stdout, 'check, of the same cluster');
		t.is(check.exitCode, cli.exitCode);
		const info = await runTrib({command: 'info', options: {node: endpoints(ours.addresses)[0]!}});
		t.is(info.stdout, (await runRedisCli(['info', ours.addresses[0]!])).stdout, 'info, of the same cluster');
	});
}

/** On a single host redis-cli swaps replicas at random, to no effect; here what was announced stays. */
function withoutPrimaries(text: string): string {
	return text.replaceAll(/replicates <id \d+>/g, 'replicates <id>');
}

/** Up to the check, and from there. */
function halves(text: string): [string, string] {
	const at = text.indexOf('>>> Performing Cluster Check');
	return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

real('colours are those of redis-cli', async (t) => {
	await using servers = await startRedisCluster(1);
	const node = endpoints(servers.addresses)[0]!;
	const run = await runTrib({command: 'check', options: {node, color: true}});
	const expected = await runRedisCli(['check', ...servers.addresses], '', 'xterm');
	t.is(run.stdout, expected.stdout);
	t.is(run.exitCode, 1);
});

real('a cluster with open slots, holes and foreign keys is checked as redis-cli checks it', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	await runTrib({command: 'create', options: {nodes, yes: true}});
	const [first, second] = await Promise.all([NodeConnection.open(nodes[0]!), NodeConnection.open(nodes[1]!)]);
	const ids = await Promise.all([first.call('CLUSTER', 'MYID'), second.call('CLUSTER', 'MYID')]);
	const [firstId, secondId] = ids as [string, string];
	await first.call('CLUSTER', 'SETSLOT', '77', 'MIGRATING', secondId);
	await second.call('CLUSTER', 'SETSLOT', '77', 'IMPORTING', firstId);
	// A key of slot 12182, which the third node serves, in the first one.
	await second.call('CLUSTER', 'SETSLOT', '12182', 'IMPORTING', firstId);
	await second.call('ASKING');
	await second.call('SET', 'foo', 'bar');
	await first.call('CLUSTER', 'DELSLOTS', '5');

	const words = ['check', servers.addresses[0]!, '--cluster-search-multiple-owners'];
	const expected = await runRedisCli(words);
	const run = await runTrib({command: 'check', options: {node: nodes[0]!, searchMultipleOwners: true}});
	t.deepEqual(openSlotsSorted(run.stdout), openSlotsSorted(expected.stdout));
	t.is(run.exitCode, expected.exitCode);
	first.close();
	second.close();
});

/** redis-cli prints the open slots in the order of a hash table. */
function openSlotsSorted(text: string): string {
	return text.replace(/(slots are open: )([\d,]+)/, (_, head: string, list: string) => {
		return head + list.split(',').toSorted().join(',');
	});
}

real('a node that does not answer is named on standard error and passed over', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	await runTrib({command: 'create', options: {nodes, yes: true}});
	await servers.nodes[2]!.kill();
	const expected = await runRedisCli(['check', servers.addresses[0]!]);
	const run = await runTrib({command: 'check', options: {node: nodes[0]!}});
	t.is(run.stdout, expected.stdout);
	t.is(run.stderr, expected.stderr);
	t.is(run.exitCode, 1);
	t.true(run.result.report?.command === 'check' && run.result.report.issues[0]?.kind === 'unreachable');
});

real('create refuses what redis-cli refuses, in its words', async (t) => {
	await using servers = await startRedisCluster(4);
	await using alone = await startRedisServer();
	const {addresses} = servers;
	const compare = async (list: readonly string[], replicas: number): Promise<void> => {
		const expected = await runRedisCli(['create', ...list, '--cluster-replicas', String(replicas)]);
		const run = await runTrib({command: 'create', options: {nodes: endpoints(list), replicas}});
		t.deepEqual({...run, result: undefined}, {...expected, result: undefined}, list.join(' '));
	};
	await compare(addresses.slice(0, 2), 0);
	await compare(addresses, 1);
	await compare([...addresses, alone.address], 0);
	await servers.nodes[3]!.kill();
	await compare(addresses, 0);

	const three = addresses.slice(0, 3);
	const [first] = endpoints(three);
	const connection = await NodeConnection.open(first!);
	await connection.call('DEBUG', 'POPULATE', '1');
	connection.close();
	await compare(three, 0);
});

real('a node that knows others, the same node twice, and a node with slots are refused', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const twice = await runTrib({command: 'create', options: {nodes: [...nodes, nodes[0]!]}});
	t.is(twice.stdout, `[ERR] ${servers.addresses[0]} and ${servers.addresses[0]} are the same node.\n`);
	t.is(twice.exitCode, 1);

	await onAll(servers, 'CLUSTER', 'ADDSLOTS', '1');
	const taken = await runTrib({command: 'create', options: {nodes, yes: true}});
	t.is(
		taken.stdout,
		`[ERR] Node ${servers.addresses[0]} already serves slots. Call CLUSTER RESET on it first.\n`,
	);

	await reset(servers);
	await runTrib({command: 'create', options: {nodes, yes: true}});
	const again = await runTrib({command: 'create', options: {nodes, yes: true}});
	t.is(again.stdout, (await runRedisCli(['create', ...servers.addresses])).stdout);
	t.is(again.exitCode, 1);
});

real('declining changes nothing and is no failure; nobody to ask is one', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const declined = await runTrib({command: 'create', options: {nodes}}, 'no');
	const expected = await runRedisCli(['create', ...servers.addresses], 'no\n');
	t.is(declined.stdout, expected.stdout);
	t.is(declined.exitCode, expected.exitCode);
	const alone = await runTrib({command: 'create', options: {nodes}}, null);
	t.is(alone.exitCode, 1);
	t.regex(alone.stderr, /Give --yes/);
	t.deepEqual(await onAll(servers, 'CLUSTER', 'COUNTKEYSINSLOT', '0'), [0, 0, 0]);
	const infos = await onAll(servers, 'CLUSTER', 'INFO');
	t.true(infos.every((info) => String(info).includes('cluster_slots_assigned:0\r\n')));
});

real('a dry run prints the commands and sends none', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const run = await runTrib({command: 'create', options: {nodes, dryRun: true}});
	t.is(run.exitCode, 0);
	t.true(run.stdout.includes(`${servers.addresses[0]}> CLUSTER ADDSLOTSRANGE 0 5460\n`));
	const infos = await onAll(servers, 'CLUSTER', 'INFO');
	t.true(infos.every((info) => String(info).includes('cluster_slots_assigned:0\r\n')));
});

real('--json prints one object and nothing else', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	const created = await runTrib({command: 'create', options: {nodes, yes: true, json: true}});
	t.like(JSON.parse(created.stdout), {command: 'create', ok: true, created: true, exitCode: 0});
	const info = await runTrib({command: 'info', options: {node: nodes[0]!, json: true}});
	t.like(JSON.parse(info.stdout), {command: 'info', ok: true, keyCount: 0, primaryCount: 3, exitCode: 0});
	const failed = await runTrib({command: 'create', options: {nodes, yes: true, json: true}});
	t.like(JSON.parse(failed.stdout), {command: 'create', ok: false, exitCode: 1});
});

real('a cluster of one primary can be made when the number is given', async (t) => {
	await using servers = await startRedisCluster(2);
	const nodes = endpoints(servers.addresses);
	const refused = await runTrib({command: 'create', options: {nodes, primaries: 3, yes: true}});
	t.is(refused.exitCode, 2);
	const run = await runTrib({command: 'create', options: {nodes, primaries: 1, yes: true}});
	t.is(run.exitCode, 0);
	const report = run.result.report;
	t.deepEqual(report?.command === 'create' ? report.check?.nodes.map(({role}) => role).toSorted() : null, [
		'primary',
		'replica',
	]);
});

real('servers with a password are asked with it, and without it say what redis-cli says', async (t) => {
	await using servers = await startRedisCluster(3, {password: 'secret'});
	const nodes = endpoints(servers.addresses);
	const without = await runTrib({command: 'create', options: {nodes}});
	const expected = await runRedisCli(['create', ...servers.addresses]);
	t.is(without.stdout, expected.stdout);
	t.is(without.exitCode, expected.exitCode);
	const wrong = await runTrib({command: 'create', options: {nodes, credentials: {password: 'wrong'}}});
	t.is(wrong.stdout, (await runRedisCli(['create', ...servers.addresses, '-a', 'wrong'])).stdout);
	t.is(wrong.exitCode, 1);
	const withIt = await runTrib({
		command: 'create',
		options: {nodes, yes: true, credentials: {password: 'secret'}},
	});
	t.is(withIt.exitCode, 0);
});

real('nodes that cannot reach each other are named when the time is over', async (t) => {
	await using servers = await startRedisCluster(3);
	const nodes = endpoints(servers.addresses);
	// A node that drops every packet of the bus never joins.
	await onAll(servers, 'DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '2');
	const run = await runTrib({command: 'create', options: {nodes, yes: true, joinTimeoutMs: 150}});
	t.is(run.exitCode, 3);
	t.regex(
		run.stdout,
		/\[ERR\] The nodes did not agree within 0\.15 seconds:\n(    127\.0\.0\.1:\d+ does not know .*\n){3}$/,
	);
});
