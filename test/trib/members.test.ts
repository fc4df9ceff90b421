/** add-node, del-node, call, set-timeout, import and backup beside `redis-cli --cluster`, on servers that are not ours. */

import {mkdtemp, readdir, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import anyTest, {type ExecutionContext} from 'ava';
import {
	hasRedisServer,
	startRedisCluster,
	startRedisServer,
	type RedisServers,
} from '../helpers/redis-server.ts';
import {NodeConnection, type Word} from '../../src/trib/client.ts';
import {endpoints, normalize, runRedisCli, runTrib, sortNodes, type Run} from './harness.ts';

// One after the other: each test runs several servers.
const real = hasRedisServer() ? anyTest.serial : anyTest.skip;
const DEADLINE_MS = 30_000;
const PAUSE_MS = 50;

async function ask(address: string, ...words: readonly Word[]): Promise<unknown> {
	const connection = await NodeConnection.open(endpoints([address])[0]!);
	const reply = await connection.call(...words);
	connection.close();
	return reply;
}

const idOf = async (address: string): Promise<string> => String(await ask(address, 'CLUSTER', 'MYID'));

/** Resolves when what the node answers fits. */
async function until(
	address: string,
	words: readonly string[],
	fits: (reply: string) => boolean,
): Promise<void> {
	for (const deadline = Date.now() + DEADLINE_MS; ;) {
		const reply = String(await ask(address, ...words));
		if (fits(reply)) return;
		if (Date.now() > deadline) throw new Error(`still not so on ${address}:\n${reply}`);
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
	}
}

/** A cluster of the first `memberCount` servers; the others know nobody. */
async function cluster(
	nodeCount: number,
	memberCount: number,
	args: readonly string[] = [],
): Promise<RedisServers> {
	const servers = await startRedisCluster(nodeCount, {args});
	const nodes = endpoints(servers.addresses.slice(0, memberCount));
	const {exitCode, stdout} = await runTrib({command: 'create', options: {nodes, primaries: 3, yes: true}});
	if (exitCode !== 0) {
		await servers.stop();
		throw new Error(stdout);
	}
	await Promise.all(
		servers.addresses
			.slice(0, memberCount)
			.map((address) => until(address, ['CLUSTER', 'INFO'], (info) => info.includes('cluster_state:ok'))),
	);
	return servers;
}

/** The same lines, but for ids, ports and the order of nodes. */
function sameLines(
	t: ExecutionContext,
	run: Run,
	ours: RedisServers,
	expected: Run,
	theirs: RedisServers,
): void {
	t.is(
		sortNodes(normalize(run.stdout, ours.addresses)),
		sortNodes(normalize(expected.stdout, theirs.addresses)),
	);
	t.is(normalize(run.stderr, ours.addresses), normalize(expected.stderr, theirs.addresses));
	t.is(run.exitCode, expected.exitCode);
}

real('add-node prints what redis-cli prints, and all nodes know the new one when it ends', async (t) => {
	await using ours = await cluster(4, 3);
	await using theirs = await cluster(4, 3);
	const library =
		'#!lua name=lib\nredis.register_function{function_name="f", callback=function() return 1 end, flags={"no-writes"}}';
	for (const servers of [ours, theirs]) await ask(servers.addresses[0]!, 'FUNCTION', 'LOAD', library);
	const [node, , , newNode] = endpoints(ours.addresses);
	const plan = await runTrib({command: 'add-node', options: {node: node!, newNode: newNode!, dryRun: true}});
	t.true(
		plan.stdout.includes(`${ours.addresses[3]}> CLUSTER MEET ${node!.host} ${node!.port}\n`),
		plan.stdout,
	);
	t.regex(String(await ask(ours.addresses[3]!, 'CLUSTER', 'INFO')), /cluster_known_nodes:1\r/);

	const run = await runTrib({command: 'add-node', options: {node: node!, newNode: newNode!}});
	const expected = await runRedisCli(['add-node', theirs.addresses[3]!, theirs.addresses[0]!]);
	sameLines(t, run, ours, expected, theirs);
	const id = await idOf(ours.addresses[3]!);
	for (const address of ours.addresses) {
		t.true(String(await ask(address, 'CLUSTER', 'NODES')).includes(id), address);
	}
	t.is(
		((await ask(ours.addresses[3]!, 'FUNCTION', 'LIST')) as unknown[]).length,
		1,
		'the functions came along',
	);
});

real(
	'add-node --slave chooses the primary with the fewest replicas, --master-id the one that was named',
	async (t) => {
		await using ours = await cluster(7, 5);
		await using theirs = await cluster(7, 5);
		const [node, , , , , sixth, seventh] = endpoints(ours.addresses);
		const run = await runTrib({
			command: 'add-node',
			options: {node: node!, newNode: sixth!, asReplica: true},
		});
		const expected = await runRedisCli([
			'add-node',
			theirs.addresses[5]!,
			theirs.addresses[0]!,
			'--cluster-slave',
		]);
		t.is(run.exitCode, 0, run.stdout);
		t.is(chosen(run, ours), chosen(expected, theirs));
		const shape = (text: string): string =>
			text
				.replaceAll(/(replica of|master) <node \d>/g, '$1 <node>')
				.replaceAll(/^.*(additional|replicates).*\n/gm, '');
		t.is(
			sortNodes(shape(normalize(run.stdout, ours.addresses))),
			sortNodes(shape(normalize(expected.stdout, theirs.addresses))),
		);
		const named = await idOf(ours.addresses[0]!);
		const wished = {node: node!, newNode: seventh!, asReplica: true};
		const unknown = await runTrib({command: 'add-node', options: {...wished, primary: 'a'.repeat(40)}});
		t.true(unknown.stdout.endsWith(`[ERR] No such master ID ${'a'.repeat(40)}\n`));
		t.is(unknown.exitCode, 1);
		const second = await runTrib({command: 'add-node', options: {...wished, primary: named}});
		t.true(second.stdout.endsWith('[OK] New node added correctly.\n'), second.stdout);
		t.true(String(await ask(ours.addresses[6]!, 'CLUSTER', 'NODES')).includes(`myself,slave ${named}`));
	},
);

/** How many replicas the chosen primary had: the choice among equals hangs on the order of ids. */
function chosen({stdout}: Run, servers: RedisServers): boolean {
	const address = /Automatically selected master (\S+)/.exec(stdout)?.[1] ?? '';
	const at = stdout.indexOf(` ${address}\n`);
	return (
		servers.addresses.includes(address) && !/additional/.test(stdout.slice(at, stdout.indexOf('\n', at + 60)))
	);
}

real('add-node refuses what redis-cli refuses, in its words', async (t) => {
	await using servers = await cluster(4, 3);
	await using alone = await startRedisServer();
	const {addresses} = servers;
	const compare = async (newAddress: string): Promise<void> => {
		const [node, newNode] = endpoints([addresses[0]!, newAddress]);
		const expected = await runRedisCli(['add-node', newAddress, addresses[0]!]);
		const run = await runTrib({command: 'add-node', options: {node: node!, newNode: newNode!}});
		t.is(
			sortNodes(normalize(run.stdout, addresses)),
			sortNodes(normalize(expected.stdout, addresses)),
			newAddress,
		);
		t.is(run.exitCode, expected.exitCode);
	};
	await compare(alone.address);
	await compare(addresses[1]!);
	await servers.nodes[3]!.kill();
	await compare(addresses[3]!);
});

real('del-node prints what redis-cli prints, and refuses a node with slots and an unknown id', async (t) => {
	await using ours = await cluster(4, 3);
	await using theirs = await cluster(4, 3);
	for (const servers of [ours, theirs]) {
		const [node, , , newNode] = endpoints(servers.addresses);
		await runTrib({command: 'add-node', options: {node: node!, newNode: newNode!}});
	}
	const compare = async (index: number | string): Promise<void> => {
		const [target, theirTarget] = await Promise.all(
			[ours, theirs].map((servers) => (typeof index === 'string' ? index : idOf(servers.addresses[index]!))),
		);
		const node = endpoints(ours.addresses)[0]!;
		const run = await runTrib({command: 'del-node', options: {node, target: target!}});
		const expected = await runRedisCli(['del-node', theirs.addresses[0]!, theirTarget!]);
		sameLines(t, run, ours, expected, theirs);
	};
	await compare(1);
	await compare('b'.repeat(40));
	await compare(3);
	for (const address of ours.addresses.slice(0, 3)) {
		t.regex(String(await ask(address, 'CLUSTER', 'INFO')), /cluster_known_nodes:3\r/);
	}
	t.regex(String(await ask(ours.addresses[3]!, 'CLUSTER', 'INFO')), /cluster_known_nodes:1\r/);
});

real(
	'del-node gives the replicas of the node to other primaries, one each, and with --shutdown ends the node',
	async (t) => {
		await using servers = await cluster(6, 3);
		const [node, , , fourth, fifth, sixth] = endpoints(servers.addresses);
		const {addresses} = servers;
		await runTrib({command: 'add-node', options: {node: node!, newNode: fourth!}});
		for (const newNode of [fifth!, sixth!]) {
			const {exitCode, stdout} = await runTrib({
				command: 'add-node',
				options: {node: node!, newNode, primary: addresses[3]!},
			});
			t.is(exitCode, 0, stdout);
		}
		const run = await runTrib({
			command: 'del-node',
			options: {node: node!, target: addresses[3]!, shutdown: true},
		});
		t.is(run.exitCode, 0, run.stdout + run.stderr);
		t.regex(run.stdout, /(>>> \S+ as replica of \S+\n){2}>>> SHUTDOWN the node\.\n$/);
		const moved = run.result.report?.command === 'del-node' ? run.result.report.moved : [];
		t.is(new Set(moved.map(({primary}) => primary)).size, 2);
		await t.throwsAsync(ask(addresses[3]!, 'PING'));
		for (const {replica, primary} of moved) {
			t.true(String(await ask(replica, 'CLUSTER', 'NODES')).includes(`myself,slave ${await idOf(primary)}`));
		}
	},
);

real('a node that does not answer is removed with --force only', async (t) => {
	await using servers = await cluster(4, 3, ['--cluster-node-timeout', '1000']);
	const [node, , , newNode] = endpoints(servers.addresses);
	const {addresses} = servers;
	await runTrib({command: 'add-node', options: {node: node!, newNode: newNode!}});
	const target = await idOf(addresses[3]!);
	await servers.nodes[3]!.kill();
	const refused = await runTrib({command: 'del-node', options: {node: node!, target}});
	t.is(refused.exitCode, 1);
	t.true(
		refused.stdout.endsWith(
			`[ERR] Node ${addresses[3]} does not answer. Give --force to make the others forget it.\n`,
		),
	);
	const run = await runTrib({command: 'del-node', options: {node: node!, target, force: true}});
	t.is(run.exitCode, 0, run.stdout);
	for (const address of addresses.slice(0, 3)) {
		t.false(String(await ask(address, 'CLUSTER', 'NODES')).includes(target));
	}
});

real('a dead node with slots that nobody took over is not removed, with --force neither', async (t) => {
	await using servers = await cluster(3, 3);
	const target = await idOf(servers.addresses[2]!);
	await servers.nodes[2]!.kill();
	const node = endpoints(servers.addresses)[0]!;
	const run = await runTrib({command: 'del-node', options: {node, target, force: true}});
	t.is(run.exitCode, 1);
	t.regex(run.stdout, /its slots are served by nobody else/);
});

real('call prints what redis-cli prints: texts, numbers, errors, nested lists and nothing', async (t) => {
	await using servers = await cluster(4, 3);
	const [node, , , newNode] = endpoints(servers.addresses);
	await runTrib({
		command: 'add-node',
		options: {node: node!, newNode: newNode!, primary: servers.addresses[1]!},
	});
	const compare = async (words: readonly string[], only?: 'primaries' | 'replicas'): Promise<Run> => {
		const flags =
			only === undefined ? [] : [only === 'primaries' ? '--cluster-only-masters' : '--cluster-only-replicas'];
		const expected = await runRedisCli(['call', servers.addresses[0]!, ...words, ...flags]);
		const run = await runTrib({
			command: 'call',
			options: {node: node!, words, ...(only === undefined ? {} : {only})},
		});
		t.is(run.stdout, expected.stdout);
		return run;
	};
	t.is((await compare(['PING'])).exitCode, 0);
	t.is((await compare(['DBSIZE'], 'primaries')).exitCode, 0);
	await compare(['CLUSTER', 'SLOTS'], 'replicas');
	await compare(['CONFIG', 'GET', 'appendonly']);
	const redirected = await compare(['GET', 'foo']);
	t.is(redirected.exitCode, 1, 'some node answered an error');
});

real('bytes that are no text are quoted by call', async (t) => {
	await using servers = await cluster(3, 3);
	const [, , third] = servers.addresses;
	t.is(await ask(third!, 'SET', 'foo', Uint8Array.of(0xff, 0x00, 0x41, 0x22)), 'OK');
	const node = endpoints(servers.addresses)[0]!;
	const run = await runTrib({command: 'call', options: {node, words: ['GET', 'foo']}});
	t.true(run.stdout.includes(`${third}: "\\xff\\x00A\\""\n`), run.stdout);
});

real('set-timeout prints what redis-cli prints', async (t) => {
	await using servers = await cluster(3, 3);
	const node = endpoints(servers.addresses)[0]!;
	for (const timeoutMs of [3000, 50]) {
		const expected = await runRedisCli(['set-timeout', servers.addresses[0]!, String(timeoutMs)]);
		const run = await runTrib({command: 'set-timeout', options: {node, timeoutMs}});
		t.is(run.stdout, expected.stdout);
		t.is(run.stderr, expected.stderr);
		// Servers without a file to write to: redis-cli calls that a success.
		t.is(run.exitCode, 1);
	}
	t.deepEqual(await ask(servers.addresses[2]!, 'CONFIG', 'GET', 'cluster-node-timeout'), [
		'cluster-node-timeout',
		'3000',
	]);
});

real('import brings all keys of a server, bytes too, and prints what redis-cli prints', async (t) => {
	await using ours = await cluster(3, 3);
	await using theirs = await cluster(3, 3);
	await using source = await startRedisServer({password: 'secret'});
	const connection = await NodeConnection.open(endpoints([source.address])[0]!, {
		credentials: {password: 'secret'},
	});
	await connection.call('MSET', 'a', '1', 'b', '2', 'foo', '3');
	const node = endpoints(ours.addresses)[0]!;
	const options = {node, from: endpoints([source.address])[0]!, fromCredentials: {password: 'secret'}};
	const expected = await runRedisCli([
		'import',
		theirs.addresses[0]!,
		'--cluster-from',
		source.address,
		'--cluster-from-pass',
		'secret',
		'--cluster-copy',
	]);
	const run = await runTrib({command: 'import', options: {...options, copy: true}});
	sameLines(t, run, ours, expected, theirs);
	t.is(await connection.call('DBSIZE'), 3);

	const again = await runTrib({command: 'import', options: {...options, copy: true}});
	t.is(again.exitCode, 1);
	t.regex(again.stdout, /BUSYKEY Target key name already exists\./);
	await connection.call('SET', Uint8Array.of(0xfe, 0xff), Uint8Array.of(0x80));
	const moved = await runTrib({command: 'import', options: {...options, replace: true}});
	t.is(moved.exitCode, 0, moved.stdout);
	t.like(moved.result.report, {importedCount: 4, foundCount: 4});
	t.is(await connection.call('DBSIZE'), 0);
	connection.close();
	const sizes = await Promise.all(ours.addresses.map((address) => ask(address, 'DBSIZE')));
	t.is(
		sizes.reduce<number>((sum, size) => sum + Number(size), 0),
		4,
	);
});

real('import refuses a cluster node and a server that is not there, in the words of redis-cli', async (t) => {
	await using servers = await cluster(4, 3);
	const compare = async (): Promise<void> => {
		const [node, , , from] = endpoints(servers.addresses);
		const expected = await runRedisCli([
			'import',
			servers.addresses[0]!,
			'--cluster-from',
			servers.addresses[3]!,
		]);
		const run = await runTrib({command: 'import', options: {node: node!, from: from!}});
		t.is(run.stdout, expected.stdout);
		t.is(run.stderr, expected.stderr);
		t.is(run.exitCode, expected.exitCode);
	};
	await compare();
	await servers.nodes[3]!.kill();
	await compare();
});

real('import reaches a cluster with a password', async (t) => {
	await using servers = await startRedisCluster(3, {password: 'secret'});
	await using source = await startRedisServer();
	const credentials = {user: 'default', password: 'secret'};
	await runTrib({command: 'create', options: {nodes: endpoints(servers.addresses), yes: true, credentials}});
	await ask(source.address, 'SET', 'foo', 'bar');
	const [node, from] = endpoints([servers.addresses[0]!, source.address]);
	const run = await runTrib({command: 'import', options: {node: node!, from: from!, credentials}});
	t.is(run.exitCode, 0, run.stdout);
	t.is(await ask(source.address, 'DBSIZE'), 0);
});

real(
	'backup saves what redis-cli saves, readable by its owner only, and never into a directory with files',
	async (t) => {
		await using servers = await cluster(4, 3);
		const [node, , , newNode] = endpoints(servers.addresses);
		await runTrib({
			command: 'add-node',
			options: {node: node!, newNode: newNode!, primary: servers.addresses[1]!},
		});
		await ask(servers.addresses[2]!, 'SET', 'foo', 'x'.repeat(100_000));
		const scratch = await mkdtemp(join(tmpdir(), 'shoal-backup-'));
		t.teardown(() => rm(scratch, {recursive: true, force: true}));
		const directory = join(scratch, 'ours');
		const run = await runTrib({command: 'backup', options: {node: node!, directory}});
		t.is(run.exitCode, 0, run.stdout + run.stderr);
		const theirs = await mkdtemp(join(scratch, 'theirs-'));
		const expected = await runRedisCli(['backup', servers.addresses[0]!, theirs]);
		t.is(run.stdout.replaceAll(directory, '<dir>'), expected.stdout.replaceAll(theirs, '<dir>'));
		const files = (await readdir(directory)).toSorted();
		t.deepEqual(files, (await readdir(theirs)).toSorted());
		const nodes = async (from: string): Promise<unknown> =>
			JSON.parse(await readFile(join(from, 'nodes.json'), 'utf8'));
		t.deepEqual(await nodes(directory), await nodes(theirs));
		for (const file of files) {
			t.is((await stat(join(directory, file))).mode & 0o777, 0o600);
			if (file.endsWith('.rdb'))
				t.is((await readFile(join(directory, file))).subarray(0, 5).toString(), 'REDIS');
		}
		const again = await runTrib({command: 'backup', options: {node: node!, directory}});
		t.is(again.exitCode, 1);
		t.regex(again.stdout, /is not empty/);
	},
);
