/** Texts and data as redis-server 7.0.15 gave them for the same nodes.conf. */

import test from 'ava';
import type {EndpointType} from '../../src/cluster/config.ts';
import {
	describeFailureReports,
	describeInfo,
	describeLinks,
	describeMyId,
	describeMyShardId,
	describeNodes,
	describeReplicas,
	describeShards,
	describeSlots,
} from '../../src/cluster/describe.ts';
import {A, B, C, NOW, REPLICA_OF_B, restoredCore} from '../helpers/restored-core.ts';

test('CLUSTER NODES', (t) => {
	t.is(
		describeNodes(restoredCore().view),
		`${A} 127.0.0.1:21721@31721,h21721.example myself,master - 0 ${NOW} 1 connected 0-5460 [5->-${B}]\n` +
			`${C} 127.0.0.1:21723@31723,h21723.example master - 0 ${NOW} 3 disconnected 10923-16383\n` +
			`${REPLICA_OF_B} 127.0.0.1:21724@31724,h21724.example slave ${B} 0 ${NOW} 2 disconnected\n` +
			`${B} 127.0.0.1:21722@31722,h21722.example master - 0 ${NOW} 2 disconnected 5461-10922\n`,
	);
});

test('CLUSTER INFO', (t) => {
	t.deepEqual(describeInfo(restoredCore().view, 3).split('\r\n'), [
		'cluster_state:fail',
		'cluster_slots_assigned:16384',
		'cluster_slots_ok:16384',
		'cluster_slots_pfail:0',
		'cluster_slots_fail:0',
		'cluster_known_nodes:4',
		'cluster_size:0',
		'cluster_current_epoch:3',
		'cluster_my_epoch:1',
		'cluster_stats_messages_sent:0',
		'cluster_stats_messages_received:0',
		'total_cluster_links_buffer_limit_exceeded:3',
		'',
	]);
});

test('CLUSTER SLOTS leaves out a replica that has no data yet', (t) => {
	const core = restoredCore();
	t.deepEqual(
		describeSlots(core.view, core.config).map(({first, last, servers}) => [
			first,
			last,
			servers.map(({id}) => id),
		]),
		[
			[0, 5460, [A]],
			[5461, 10_922, [B]],
			[10_923, 16_383, [C]],
		] as never,
	);
});

const endpoint = test.macro({
	exec(t, preferredEndpointType: EndpointType, name: string | null, metadata: unknown, moved: string) {
		const core = restoredCore(undefined, {preferredEndpointType, allowReadsWhenDown: true});
		const [first] = describeSlots(core.view, core.config);
		t.is(first?.servers[0]?.endpoint, name);
		t.deepEqual(first?.servers[0]?.metadata, metadata as never);
		t.is(core.redirection(core.route(16_287, 0), 16_287), `MOVED 16287 ${moved}:21723`);
	},
	title: (_, type) => `preferred endpoint type ${type}`,
});

test(endpoint, 'ip', '127.0.0.1', [['hostname', 'h21721.example']], '127.0.0.1');
test(endpoint, 'hostname', 'h21721.example', [['ip', '127.0.0.1']], 'h21723.example');
test(
	endpoint,
	'unknown-endpoint',
	null,
	[
		['ip', '127.0.0.1'],
		['hostname', 'h21721.example'],
	],
	'',
);

test('a hostname that was not set is shown as ?', (t) => {
	const core = restoredCore(undefined, {preferredEndpointType: 'hostname', announceHostname: ''});
	t.is(describeSlots(core.view, core.config)[0]?.servers[0]?.endpoint, '?');
});

test('CLUSTER SHARDS', (t) => {
	const core = restoredCore();
	const node = (id: string, port: number, role: string, health: string): unknown => ({
		id,
		port,
		ip: '127.0.0.1',
		endpoint: '127.0.0.1',
		hostname: `h${port}.example`,
		role,
		replicationOffset: 0,
		health,
	});
	t.deepEqual(describeShards(core.view, core.config) as unknown, [
		{slots: [[0, 5460]], nodes: [node(A, 21_721, 'master', 'online')]},
		{slots: [[10_923, 16_383]], nodes: [node(C, 21_723, 'master', 'online')]},
		{
			slots: [[5461, 10_922]],
			nodes: [node(B, 21_722, 'master', 'online'), node(REPLICA_OF_B, 21_724, 'replica', 'loading')],
		},
	]);
});

test('CLUSTER REPLICAS', (t) => {
	const {view} = restoredCore();
	t.deepEqual(describeReplicas(view, B), [
		`${REPLICA_OF_B} 127.0.0.1:21724@31724,h21724.example slave ${B} 0 ${NOW} 2 disconnected`,
	]);
	t.deepEqual(describeReplicas(view, A), []);
	t.deepEqual(describeReplicas(view, REPLICA_OF_B), {error: 'ERR The specified node is not a master'});
	t.deepEqual(describeReplicas(view, 'abc'), {error: 'ERR Unknown node abc'});
});

test('CLUSTER COUNT-FAILURE-REPORTS', (t) => {
	const {view, config} = restoredCore();
	view.nodes.get(B as never)!.failureReports.set(C as never, NOW);
	t.is(describeFailureReports(view, config, B, NOW), 1);
	t.is(describeFailureReports(view, config, B, NOW + 2 * config.nodeTimeoutMs + 1), 0);
	t.deepEqual(describeFailureReports(view, config, 'abc', NOW), {error: 'ERR Unknown node abc'});
});

test('CLUSTER LINKS shows both directions of each node', (t) => {
	const core = restoredCore();
	core.start(NOW);
	t.deepEqual(
		describeLinks(core.view).map(({direction, node, isOpen}) => [direction, node, isOpen]),
		[
			['to', C, false],
			['to', REPLICA_OF_B, false],
			['to', B, false],
		] as never,
	);
});

test('CLUSTER MYID and MYSHARDID', (t) => {
	t.is(describeMyId(restoredCore().view) as string, A);
	t.is(describeMyShardId(restoredCore().view), A);
});
