import * as fs from 'node:fs';
import {performance} from 'node:perf_hooks';
import {MessageChannel} from 'node:worker_threads';
import test from 'ava';
import {describeInfo, describeLinks} from '../../src/cluster/describe.ts';
import type {NodeId} from '../../src/cluster/node-id.ts';
import {type ClusterView, NodeFlags} from '../../src/cluster/state.ts';
import {encodeFrame, joinFrames} from '../../src/node/bus-frames.ts';
import type {KeyPresence} from '../../src/commands/cluster-service.ts';
import {FLAG} from '../../src/commands/command.ts';
import {FileDisk, FileInUseError} from '../../src/node/disk.ts';
import {SlotTableReader} from '../../src/node/slot-table.ts';
import {form, TestCluster, type TestNode, untilFormed} from './cluster-fixture.ts';

const GET = {name: 'get', flagBits: FLAG.readonly};
const SET = {name: 'set', flagBits: FLAG.write};
const RESTORE_ASKING = {name: 'restore-asking', flagBits: FLAG.write | FLAG.asking};
const CLIENT = {readonlyMode: false, asking: false};
const ASKING = {readonlyMode: false, asking: true};
const notCounted = (): KeyPresence => {
	throw new Error('keys are counted only when the slot is open');
};
const keys = (presentCount: number, missingCount: number) => (): KeyPresence => ({
	presentCount,
	missingCount,
	hasSeveralKeys: presentCount + missingCount > 1,
});

test('six nodes in one thread form a cluster', async (t) => {
	const cluster = new TestCluster(t, 6);
	const begun = performance.now();
	const nodes = await Promise.all([0, 1, 2, 3, 4, 5].map((index) => cluster.start(index)));
	const started = performance.now();
	form(nodes);
	await untilFormed(nodes);
	const formed = performance.now();
	t.log(`opened in ${(started - begun).toFixed(1)} ms, formed in ${(formed - started).toFixed(1)} ms`);

	const reader = new SlotTableReader(cluster.slotTable);
	for (const [index, {node}] of nodes.entries()) {
		const view = reader.read(index);
		t.like(view, {state: 'ok', nodeId: node.view.myself.id, assignedCount: 16_384});
		t.deepEqual(
			[0, 2730, 2731, 16_383].map((slot) => view?.owners[slot]),
			[1, 1, 2, 6],
		);
		t.deepEqual(node.linkBuffer(999_999), {pendingBytes: 0, allocatedBytes: 0});
	}
	t.is(new Set(nodes.map(({node}) => ownersOf(node))).size, 1, 'all see the same owners');
	t.deepEqual(nodes[5]?.states.at(-1), {ok: true, assignedCount: 16_384, knownNodeCount: 6, replicaCount: 0});
	t.is(describeLinks(nodes[0]!.node.view).filter(({direction}) => direction === 'to').length, 5);
});

function ownersOf({view}: {readonly view: ClusterView}): string {
	return Array.from(view.owners, (owner) => view.table[owner]?.id ?? '-').join();
}

test('S14 to S17: two nodes answer MOVED, ASK and TRYAGAIN while a slot is open between them', async (t) => {
	const cluster = new TestCluster(t, 2);
	const nodes = [await cluster.start(0), await cluster.start(1)];
	form(nodes);
	await untilFormed(nodes);
	const [one, other] = [nodes[0]!.node, nodes[1]!.node];

	t.true(one.isServedHere(0));
	t.false(one.isServedHere(16_383));
	t.is(one.redirect(16_383, GET, CLIENT, notCounted), 'MOVED 16383 127.0.0.1:7001');
	t.is(other.redirect(0, SET, CLIENT, notCounted), 'MOVED 0 127.0.0.1:7000');

	const [oneId, otherId] = [one.view.myself.id, other.view.myself.id];
	t.like(one.submit({kind: 'set-slot-migrating', slot: 0, to: otherId}), {ok: true});
	t.like(other.submit({kind: 'set-slot-importing', slot: 0, from: oneId}), {ok: true});
	t.false(one.isServedHere(0));
	t.true(one.isServedHere(1));
	t.is(one.redirect(0, GET, CLIENT, keys(1, 0)), null);
	t.is(one.redirect(0, GET, CLIENT, keys(0, 1)), 'ASK 0 127.0.0.1:7001');
	t.is(one.redirect(0, GET, CLIENT, keys(1, 1)), 'TRYAGAIN Multiple keys request during rehashing of slot');
	t.is(one.redirect(0, {name: 'migrate', flagBits: FLAG.write}, CLIENT, notCounted), null);
	t.is(other.redirect(0, GET, CLIENT, notCounted), 'MOVED 0 127.0.0.1:7000');
	t.is(other.redirect(0, GET, ASKING, keys(0, 1)), null);
	t.is(other.redirect(0, GET, ASKING, keys(1, 1)), 'TRYAGAIN Multiple keys request during rehashing of slot');
	t.is(other.redirect(0, RESTORE_ASKING, CLIENT, keys(0, 1)), null);

	one.submit({kind: 'set-slot-stable', slot: 0});
	t.true(one.isServedHere(0));
});

test('S11, S12: a slot that nobody serves is found before keys of several slots', async (t) => {
	const {node} = await new TestCluster(t, 1).start(0);
	t.is(node.redirect(5, GET, CLIENT, notCounted), 'CLUSTERDOWN Hash slot not served');
	t.is(node.crossSlot(5), 'CLUSTERDOWN Hash slot not served');
	node.submit({kind: 'add-slots', ranges: [[5, 5]]});
	t.is(node.crossSlot(5), "CROSSSLOT Keys in request don't hash to the same slot");
	t.false(node.isServedHere(5));
	t.is(node.redirect(5, GET, CLIENT, notCounted), 'CLUSTERDOWN The cluster is down');
});

test('a node that is alone and has all slots becomes ok and serves them all', async (t) => {
	const each = await new TestCluster(t, 1).start(0);
	each.node.submit({kind: 'add-slots', ranges: [[0, 16_383]]});
	await each.until(() => each.node.view.isOk);
	t.true([0, 8191, 16_383].every((slot) => each.node.isServedHere(slot)));
	t.true(each.events.some((event) => event.kind === 'state-changed' && event.ok));
	t.true(each.logs.some((line) => line.includes('Cluster state changed: ok')));
});

test('S74: a restarted node has its id, its slots and its epochs', async (t) => {
	const cluster = new TestCluster(t, 1);
	const before = await cluster.start(0);
	before.node.submit({kind: 'set-config-epoch', epoch: 7});
	before.node.submit({
		kind: 'add-slots',
		ranges: [
			[3, 5],
			[9, 9],
		],
	});
	const id = before.node.view.myself.id;
	await cluster.stop(0);
	const {node} = await cluster.start(0);
	t.is(node.view.myself.id, id);
	t.is(node.view.currentEpoch, 7);
	t.is(node.view.myself.configEpoch, 7);
	t.deepEqual(
		[2, 3, 5, 6, 9].map((slot) => node.view.owners[slot]),
		[0, 1, 1, 0, 1],
	);
});

test('what a client is told is done is in nodes.conf before the replies of its pipeline leave', async (t) => {
	const {node, file} = await new TestCluster(t, 1).start(0);
	node.settle();
	t.regex(fs.readFileSync(file, 'utf8'), new RegExp(`^${node.view.myself.id} .*myself,master`));
	node.submit({kind: 'add-slots', ranges: [[42, 43]]});
	node.submit({kind: 'set-config-epoch', epoch: 3});
	t.notRegex(fs.readFileSync(file, 'utf8'), / 42-43\n/);
	node.settle();
	t.regex(fs.readFileSync(file, 'utf8'), / 42-43\n/);
	t.regex(fs.readFileSync(file, 'utf8'), /^vars currentEpoch 3 lastVoteEpoch 0$/m);
});

test('the first peer that a node gets to know is in nodes.conf before anything else happens', async (t) => {
	const cluster = new TestCluster(t, 3);
	const known: string[] = [];
	const first = await cluster.start(0, {
		onEvent: (event, nodesConf) => {
			if (event.kind === 'node-added' && known.length === 0) known.push(event.node, nodesConf);
		},
	});
	first.node.settle();
	const others = [await cluster.start(1), await cluster.start(2)];
	for (const {port} of others)
		first.node.submit({kind: 'meet', host: '127.0.0.1', port, busPort: port + 10_000});
	await first.until(() => first.events.filter(({kind}) => kind === 'node-added').length === 2);
	t.regex(known[1]!, new RegExp(`^${known[0]!} 127`, 'm'));
});

test('S74: a second node with the same nodes.conf does not start', async (t) => {
	const cluster = new TestCluster(t, 2);
	await cluster.start(0);
	await t.throwsAsync(cluster.start(0), {instanceOf: FileInUseError});
});

test('S74: a corrupt nodes.conf refuses the start and gives the lock back', async (t) => {
	const cluster = new TestCluster(t, 1);
	const {file} = await cluster.start(0);
	await cluster.stop(0);
	const whole = fs.readFileSync(file, 'utf8');
	fs.writeFileSync(file, 'garbage\n');
	await t.throwsAsync(cluster.start(0), {message: /nodes\.conf: line 1: .*; nothing was changed/});
	fs.writeFileSync(file, whole);
	await t.notThrowsAsync(cluster.start(0));
});

test('SAVECONFIG answers with the reason when the file cannot be written', async (t) => {
	class BrokenDisk extends FileDisk {
		broken = false;
		override replaceSync(...[file, bytes, options]: Parameters<FileDisk['replaceSync']>): void {
			if (this.broken) throw new Error('ENOSPC: no space left on device');
			super.replaceSync(file, bytes, options);
		}
	}
	const disk = new BrokenDisk();
	const {node} = await new TestCluster(t, 1).start(0, {disk});
	t.deepEqual(node.submit({kind: 'save-config'}), {ok: true, reply: 'OK'});
	disk.broken = true;
	t.deepEqual(node.submit({kind: 'save-config'}), {
		ok: false,
		error: 'ERR error saving the cluster node config: ENOSPC: no space left on device',
	});
	t.throws(() => node.submit({kind: 'bump-epoch'}), {message: /ENOSPC/}, 'no promise without the disk');
	disk.broken = false;
});

test('a closed link is no failure: the node is known by its silence only', async (t) => {
	const cluster = new TestCluster(t, 2);
	// Long enough for a slow machine to close the links before it.
	const config = {nodeTimeoutMs: 4000};
	const nodes = [await cluster.start(0, {config}), await cluster.start(1, {config})];
	form(nodes);
	await untilFormed(nodes);
	const [one] = nodes;
	await cluster.stop(1);
	await one!.until(() => describeLinks(one!.node.view).every(({isOpen}) => !isOpen));
	t.false(one!.events.some(({kind}) => kind === 'node-failing'));
	await one!.until(() => one!.events.some(({kind}) => kind === 'node-failing'));
	t.pass();
});

test('S45: a link whose other end takes nothing is dropped when its buffer is over the limit', async (t) => {
	const cluster = new TestCluster(t, 1);
	const {node, logs, until} = await cluster.start(0, {sendBufferLimitBytes: 100});
	const {port1, port2} = new MessageChannel();
	t.teardown(() => port2.close());
	const header = {
		sender: 'b'.repeat(40) as NodeId,
		sequence: 0,
		flags: NodeFlags.PRIMARY,
		currentEpoch: 0,
		configEpoch: 0,
		replicationOffset: 0,
		slots: new Uint8Array(2048),
		primary: null,
		host: '127.0.0.1',
		port: 7009,
		busPort: 17_009,
		hostname: '',
		shardId: 'b'.repeat(40),
		ok: false,
		pausedFor: null,
	};
	port2.postMessage(joinFrames([encodeFrame({type: 'meet', header, gossip: []})]));
	cluster.mesh.introduce(17_000, port1);
	await until(() => node.linksOverLimitCount === 1);
	t.false([...node.view.links.values()].some(({direction}) => direction === 'from'));
	t.true(
		logs.some((line) =>
			/^Freeing cluster link\(from node b*, used memory: \d+\) due to exceeding/.test(line),
		),
	);
	t.regex(
		describeInfo(node.view, node.linksOverLimitCount),
		/total_cluster_links_buffer_limit_exceeded:1\r\n/,
	);
});

test('a reset node forgets the others and takes a new id when it is hard', async (t) => {
	const cluster = new TestCluster(t, 2);
	const nodes = [await cluster.start(0), await cluster.start(1)];
	form(nodes);
	await untilFormed(nodes);
	const {node} = nodes[0]!;
	const id = node.view.myself.id;
	t.like(node.submit({kind: 'reset', hard: true}), {ok: true});
	t.not(node.view.myself.id, id);
	t.is(node.view.nodes.size, 1);
	t.false(node.isServedHere(0));
	t.like(new SlotTableReader(cluster.slotTable).read(0), {
		nodeId: node.view.myself.id,
		assignedCount: 0,
		currentEpoch: 0,
	});
});

test('S36, S71: a replica follows its primary, whose writes stop for a manual failover until it follows in turn', async (t) => {
	const cluster = new TestCluster(t, 4);
	const nodes = await Promise.all([0, 1, 2, 3].map((index) => cluster.start(index)));
	const [primary, , , replica] = nodes as [TestNode, TestNode, TestNode, TestNode];
	form(nodes.slice(0, 3));
	primary.node.submit({kind: 'meet', host: '127.0.0.1', port: replica.port, busPort: replica.port + 10_000});
	await untilFormed(nodes);
	const primaryId = primary.node.view.myself.id;
	t.like(replica.node.submit({kind: 'replicate', node: primaryId}), {ok: true});
	t.deepEqual(replica.roles, [{kind: 'follow', host: '127.0.0.1', port: 7000, node: primaryId}]);
	await primary.until(() => primary.node.view.myself.replicas.length === 1);
	t.is(replica.node.redirect(0, GET, CLIENT, notCounted), 'MOVED 0 127.0.0.1:7000');
	t.is(replica.node.redirect(0, GET, {readonlyMode: true, asking: false}, notCounted), null);
	t.is(
		replica.node.redirect(0, SET, {readonlyMode: true, asking: false}, notCounted),
		'MOVED 0 127.0.0.1:7000',
	);

	primary.replication.offset = 500;
	t.like(replica.node.submit({kind: 'failover', mode: 'default'}), {ok: true});
	await replica.until(() => replica.node.awaitsOffset);
	t.is(primary.pauses.length, 1);
	t.like(primary.pauses[0], {kind: 'begin'});
	replica.replication.offset = 500;
	replica.node.dataAdvanced();
	t.false(replica.node.awaitsOffset);
	await primary.until(() => primary.roles.length > 0);
	t.deepEqual(replica.roles.at(-1), {kind: 'lead'});
	t.deepEqual(primary.roles, [
		{kind: 'follow', host: '127.0.0.1', port: 7003, node: replica.node.view.myself.id},
	]);
	t.deepEqual(primary.pauses.at(-1), {kind: 'end'});
	t.is(primary.node.redirect(0, SET, CLIENT, notCounted), 'MOVED 0 127.0.0.1:7003');
	t.true(replica.node.isServedHere(0));
	t.regex(fs.readFileSync(replica.file, 'utf8'), /myself,master - 0 \d+ \d+ connected 0-5460\n/);
});

test('S67: a primary that died is replaced, comes back as a replica, and is told so at its start', async (t) => {
	const cluster = new TestCluster(t, 4);
	const config = {nodeTimeoutMs: 500, replicaValidityFactor: 0};
	const nodes = await Promise.all([0, 1, 2, 3].map((index) => cluster.start(index, {config})));
	const [primary, , , replica] = nodes as [TestNode, TestNode, TestNode, TestNode];
	form(nodes.slice(0, 3));
	primary.node.submit({kind: 'meet', host: '127.0.0.1', port: replica.port, busPort: replica.port + 10_000});
	await untilFormed(nodes);
	replica.node.submit({kind: 'replicate', node: primary.node.view.myself.id});
	await primary.until(() => primary.node.view.myself.replicas.length === 1);
	await cluster.stop(0);
	await replica.until(() => replica.events.some(({kind}) => kind === 'promoted'));
	await replica.until(() => replica.node.view.isOk);
	const back = await cluster.start(0, {config});
	await back.until(() => back.roles.length > 0);
	t.like(back.roles[0], {kind: 'follow', port: 7003});
	await cluster.stop(0);
	const again = await cluster.start(0, {config});
	t.like(again.roles[0], {kind: 'follow', port: 7003}, 'by its nodes.conf, before anybody told it');
});
