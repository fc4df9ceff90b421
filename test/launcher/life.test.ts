/** Nodes die and come back: what the launcher makes of it, with scripted nodes. */
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import {createServer, type Server} from 'node:net';
import {join} from 'node:path';
import test from 'ava';
import {carryOut, type NodeAct} from '../../src/launcher/acts.ts';
import {LaunchError, UsageError} from '../../src/launcher/errors.ts';
import type {Launcher} from '../../src/launcher/launcher.ts';
import {SPARE_REGIONS, ThreadEngine} from '../../src/launcher/thread-engine.ts';
import {SlotTableReader, SlotTableWriter} from '../../src/node/slot-table.ts';
import {eventually, launchScripted, scratchDirectory} from './helpers/scratch.ts';
import {tellNode} from './helpers/tell-node.ts';

const act = (launcher: Launcher, what: NodeAct) => carryOut(launcher, what, 'a test');
const tell = (launcher: Launcher, index: number, line: string): Promise<string> => {
	const {host, port} = launcher.nodes[index]!.start;
	return tellNode(host, port, line);
};
function slotTableOf({engine}: Launcher): SharedArrayBuffer {
	const table = engine instanceof ThreadEngine ? engine.slotTable : undefined;
	if (table === undefined) throw new Error('these nodes share no slot table');
	return table;
}

const phases = (launcher: Launcher): string[] => launcher.nodes.map(({phase}) => phase);

function listenOn(host: string, port: number): Promise<Server> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', reject);
		server.listen(port, host, () => resolve(server));
	});
}

test('boots replicas behind the primaries, and is ready when their links are up', async (t) => {
	const {launcher, events} = await launchScripted(t, {shards: 2, replicas: 2});
	const roles = launcher.status().nodes.map(({role, linkUp, primaryId}) => ({role, linkUp, primaryId}));
	const replicaOf = (index: number) => ({role: 'replica', linkUp: true, primaryId: String(index).repeat(40)});
	const primary = {role: undefined, linkUp: undefined, primaryId: undefined};
	t.deepEqual(roles, [primary, primary, replicaOf(0), replicaOf(1), replicaOf(0), replicaOf(1)]);
	t.like(await eventually(launcher, events, 'ready'), {nodeCount: 6});
	t.is(
		events.findLastIndex(({event}) => event === 'node-role') <
			events.findIndex(({event}) => event === 'ready'),
		true,
	);
	t.true(launcher.status().ok);
});

test('the boot waits for a replica that does not hear its primary', async (t) => {
	const directory = join(scratchDirectory(t), 'data');
	const earlier = await launchScripted(t, {shards: 1, replicas: 1, dataDir: directory});
	await tell(earlier.launcher, 1, `replica ${'0'.repeat(40)} down`);
	const {port, host} = earlier.launcher.nodes[1]!.start;
	await earlier.launcher.stop();
	let isReady = false;
	const answers: Promise<string>[] = [];
	const launching = launchScripted(
		t,
		{shards: 1, replicas: 1, dataDir: directory},
		{
			onEvent(event) {
				isReady ||= event.event === 'ready';
				if (event.event !== 'cluster-state' || event.index !== 1) return;
				t.false(isReady);
				answers.push(tellNode(host, port, `replica ${'0'.repeat(40)} up`));
			},
		},
	);
	const {launcher} = await launching;
	await Promise.all(answers);
	t.true(isReady);
	t.true(launcher.status().ok);
});

test('a replica that loses its primary makes the status a problem', async (t) => {
	const {launcher, events} = await launchScripted(t, {shards: 1, replicas: 1});
	await tell(launcher, 1, `replica ${'0'.repeat(40)} down`);
	await eventually(launcher, events, 'node-role', ({linkUp}) => !linkUp);
	t.false(launcher.status().ok);
});

test('a killed node is gone at once and comes back as the same node in its place', async (t) => {
	const {launcher, events} = await launchScripted(t, {config: {'test-stop': 'never'}});
	const {start, nodeId} = launcher.nodes[1]!;
	const report = await act(launcher, {action: 'kill', targets: ['1']});
	t.like(report, {action: 'kill', ok: true});
	t.like(report.nodes[0], {index: 1, nodeId, phase: 'killed', cause: 'a test'});
	t.like(await eventually(launcher, events, 'node-killed'), {index: 1, reason: 'a test'});
	await t.throwsAsync(tellNode(start.host, start.port, 'ok'));
	t.false(launcher.status().ok);

	t.true((await act(launcher, {action: 'start', targets: [nodeId]})).ok);
	t.like(await eventually(launcher, events, 'node-started'), {
		index: 1,
		port: start.port,
		nodeId,
		isNew: false,
	});
	const revived = launcher.nodes[1]!;
	t.like(revived.start, {port: start.port, directory: start.directory, index: 1});
	t.is(await tell(launcher, 1, 'ok'), 'done');
});

test('gracefully killed means stopped', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	await act(launcher, {action: 'kill', targets: ['2'], graceful: true});
	t.is(launcher.nodes[2]!.phase, 'stopped');
	t.like(await eventually(launcher, events, 'node-stopped'), {index: 2, reason: 'a test'});
});

test('what cannot be done to a node is told of that node, and done to the others', async (t) => {
	const {launcher} = await launchScripted(t, {});
	await act(launcher, {action: 'kill', targets: ['1']});
	const {ports} = {ports: launcher.nodes.map(({start}) => start.port)};
	const kill = await act(launcher, {action: 'kill', targets: ['0', '1']});
	t.false(kill.ok);
	t.deepEqual(
		kill.nodes.map(({error}) => error),
		[undefined, `node ${ports[1]} does not run: it is killed`],
	);
	const start = await act(launcher, {action: 'start', targets: ['0', '2']});
	t.deepEqual(
		start.nodes.map(({error}) => error),
		[undefined, `node ${ports[2]} runs already`],
	);
	await t.throwsAsync(act(launcher, {action: 'start', targets: ['7']}), {instanceOf: UsageError});
});

test('start means the dead, kill the living', async (t) => {
	const {launcher} = await launchScripted(t, {});
	await act(launcher, {action: 'kill', targets: ['random']});
	t.is((await act(launcher, {action: 'kill', targets: ['all']})).nodes.length, 2);
	t.deepEqual(phases(launcher), ['killed', 'killed', 'killed']);
	t.is((await act(launcher, {action: 'start', targets: ['all']})).nodes.length, 3);
	t.deepEqual(phases(launcher), ['running', 'running', 'running']);
});

test('the launcher outlives nodes that were ended on purpose, and not those that ended by themselves', async (t) => {
	const {launcher, events} = await launchScripted(t, {shards: 1});
	let hasEnded = false;
	void launcher.ended.then(() => (hasEnded = true));
	await act(launcher, {action: 'kill', targets: ['all']});
	await act(launcher, {action: 'start', targets: ['all']});
	t.false(hasEnded);
	await tell(launcher, 0, 'crash');
	await eventually(launcher, events, 'node-crashed');
	await launcher.ended;
	t.pass();
});

test('a restart pauses in between; who starts the node meanwhile is not disturbed', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	t.true((await act(launcher, {action: 'restart', targets: ['0'], afterMs: 1})).ok);
	t.is(launcher.nodes[0]!.phase, 'running');
	const long = act(launcher, {action: 'restart', targets: ['1'], afterMs: 3_600_000});
	await eventually(launcher, events, 'node-killed', ({index}) => index === 1);
	await act(launcher, {action: 'start', targets: ['1']});
	t.is(launcher.nodes[1]!.phase, 'running');
	await launcher.stop();
	// It runs already, or the launcher stops: either way the pause is over.
	await long;
	t.pass();
});

test('two who start the same node at once both have it started', async (t) => {
	const {launcher} = await launchScripted(t, {});
	await act(launcher, {action: 'kill', targets: ['0']});
	const dead = launcher.nodes[0]!;
	const [one, two] = await Promise.all([launcher.fleet.start(dead), launcher.fleet.start(dead)]);
	t.is(one, two);
	t.is(one.phase, 'running');
});

test('a node that is being stopped is started when it has ended', async (t) => {
	const {launcher} = await launchScripted(t, {});
	const stopping = act(launcher, {action: 'stop', targets: ['0']});
	t.is(launcher.nodes[0]!.phase, 'stopping');
	t.true((await act(launcher, {action: 'start', targets: ['0']})).ok);
	await stopping;
	t.is(launcher.nodes[0]!.phase, 'running');
});

test('the owner of a slot is whom the slot table says', async (t) => {
	const {launcher} = await launchScripted(t, {});
	const slotTable = slotTableOf(launcher);
	for (const node of launcher.nodes)
		new SlotTableWriter(slotTable, node.start.index).identify(node.nodeId || 'f'.repeat(40));
	const owners = new Uint16Array(16_384).fill(3);
	new SlotTableWriter(slotTable, 0).publish(true, 1, 16_384, owners);
	const report = await act(launcher, {action: 'kill', targets: ['owner-of:foo']});
	t.deepEqual(
		report.nodes.map(({index}) => index),
		[2],
	);
});

test('one more node: the next port, a directory and a region of its own, empty and alone', async (t) => {
	const {launcher, events} = await launchScripted(t, {});
	const ports = launcher.nodes.map(({start}) => start.port);
	const {nodes} = await act(launcher, {action: 'add'});
	const [added] = nodes;
	t.like(added, {index: 3, phase: 'running', alone: true, clusterOk: false});
	t.true(added!.port > Math.max(...ports));
	t.like(await eventually(launcher, events, 'node-started'), {index: 3, isNew: true});
	t.true(existsSync(join(launcher.dataDir.path, String(added!.port), 'nodes.conf')));
	t.true(launcher.status().ok, 'an empty node is no problem of the cluster');
	await act(launcher, {action: 'stop', targets: ['3']});
	t.is(launcher.nodes[3]!.phase, 'stopped');
	t.true(launcher.status().ok);
});

test('a new node whose port is taken is as if it had never been', async (t) => {
	const {launcher} = await launchScripted(t, {});
	const directories = readdirSync(launcher.dataDir.path);
	const server = await listenOn('127.0.0.1', 0);
	t.teardown(() => server.close());
	const {port} = server.address() as {port: number};
	await t.throwsAsync(launcher.fleet.add(port), {
		instanceOf: LaunchError,
		message: `port ${port} is in use on 127.0.0.1; stop what listens there, or choose another with --port`,
	});
	t.is(launcher.nodes.length, 3);
	t.deepEqual(readdirSync(launcher.dataDir.path), directories);
	await t.throwsAsync(launcher.fleet.add(launcher.nodes[0]!.start.port), {
		instanceOf: UsageError,
		message: /is there and running; choose another port$/,
	});
	const [one, two] = await Promise.all([launcher.fleet.add(), launcher.fleet.add()]);
	t.deepEqual([one.start.index, two.start.index], [3, 4]);
});

test('the slot table has regions to spare for nodes that are started later', async (t) => {
	const {launcher} = await launchScripted(t, {shards: 1});
	t.is(new SlotTableReader(slotTableOf(launcher)).nodeCount, 1 + SPARE_REGIONS);
});

test('a port that was taken while the node was down: a clear error, and the cluster lives', async (t) => {
	const {launcher, events} = await launchScripted(t, {restart: 'on-failure'});
	const {host, port} = launcher.nodes[1]!.start;
	await act(launcher, {action: 'kill', targets: ['1']});
	const server = await listenOn(host, port);
	t.teardown(() => server.close());
	const {ok, nodes} = await act(launcher, {action: 'start', targets: ['1']});
	t.false(ok);
	t.is(
		nodes[0]!.error,
		`port ${port} is in use on ${host}; stop what listens there, or start it again when it is free`,
	);
	t.like(await eventually(launcher, events, 'node-failed'), {index: 1, port});
	t.deepEqual(phases(launcher), ['running', 'failed', 'running']);
	t.is(launcher.fleet.restartsInMs(launcher.nodes[1]!), null, 'who asked has been told');
	await new Promise((resolve) => server.close(resolve));
	t.true((await act(launcher, {action: 'start', targets: ['1']})).ok);
});

for (const [text, phase, event] of [
	['corrupt', 'failed', 'node-failed'],
	['crash', 'crashed', 'node-crashed'],
] as const) {
	test(`a node whose files are ${text} stays down, and the others boot`, async (t) => {
		const dataDir = join(scratchDirectory(t), 'data');
		const earlier = await launchScripted(t, {dataDir});
		const file = join(earlier.launcher.nodes[1]!.start.directory, 'nodes.conf');
		await earlier.launcher.stop();
		writeFileSync(file, text);
		const {launcher, events} = await launchScripted(t, {dataDir});
		t.deepEqual(phases(launcher), ['running', phase, 'running']);
		t.regex(
			(await eventually(launcher, events, event)).cause,
			text === 'corrupt' ? /corrupt at offset 0$/ : /of a file/,
		);
		t.like(await eventually(launcher, events, 'ready'), {nodeCount: 2});
		t.false(launcher.status().ok);
		writeFileSync(file, 'member');
		t.true((await act(launcher, {action: 'start', targets: ['1']})).ok);
		t.true(launcher.nodes.every((node) => node.isUp));
	});
}

test('when all nodes refuse their files there is no cluster, and the files stay', async (t) => {
	const dataDir = join(scratchDirectory(t), 'data');
	const earlier = await launchScripted(t, {dataDir});
	const files = earlier.launcher.nodes.map(({start}) => join(start.directory, 'nodes.conf'));
	await earlier.launcher.stop();
	for (const file of files) writeFileSync(file, 'corrupt');
	const error = await t.throwsAsync(launchScripted(t, {dataDir}), {instanceOf: LaunchError});
	t.is(error?.message.split('\n').length, 3);
	t.true(files.every((file) => existsSync(file)));
});

test('nodes that were started in addition come back with the others, and those that are alone are not waited for', async (t) => {
	const dataDir = join(scratchDirectory(t), 'data');
	const earlier = await launchScripted(t, {dataDir});
	await earlier.launcher.fleet.add();
	const member = await earlier.launcher.fleet.add();
	await tell(earlier.launcher, member.start.index, 'ok');
	const ports = earlier.launcher.nodes.map(({start}) => start.port);
	await earlier.launcher.stop();
	const {launcher} = await launchScripted(t, {dataDir});
	t.deepEqual(
		launcher.nodes.map(({start}) => start.port),
		ports,
	);
	t.deepEqual(
		launcher.nodes.map((node) => node.isAlone),
		[false, false, false, true, false],
	);
	t.true(launcher.status().ok);
});

test('restart on-failure: a crashed node runs again, told with its cause and the delay', async (t) => {
	const {launcher, events} = await launchScripted(t, {restart: 'on-failure'});
	await tell(launcher, 1, 'crash');
	const planned = await eventually(launcher, events, 'node-restarting');
	t.like(planned, {index: 1, delayMs: 100, crashes: 1});
	t.regex(planned.cause, /^Error: scripted crash/);
	t.like(await eventually(launcher, events, 'node-started'), {index: 1, isNew: false});
	t.is(launcher.nodes[1]!.phase, 'running');
});

test('restart on-failure: the last node that crashed does not end the launcher', async (t) => {
	const {launcher, events} = await launchScripted(t, {shards: 1, restart: 'on-failure'});
	let hasEnded = false;
	void launcher.ended.then(() => (hasEnded = true));
	await tell(launcher, 0, 'crash');
	await eventually(launcher, events, 'node-started');
	t.false(hasEnded);
});

test('restart on-failure: killed, stopped and shut down nodes stay down', async (t) => {
	const {launcher, events} = await launchScripted(t, {restart: 'on-failure'});
	await act(launcher, {action: 'kill', targets: ['0']});
	await act(launcher, {action: 'stop', targets: ['1']});
	await tell(launcher, 2, 'shutdown').catch(() => {});
	await eventually(launcher, events, 'node-stopped', ({index}) => index === 2);
	t.deepEqual(phases(launcher), ['killed', 'stopped', 'stopped']);
	t.true(launcher.nodes.every((node) => launcher.fleet.restartsInMs(node) === null));
});

test('kill and stop are final for a node that would be started again', async (t) => {
	const {launcher, events} = await launchScripted(t, {restart: 'on-failure'});
	await tell(launcher, 0, 'crash');
	await eventually(launcher, events, 'node-restarting');
	t.true((await act(launcher, {action: 'kill', targets: ['0']})).ok);
	t.is(launcher.fleet.restartsInMs(launcher.nodes[0]!), null);
	t.is(launcher.nodes[0]!.phase, 'crashed');
});

test('a stop ends replicas before primaries', async (t) => {
	const {launcher, events} = await launchScripted(t, {shards: 1, replicas: 2});
	await launcher.stop();
	const order = events.flatMap((event) => (event.event === 'node-stopped' ? event.index : []));
	t.is(order.at(-1), 0);
	t.is(order.length, 3);
	await t.throwsAsync(launcher.fleet.start(launcher.nodes[0]!), {message: 'the cluster is being stopped'});
	await t.throwsAsync(launcher.fleet.add(), {message: 'the cluster is being stopped'});
});
