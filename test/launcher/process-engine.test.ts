/** Nodes that are processes of the installed redis-server: started, found out about, ended and started again. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmodSync, mkdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {createServer, type Server} from 'node:net';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {setImmediate} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {carryOut, type NodeAct} from '../../src/launcher/acts.ts';
import {LaunchError} from '../../src/launcher/errors.ts';
import type {Launcher, LaunchOptions} from '../../src/launcher/launcher.ts';
import {findServerBinary} from '../../src/launcher/server-binary.ts';
import type {ClusterWishes} from '../../src/launcher/settings.ts';
import {threadFilesBeside} from '../../src/launcher/thread-files.ts';
import {NodeConnection} from '../../src/trib/client.ts';
import {freePort} from '../helpers/redis-server.ts';
import {eventually, launchScripted, scratchDirectory} from './helpers/scratch.ts';

const threads = threadFilesBeside(new URL('../../src/cli.js', import.meta.url).href);

const launchServers = (
	t: ExecutionContext,
	wishes: ClusterWishes,
	options: Partial<LaunchOptions> = {},
): ReturnType<typeof launchScripted> =>
	launchScripted(t, {engine: 'redis-server', nodeTimeoutMs: 2000, ...wishes}, {threads, ...options});

const act = (launcher: Launcher, what: NodeAct) => carryOut(launcher, what, 'a test');

async function ask(launcher: Launcher, index: number, ...words: string[]): Promise<unknown> {
	const {host, port} = launcher.nodes[index]!.start;
	const {password} = launcher.settings;
	const connection = await NodeConnection.open(
		{host, port},
		{credentials: password === '' ? undefined : {password}},
	);
	const reply = await connection.call(...words);
	connection.close();
	return reply;
}

async function pidOf(launcher: Launcher, index: number): Promise<number> {
	const info = String(await ask(launcher, index, 'INFO', 'server'));
	return Number(/^process_id:(\d+)/m.exec(info)?.[1]);
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

/** Resolves when it is so: looks after each event. */
function becomes(launcher: Launcher, isSo: () => boolean): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => {
			if (!isSo()) return;
			end();
			resolve();
		};
		const end = launcher.subscribe(look);
		look();
	});
}

function occupy(t: ExecutionContext, port: number): Promise<Server> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		t.teardown(() => server.close());
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => resolve(server));
	});
}

test.serial(
	'processes become a cluster with replicas, die, come back, end cleanly, and are there again',
	async (t) => {
		const dataDir = join(scratchDirectory(t), 'data');
		const wishes = {
			replicas: 1,
			dataDir,
			password: 'pass "word"',
			config: {maxmemory: '100mb', appendonly: 'yes'},
		};
		const {launcher, events} = await launchServers(t, wishes);
		t.regex(launcher.status().engine, /^redis-server \d+\.\d+/);
		t.true(launcher.status().ok);
		t.deepEqual(
			launcher.status().nodes.map(({role, linkUp}) => [role, linkUp]),
			Array.from({length: 6}, (_, index) => (index < 3 ? ['primary', undefined] : ['replica', true])),
		);
		t.like(await eventually(launcher, events, 'ready'), {nodeCount: 6, slotCount: 16_384});
		t.deepEqual(await ask(launcher, 0, 'CONFIG', 'GET', 'maxmemory'), ['maxmemory', '104857600']);
		const {directory} = launcher.nodes[0]!.start;
		t.is(statSync(join(directory, 'redis.conf')).mode & 0o777, 0o600);
		t.is(statSync(join(directory, 'redis-server.log')).mode & 0o777, 0o600);
		t.true(readFileSync(join(directory, 'redis-server.log'), 'utf8').includes('Ready to accept connections'));

		// `foo` is in slot 12182, of the third primary.
		t.is(await ask(launcher, 2, 'SET', 'foo', 'bar'), 'OK');
		const former = launcher.nodes[2]!;
		const pid = await pidOf(launcher, 2);
		t.like(await act(launcher, {action: 'kill', targets: ['owner-of:foo']}), {ok: true});
		t.false(isAlive(pid));
		t.like(launcher.nodes[2]!.status(), {phase: 'killed', cause: 'a test', nodeId: former.nodeId});
		t.false(launcher.status().ok);
		// The others find it out by its silence, and elect its replica.
		const findElected = () =>
			launcher.nodes.find(({start, role}) => start.index > 2 && role?.role === 'primary');
		await becomes(launcher, () => findElected()?.seesClusterOk === true);
		const elected = findElected()!;
		t.like(await act(launcher, {action: 'start', targets: ['2']}), {ok: true});
		await becomes(launcher, () => launcher.nodes[2]!.role?.linkUp === true);
		t.is(launcher.nodes[2]!.nodeId, former.nodeId);
		t.is(await ask(launcher, elected.start.index, 'GET', 'foo'), 'bar');

		t.like(await act(launcher, {action: 'restart', targets: ['0'], graceful: true}), {ok: true});
		t.is(launcher.nodes[0]!.phase, 'running');
		const added = (await act(launcher, {action: 'add'})).nodes[0]!;
		t.like(added, {index: 6, phase: 'running', alone: true});
		t.like(await act(launcher, {action: 'stop', targets: ['6']}), {ok: true});
		t.like(launcher.nodes[6]!.status(), {phase: 'stopped', cause: 'a test'});

		const pids = await Promise.all([0, 1, 2, 3, 4, 5].map((index) => pidOf(launcher, index)));
		const ids = launcher.nodes.map(({nodeId}) => nodeId);
		await launcher.stop();
		t.deepEqual(pids.filter(isAlive), []);

		const again = await launchServers(t, wishes);
		t.deepEqual(new Set(again.launcher.nodes.map(({nodeId}) => nodeId)), new Set(ids));
		const owner = again.launcher.fleet.ownerOf(12_182)!;
		t.is(again.launcher.nodes[owner]!.nodeId, elected.nodeId);
		t.is(await ask(again.launcher, owner, 'GET', 'foo'), 'bar');
	},
);

test.serial(
	'a process that dies of itself is told with its signal, and started again where that is wanted',
	async (t) => {
		const {launcher, events} = await launchServers(t, {shards: 1, restart: 'on-failure'});
		const {nodeId} = launcher.nodes[0]!;
		process.kill(await pidOf(launcher, 0), 'SIGKILL');
		const crash = await eventually(launcher, events, 'node-crashed');
		t.regex(crash.cause, /^the process was ended by SIGKILL/);
		t.like(await eventually(launcher, events, 'node-restarting'), {index: 0, crashes: 1});
		t.like(await eventually(launcher, events, 'node-started'), {index: 0, nodeId, isNew: false});
	},
);

test.serial('SHUTDOWN by a client is no crash', async (t) => {
	const {launcher, events} = await launchServers(t, {shards: 1, restart: 'on-failure'});
	await t.throwsAsync(ask(launcher, 0, 'SHUTDOWN', 'NOSAVE'));
	t.like(await eventually(launcher, events, 'node-stopped'), {
		index: 0,
		reason: 'SHUTDOWN by a client, or a signal from outside',
	});
	await launcher.ended;
});

test.serial('what a node logs is told as events', async (t) => {
	const {launcher, events} = await launchServers(t, {shards: 1});
	const {text} = await eventually(launcher, events, 'log', ({text}) =>
		text.startsWith('Cluster state changed'),
	);
	t.is(text, 'Cluster state changed: ok');
});

test.serial('what CONFIG REWRITE keeps is there after a restart, and the settings win over it', async (t) => {
	const {launcher} = await launchServers(t, {shards: 1, config: {hz: '20'}});
	for (const [name, value] of [
		['timeout', '77'],
		['hz', '30'],
	] as const)
		t.is(await ask(launcher, 0, 'CONFIG', 'SET', name, value), 'OK');
	t.is(await ask(launcher, 0, 'CONFIG', 'REWRITE'), 'OK');
	t.true((await act(launcher, {action: 'restart', targets: ['0'], graceful: true})).ok);
	t.deepEqual(await ask(launcher, 0, 'CONFIG', 'GET', 'timeout'), ['timeout', '77']);
	t.deepEqual(await ask(launcher, 0, 'CONFIG', 'GET', 'hz'), ['hz', '20']);
});

test.serial('a server that runs alone has no cluster to make', async (t) => {
	const {launcher} = await launchServers(t, {shards: 1, config: {'cluster-enabled': 'no'}});
	t.is(launcher.nodes[0]!.phase, 'running');
	t.is(await ask(launcher, 0, 'SELECT', '15'), 'OK');
});

test.serial('a port that is taken is named, also that of the bus', async (t) => {
	const port = await freePort(true);
	const busServer = await occupy(t, port + 10_000);
	await t.throwsAsync(launchServers(t, {shards: 1, basePort: port}), {
		instanceOf: LaunchError,
		message: `port ${port + 10_000} (the cluster bus of node ${port}) is in use on 127.0.0.1; stop what listens there, or choose other ports with --base-port`,
	});
	busServer.close();
	await occupy(t, port);
	await t.throwsAsync(launchServers(t, {shards: 1, basePort: port}), {
		instanceOf: LaunchError,
		message: `port ${port} is in use on 127.0.0.1; stop what listens there, or choose other ports with --base-port`,
	});
});

test.serial(
	'a directive that the server does not know is told in its own words, and nothing is left',
	async (t) => {
		await t.throwsAsync(launchServers(t, {shards: 1, config: {maxmemry: '1mb'}}), {
			instanceOf: LaunchError,
			message: /cannot start: the process ended with exit code 1\n[\s\S]*maxmemry 1mb[\s\S]*Bad directive/,
		});
	},
);

test.serial('a process that an earlier launcher left behind is not started twice', async (t) => {
	const dataDir = join(scratchDirectory(t), 'data');
	const {launcher} = await launchServers(t, {shards: 1, dataDir});
	const {directory, port} = launcher.nodes[0]!.start;
	const pid = await pidOf(launcher, 0);
	t.is(readFileSync(join(directory, 'redis-server.pid'), 'utf8').trim(), String(pid));
	const twin = join(scratchDirectory(t), 'twin');
	mkdirSync(join(twin, String(port)), {recursive: true});
	writeFileSync(join(twin, String(port), 'redis-server.pid'), `${pid}\n`);
	await t.throwsAsync(launchServers(t, {shards: 1, dataDir: twin, basePort: port}), {
		instanceOf: LaunchError,
		message: new RegExp(`node ${port} cannot start: it still runs as process ${pid}`),
	});
	t.true(isAlive(pid));
});

function program(t: ExecutionContext, says: string): string {
	const file = join(scratchDirectory(t), 'some-server');
	writeFileSync(file, `#!/bin/sh\necho '${says}'\n`);
	chmodSync(file, 0o755);
	return file;
}

test.serial('a server that is missing, too old, or none is told by name', async (t) => {
	await t.throwsAsync(findServerBinary('valkey-server', '/nowhere:/nowhere/else'), {
		instanceOf: LaunchError,
		message:
			'engine: valkey-server is not on the PATH (/nowhere:/nowhere/else); install it (Debian: apt-get install valkey-server), or name its path: engine: /opt/bin/valkey-server',
	});
	await t.throwsAsync(findServerBinary('/nowhere/redis-server'), {
		message: 'engine: /nowhere/redis-server: there is no such program, or it may not be executed',
	});
	const old = program(t, 'Redis server v=4.0.14 sha=00000000:0');
	await t.throwsAsync(findServerBinary(old), {
		message: `engine: ${old} is of version 4.0.14; 5.0 or newer is needed`,
	});
	const other = program(t, 'hello');
	await t.throwsAsync(findServerBinary(other), {
		message: `engine: ${other} is no Redis or Valkey server: asked for its version, it says "hello"`,
	});
	const valkey = program(t, 'Valkey server v=8.1.0 sha=00000000:0 malloc=libc bits=64');
	t.deepEqual(await findServerBinary(valkey), {path: valkey, name: 'some-server', version: '8.1.0'});
});

test.serial('a launch with a missing server leaves nothing behind', async (t) => {
	const dataDir = join(scratchDirectory(t), 'data');
	await t.throwsAsync(launchServers(t, {engine: '/nowhere/redis-server', dataDir}), {
		instanceOf: LaunchError,
	});
	t.throws(() => statSync(dataDir));
});

test.serial('processes end when the program that started them exits without a stop', async (t) => {
	const index = new URL('../../src/index.js', import.meta.url).href;
	const code = `
		import {startCluster} from ${JSON.stringify(index)};
		const cluster = await startCluster({engine: 'redis-server', shards: 1, basePort: 0});
		process.stdout.write(cluster.address + '\\n', () => process.exit(0));
	`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const [line] = (await once(createInterface({input: child.stdout}), 'line')) as [string];
	const [host = '', port = ''] = line.split(':');
	const connection = await NodeConnection.open({host, port: Number(port)}).catch(() => null);
	// Either it is gone by now, or it goes.
	if (connection !== null) {
		while ((await connection.call('PING').catch(() => null)) !== null) await setImmediate();
	}
	await t.throwsAsync(NodeConnection.open({host, port: Number(port)}), {message: 'Connection refused'});
});
