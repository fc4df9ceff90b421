import {existsSync, readdirSync} from 'node:fs';
import {createServer, type AddressInfo} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {LaunchError} from '../../src/launcher/errors.ts';
import {launch, type Launcher} from '../../src/launcher/launcher.ts';
import {settle} from '../../src/launcher/settings.ts';
import {eventually, launchScripted, scratchDirectory, scriptedThreads} from './helpers/scratch.ts';
import {tellNode} from './helpers/tell-node.ts';

const tell = (launcher: Launcher, index: number, line: string): Promise<string> => {
	const {host, port} = nodeAt(launcher, index).start;
	return tellNode(host, port, line);
};

function nodeAt(launcher: Launcher, index: number) {
	const node = launcher.nodes[index];
	if (node === undefined) throw new Error(`no node ${index}`);
	return node;
}

/** A port that somebody listens on until the test is over. */
async function takenPort(t: ExecutionContext): Promise<number> {
	for (;;) {
		const server = createServer();
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		t.teardown(() => server.close());
		const {port} = server.address() as AddressInfo;
		if (port > 2 && port <= 55_000) return port;
	}
}

test('boots nodes, has the manager create the cluster, and is ready when all see it ok', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	t.like(launcher.status(), {name: 'shoal', pid: process.pid, ok: true, assignedCount: 16_384});
	t.deepEqual(
		launcher.nodes.map((node) => node.phase),
		['running', 'running', 'running'],
	);
	const ready = await eventually(launcher, events, 'ready');
	t.like(ready, {nodeCount: 3, slotCount: 16_384});
	t.is(new Set(ready.addresses).size, 3);
});

test('with create false, nodes are left alone', async (t) => {
	const {launcher} = await launchScripted(t, {shards: 2}, {create: false});
	t.false(launcher.status().ok);
	t.deepEqual(
		launcher.nodes.map((node) => node.phase),
		['running', 'running'],
	);
});

test('a node gets its directives', async (t) => {
	const {launcher} = await launchScripted(t, {config: {hz: '20'}, nodes: new Map([[1, {hz: '30'}]])});
	t.like(JSON.parse(await tell(launcher, 0, 'config')), {hz: '20', 'cluster-enabled': 'yes'});
	t.like(JSON.parse(await tell(launcher, 1, 'config')), {hz: '30'});
});

test('an uncaught exception takes one node down with its stack, and the others live on', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	await tell(launcher, 1, 'crash');
	const crash = await eventually(launcher, events, 'node-crashed');
	t.is(crash.index, 1);
	t.regex(crash.cause, /^Error: scripted crash\n\s+at .*scripted-node/);
	t.is(nodeAt(launcher, 1).phase, 'crashed');
	t.is(await tell(launcher, 0, 'ok'), 'done');
	t.false(launcher.status().ok);
});

test('an exit code is a cause', async (t) => {
	const {launcher, events} = await launchScripted(t, {shards: 1});
	await t.throwsAsync(tell(launcher, 0, 'exit'));
	const crash = await eventually(launcher, events, 'node-crashed');
	t.is(crash.cause, 'the thread ended with exit code 7');
	await launcher.ended;
});

test('SHUTDOWN by a client is no crash', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	await tell(launcher, 2, 'shutdown').catch(() => {});
	const stop = await eventually(launcher, events, 'node-stopped');
	t.like(stop, {index: 2, reason: 'SHUTDOWN by a client'});
	t.is(nodeAt(launcher, 2).phase, 'stopped');
});

test('the broker gives two nodes a channel, both of which hear each other', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	const [first, second] = [nodeAt(launcher, 0).start, nodeAt(launcher, 1).start];
	await tell(launcher, 0, `dial 127.0.0.1 ${second.busPort}`);
	const heard = (index: number) =>
		eventually(launcher, events, 'log', (event) => event.index === index && event.text.startsWith('heard'));
	t.is((await heard(0)).text, `heard hello from ${second.port}`);
	t.is((await heard(1)).text, `heard hello from ${first.port}`);
});

test('nobody at the address, or one that has crashed: refused', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	const dead = nodeAt(launcher, 1).start;
	await tell(launcher, 1, 'crash');
	await eventually(launcher, events, 'node-crashed');
	await tell(launcher, 0, `dial 127.0.0.1 ${dead.busPort}`);
	await eventually(launcher, events, 'log', (event) => event.text === 'refused 1');
	await tell(launcher, 0, 'dial 127.0.0.1 1');
	await eventually(launcher, events, 'log', (event) => event.text === 'refused 2');
	await tell(launcher, 0, `dial 192.0.2.1 ${nodeAt(launcher, 2).start.busPort}`);
	await eventually(launcher, events, 'log', (event) => event.text === 'refused 3');
	t.pass();
});

test('a port in use: one line that names it, and nothing left behind', async (t) => {
	const directory = join(scratchDirectory(t), 'made', 'for', 'this');
	const taken = await takenPort(t);
	const settings = settle([{shards: 1, basePort: taken, dataDir: directory}], (field) => field);
	const error = await t.throwsAsync(launch({settings, threads: scriptedThreads}), {instanceOf: LaunchError});
	t.regex(error?.message ?? '', new RegExp(`^port ${taken} is in use on 127\\.0\\.0\\.1; .*--base-port$`));
	t.false(existsSync(join(directory, '..', '..')));
});

test('a node that crashes during the start fails it with its cause, and nothing is left', async (t) => {
	const directory = join(scratchDirectory(t), 'data');
	const settings = settle(
		[{basePort: 0, dataDir: directory, nodes: new Map([[2, {'test-start': 'crash'}]])}],
		(field) => field,
	);
	await t.throwsAsync(launch({settings, threads: scriptedThreads}), {
		instanceOf: LaunchError,
		message: /scripted crash at the start/,
	});
	t.false(existsSync(directory));
});

test('an interrupted start leaves nothing', async (t) => {
	const directory = join(scratchDirectory(t), 'data');
	const settings = settle([{basePort: 0, dataDir: directory}], (field) => field);
	const controller = new AbortController();
	const launching = launch({
		settings,
		threads: scriptedThreads,
		signal: controller.signal,
		onEvent: () => controller.abort(),
	});
	await t.throwsAsync(launching, {instanceOf: LaunchError, message: 'the start was interrupted'});
	t.false(existsSync(directory));
});

test('a data directory in use is refused, and is free again after the stop', async (t) => {
	const {launcher} = await launchScripted(t, {shards: 1});
	const settings = {...launcher.settings};
	await t.throwsAsync(launch({settings, threads: scriptedThreads}), {
		instanceOf: LaunchError,
		message: new RegExp(
			`is in use by process ${process.pid}; stop it \\(shoal down\\), or name another with --data-dir$`,
		),
	});
	await launcher.stop();
	const again = await launch({settings, threads: scriptedThreads});
	await again.stop();
	t.pass();
});

test('a clean stop keeps what the nodes wrote and nothing else', async (t) => {
	const {launcher} = await launchScripted(t, {});
	const ports = launcher.nodes.map(({start}) => String(start.port));
	await launcher.stop();
	t.deepEqual(readdirSync(launcher.dataDir.path).toSorted(), ports.toSorted());
	t.true(launcher.nodes.every((node) => node.phase === 'stopped'));
});

test('a temporary data directory goes with the cluster', async (t) => {
	const {launcher} = await launchScripted(t, {}, {temporary: true});
	await launcher.stop();
	t.false(existsSync(launcher.dataDir.path));
});

test('kill ends nodes that do not stop', async (t) => {
	const {launcher} = await launchScripted(t, {config: {'test-stop': 'never'}});
	const stopping = launcher.stop();
	await launcher.kill();
	await stopping;
	t.true(launcher.nodes.every((node) => node.phase === 'killed'));
});

test('nodes that know each other already are not created again, and keep their ports', async (t) => {
	const directory = join(scratchDirectory(t), 'data');
	const earlier = await launchScripted(t, {dataDir: directory});
	const ports = earlier.launcher.nodes.map(({start}) => start.port);
	await earlier.launcher.stop();
	const {launcher} = await launchScripted(t, {dataDir: directory, config: {'test-known': '3'}});
	t.deepEqual(
		launcher.nodes.map(({start}) => start.port),
		ports,
	);
	t.true(launcher.status().ok);
});

test('a data directory with another number of nodes is refused at once', async (t) => {
	const directory = join(scratchDirectory(t), 'data');
	const earlier = await launchScripted(t, {dataDir: directory});
	await earlier.launcher.stop();
	await t.throwsAsync(launchScripted(t, {dataDir: directory, config: {'test-known': '4'}}), {
		instanceOf: LaunchError,
		message: /holds a cluster of 4 nodes, and 3 nodes were asked for/,
	});
	t.is(readdirSync(directory).length, 3);
});
