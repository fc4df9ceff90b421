/** Real nodes die and come back, by way of the public API. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {LaunchError, startCluster, type ClusterEvent, type ClusterOptions} from '../../src/index.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {scratchDirectory} from './helpers/scratch.ts';

/** A cluster that is stopped when the test is over, and what it told. */
async function started(t: ExecutionContext, options: ClusterOptions) {
	const events: ClusterEvent[] = [];
	const listeners = new Set<() => void>();
	const cluster = await startCluster({
		basePort: 0,
		shards: 3,
		...options,
		onEvent(event) {
			events.push(event);
			for (const listener of listeners) listener();
		},
	});
	t.teardown(() => cluster.stop());
	/** Resolves when an event that fits has been told since the call. */
	const next = (fits: (event: ClusterEvent) => boolean): Promise<void> => {
		const seen = events.length;
		return new Promise((resolve) => {
			const look = (): void => {
				if (!events.slice(seen).some(fits)) return;
				listeners.delete(look);
				resolve();
			};
			listeners.add(look);
		});
	};
	return {cluster, events, next};
}

async function ask(port: number, ...words: string[]): Promise<string> {
	using client = await RespClient.connect(port);
	return String(await client.ask(...words));
}

const isOkAt =
	(port: number) =>
	(event: ClusterEvent): boolean =>
		event.event === 'cluster-state' && event.port === port && event.ok;

test('a killed node cuts its clients off, and started again it is the same member of the cluster', async (t) => {
	const {cluster, next} = await started(t, {});
	const node = cluster.nodes[1]!;
	using client = await RespClient.connect(node.port);
	t.is(await client.ask('CLUSTER', 'MYID'), node.id);
	await cluster.kill(node);
	await client.closed;
	t.is(cluster.nodes[1]!.phase, 'killed');
	t.is(await ask(cluster.nodes[0]!.port, 'PING'), 'PONG');

	const isOk = next(isOkAt(node.port));
	await cluster.start(node);
	t.like(cluster.nodes[1], {port: node.port, id: node.id, phase: 'running'});
	t.is(await ask(node.port, 'CLUSTER', 'MYID'), node.id);
	await isOk;
	t.is(await ask(node.port, 'CLUSTER', 'COUNTKEYSINSLOT', '6000'), '0');
	const lines = (await ask(cluster.nodes[0]!.port, 'CLUSTER', 'NODES')).trim().split('\n');
	t.is(lines.length, 3);
	t.true(lines.some((line) => line.startsWith(`${node.id} 127.0.0.1:${node.port}@`)));
});

test('all nodes at once, killed or shut down, come back as one cluster', async (t) => {
	const {cluster, next} = await started(t, {nodeTimeoutMs: 2000});
	const ids = cluster.nodes.map(({id}) => id);
	for (const graceful of [false, true]) {
		const areOk = cluster.nodes.map(({port}) => next(isOkAt(port)));
		await cluster.kill('all', {graceful});
		t.true(cluster.nodes.every(({phase}) => phase === (graceful ? 'stopped' : 'killed')));
		await cluster.start('all');
		await Promise.all(areOk);
		t.deepEqual(
			cluster.nodes.map(({id}) => id),
			ids,
		);
	}
	await cluster.restart('random', {afterMs: 10});
	t.true(cluster.nodes.every(({phase}) => phase === 'running'));
});

test('a node that was added is met by the others, and is back after the next start', async (t) => {
	const dataDir = join(scratchDirectory(t), 'data');
	const {cluster, next} = await started(t, {dataDir});
	const added = await cluster.addNode();
	t.is(added.phase, 'running');
	t.is(await ask(added.port, 'CLUSTER', 'MYID'), added.id);
	const isOk = next(isOkAt(added.port));
	t.is(await ask(cluster.nodes[0]!.port, 'CLUSTER', 'MEET', '127.0.0.1', String(added.port)), 'OK');
	await isOk;
	const ids = cluster.nodes.map(({id}) => id);
	await cluster.stopNode(added);
	t.is(cluster.nodes[3]!.phase, 'stopped');
	await cluster.stop();
	const again = await started(t, {dataDir});
	t.deepEqual(
		again.cluster.nodes.map(({id}) => id),
		ids,
	);
	t.is(await ask(again.cluster.nodes[3]!.port, 'CLUSTER', 'COUNTKEYSINSLOT', '0'), '0');
});

test('a node with a corrupt nodes.conf changes nothing and tells file and line; the others serve', async (t) => {
	const dataDir = join(scratchDirectory(t), 'data');
	const first = await started(t, {dataDir});
	const node = first.cluster.nodes[1]!;
	await first.cluster.stop();
	const file = join(dataDir, String(node.port), 'nodes.conf');
	const whole = readFileSync(file, 'utf8');
	writeFileSync(file, 'garbage\n');
	const {cluster, events} = await started(t, {dataDir});
	t.deepEqual(
		cluster.nodes.map(({phase}) => phase),
		['running', 'failed', 'running'],
	);
	const failure = events.find(({event}) => event === 'node-failed');
	t.like(failure, {index: 1, port: node.port});
	t.true(failure?.event === 'node-failed' && failure.cause.startsWith(`${file}: line 1: `));
	t.is(readFileSync(file, 'utf8'), 'garbage\n');
	await t.throwsAsync(cluster.start(1), {instanceOf: LaunchError, message: /nodes\.conf: line 1: /});
	writeFileSync(file, whole);
	await cluster.start(1);
	t.is(cluster.nodes[1]?.id, node.id);
});

test('in a temporary directory no snapshots are made, unless they were asked for', async (t) => {
	const without = await started(t, {shards: 1});
	t.is(await ask(without.cluster.nodes[0]!.port, 'CONFIG', 'GET', 'save'), 'save,');
	const asked = await started(t, {shards: 1, config: {save: '900 1'}});
	t.is(await ask(asked.cluster.nodes[0]!.port, 'CONFIG', 'GET', 'save'), 'save,900 1');
});
