/** The tools that come with Redis, on our nodes: what they print is what they print of redis-server. */

import anyTest from 'ava';
import {spawn} from 'node:child_process';
import {startCluster, type Cluster} from '../../src/index.ts';
import {hasRedisServer} from '../helpers/redis-server.ts';
import {endpoints, normalize, runRedisCli, runTrib, sortNodes} from '../trib/harness.ts';

/** One cluster for the tests that do not make their own; they run one after the other. */
const test = anyTest.serial;
const withTools = hasRedisServer() ? test : test.skip;
let cluster: Cluster;

anyTest.before(async () => {
	cluster = await startCluster({shards: 3, basePort: 0});
});

anyTest.after.always(async () => {
	await cluster.stop();
});

interface Output {
	readonly exitCode: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

function run(program: string, args: readonly string[], input = ''): Promise<Output> {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, {env: {...process.env, TERM: 'dumb'}});
		let stdout = '';
		let stderr = '';
		child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
		child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
		child.once('error', reject);
		child.once('close', (exitCode) => resolve({exitCode, stdout, stderr}));
		// It may end without reading a word.
		child.stdin.on('error', () => undefined).end(input);
	});
}

function addressesOf({nodes}: Cluster): string[] {
	return nodes.map(({address}) => address);
}

function firstPort(): string {
	return String(cluster.nodes[0]!.port);
}

withTools('redis-cli -c follows redirections: the session of the tutorial', async (t) => {
	const session = ['set my_name yangyi', 'get my_name', 'set age 123', 'set height 565', 'get age'];
	const {exitCode, stdout} = await run(
		'redis-cli',
		['-c', '--no-raw', '-p', firstPort()],
		`${session.join('\n')}\n`,
	);
	t.is(exitCode, 0);
	t.is(
		normalize(stdout, addressesOf(cluster)).trim(),
		`-> Redirected to slot [12803] located at <node 2>
OK
"yangyi"
-> Redirected to slot [741] located at <node 0>
OK
-> Redirected to slot [8223] located at <node 1>
OK
-> Redirected to slot [741] located at <node 0>
"123"`,
	);
});

withTools(
	'redis-cli --cluster create makes a cluster of our nodes, and prints what our manager prints',
	async (t) => {
		await using theirs = await startCluster({shards: 3, basePort: 0, create: false});
		await using ours = await startCluster({shards: 3, basePort: 0, create: false});
		const expected = await runRedisCli(['create', ...addressesOf(theirs), '--cluster-yes']);
		const nodes = endpoints(addressesOf(ours));
		const created = await runTrib({command: 'create', options: {nodes, yes: true}});
		t.is(expected.exitCode, 0, expected.stdout);
		t.is(
			sortNodes(normalize(created.stdout, addressesOf(ours))),
			sortNodes(normalize(expected.stdout, addressesOf(theirs))),
		);
		t.true(expected.stdout.includes('[OK] All 16384 slots covered.'));
		t.is(created.exitCode, 0);
	},
);

withTools('redis-cli --cluster check and info read our cluster as our manager does', async (t) => {
	await runRedisCli(['call', cluster.address, 'FLUSHALL']);
	await run('redis-cli', ['-c', '-p', firstPort()], 'set a 1\nset b 2\nset c 3\n');
	const node = endpoints([cluster.address])[0]!;
	for (const command of ['check', 'info'] as const) {
		const expected = await runRedisCli([command, cluster.address]);
		const made = await runTrib({command, options: {node}});
		t.is(made.stdout, expected.stdout);
		t.is(made.exitCode, expected.exitCode);
		t.is(expected.exitCode, 0);
		t.true(expected.stdout.includes('[OK] 3 keys in 3 masters.\n'));
	}
});

withTools('redis-benchmark --cluster finds all primaries and loses nothing', async (t) => {
	const words = [
		'--cluster',
		'-p',
		firstPort(),
		'-t',
		'set,get',
		'-n',
		'3000',
		'-c',
		'20',
		'-P',
		'4',
		'--csv',
	];
	const {exitCode, stdout, stderr} = await run('redis-benchmark', words);
	t.is(exitCode, 0, stderr);
	t.false(/error|warning/i.test(stdout + stderr), stdout + stderr);
	t.true(stdout.includes('Cluster has 3 master nodes'));
	for (const {address, id} of cluster.nodes) t.true(stdout.includes(`${id} ${address}`));
	t.regex(stdout, /^"SET","\d/m);
	t.regex(stdout, /^"GET","\d/m);
});

withTools('a cluster with a password lets in who knows it', async (t) => {
	await using closed = await startCluster({shards: 3, basePort: 0, password: 'secret'});
	const refused = await runRedisCli(['check', closed.address]);
	t.is(refused.exitCode, 1);
	t.regex(refused.stdout, /NOAUTH Authentication required/);
	const allowed = await runRedisCli(['check', closed.address, '-a', 'secret', '--no-auth-warning']);
	t.is(allowed.exitCode, 0);
	const node = endpoints([closed.address])[0]!;
	const ours = await runTrib({command: 'check', options: {node, credentials: {password: 'secret'}}});
	t.is(ours.stdout, allowed.stdout);
});
