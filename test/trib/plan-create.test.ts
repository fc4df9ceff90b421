import test from 'ava';
import {parseNodesText} from '../../src/trib/nodes-text.ts';
import {planCreate} from '../../src/trib/plan-create.ts';
import {formatPlan, olderWordsOf, type Plan} from '../../src/trib/plan.ts';
import {allocate} from '../../src/trib/slot-allocation.ts';
import {nodeView, type NodeView} from '../../src/trib/view.ts';

function freshNodes(count: number, busPortOffset = 10_000): NodeView[] {
	return Array.from({length: count}, (_, i) => {
		const port = 7000 + i;
		const id = i.toString(16).padStart(40, '0');
		const lines = parseNodesText(`${id} :${port}@${port + busPortOffset} myself,master - 0 0 0 connected`);
		return nodeView({host: '127.0.0.1', port}, lines[0]!, lines);
	});
}

function planFor(
	nodes: readonly NodeView[],
	primaryCount: number,
	replicasPerPrimary: number,
	untilAgreed = true,
): Plan {
	const hosts = nodes.map(({endpoint}) => endpoint.host);
	const allocation = allocate({hosts, primaryCount, replicasPerPrimary, below: () => 0});
	return planCreate(nodes, {allocation, ips: hosts, joinTimeoutMs: 1_000, untilAgreed});
}

test('a plan prints as the commands that it will send, in order', (t) => {
	const plan = planFor(freshNodes(3), 2, 0);
	t.deepEqual(formatPlan(plan), [
		'127.0.0.1:7000> CLUSTER ADDSLOTSRANGE 0 8191',
		'127.0.0.1:7001> CLUSTER ADDSLOTSRANGE 8192 16383',
		'127.0.0.1:7000> CLUSTER SET-CONFIG-EPOCH 1',
		'127.0.0.1:7001> CLUSTER SET-CONFIG-EPOCH 2',
		'127.0.0.1:7002> CLUSTER SET-CONFIG-EPOCH 3',
		'127.0.0.1:7001> CLUSTER MEET 127.0.0.1 7000',
		'127.0.0.1:7002> CLUSTER MEET 127.0.0.1 7000',
		'wait until 3 nodes agree, at most 1 s; after 50 ms all greet each other',
		`127.0.0.1:7002> CLUSTER REPLICATE ${'0'.repeat(40)}`,
	]);
});

test('a bus port that is not where it always is goes with the greeting', (t) => {
	const lines = formatPlan(planFor(freshNodes(2, 1), 2, 0));
	t.true(lines.includes('127.0.0.1:7001> CLUSTER MEET 127.0.0.1 7000 7001'));
});

test('all greet the first node; when that takes long, all greet each other in both directions', (t) => {
	const plan = planFor(freshNodes(3), 3, 0);
	const wait = plan.flatMap(({steps}) => steps).find((step) => step.kind === 'wait-for-agreement');
	t.deepEqual(
		wait?.ifLate?.steps.map(({node, words}) => `${node.port} ${words.at(-1)}`),
		['7000 7001', '7000 7002', '7001 7000', '7001 7002', '7002 7000', '7002 7001'],
	);
});

test('a large cluster is left to gossip', (t) => {
	const plan = planFor(freshNodes(100), 100, 0);
	const wait = plan.flatMap(({steps}) => steps).find((step) => step.kind === 'wait-for-agreement');
	t.is(wait?.ifLate, null);
	t.is(formatPlan(plan).filter((line) => line.endsWith('CLUSTER MEET 127.0.0.1 7000')).length, 99);
});

test('who waits by himself gets a plan without waiting, unless replicas must know their primary', (t) => {
	const waits = (plan: Plan): boolean =>
		plan.some(({steps}) => steps.some(({kind}) => kind === 'wait-for-agreement'));
	t.false(waits(planFor(freshNodes(3), 3, 0, false)));
	t.true(waits(planFor(freshNodes(6), 3, 1, false)));
});

test('a server before 7.0 is given its slots one by one', (t) => {
	const words = olderWordsOf({
		kind: 'add-slots',
		node: {host: '127.0.0.1', port: 7000},
		slots: [
			[0, 2],
			[9, 9],
		],
	});
	t.deepEqual(words, ['CLUSTER', 'ADDSLOTS', '0', '1', '2', '9']);
});
