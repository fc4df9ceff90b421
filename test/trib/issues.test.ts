import test from 'ava';
import {Agreement, formatGap, missingLinks} from '../../src/trib/agreement.ts';
import {findIssues, findMultipleOwners, type Issue} from '../../src/trib/issues.ts';
import {ownLine, parseNodesText} from '../../src/trib/nodes-text.ts';
import {nodeView, type ClusterView} from '../../src/trib/view.ts';

const ids = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40)) as [string, string, string, string];
const [A, B, C, D] = ids;

/** A view in which each given text is what one node sees; the node at 7000 is the first. */
function viewOf(...texts: readonly string[]): ClusterView {
	const nodes = texts.map((text) => {
		const lines = parseNodesText(text);
		const self = ownLine(lines);
		if (self === null) throw new Error('a node describes itself');
		return nodeView({host: self.host, port: self.port}, self, lines);
	});
	return {nodes, unreachable: []};
}

/** What the node with number `self` of these sees: each has an index from 0 and its slots. */
function seenBy(self: number, slots: readonly string[]): string {
	return slots
		.map((text, i) => {
			const flags = i === self ? 'myself,master' : 'master';
			return `${ids[i]} 127.0.0.1:${7000 + i}@${17_000 + i} ${flags} - 0 0 ${i + 1} connected ${text}`.trim();
		})
		.join('\n');
}

const WHOLE = ['0-5460', '5461-10922', '10923-16383'];

function kinds(issues: readonly Issue[]): string[] {
	return issues.map(({kind}) => kind);
}

test('a whole cluster has no issues', (t) => {
	t.deepEqual(findIssues(viewOf(seenBy(0, WHOLE), seenBy(1, WHOLE), seenBy(2, WHOLE))), []);
});

test('nodes that see other owners disagree, in groups, the largest first', (t) => {
	const other = ['0-5461', '5462-10922', '10923-16383'];
	const issues = findIssues(viewOf(seenBy(0, other), seenBy(1, WHOLE), seenBy(2, WHOLE)));
	t.deepEqual(
		issues.find(({kind}) => kind === 'disagreement'),
		{
			kind: 'disagreement',
			groups: [['127.0.0.1:7001', '127.0.0.1:7002'], ['127.0.0.1:7000']],
		},
	);
});

test('several nodes without any slot disagree, one alone does not', (t) => {
	t.true(kinds(findIssues(viewOf(seenBy(0, ['', '']), seenBy(1, ['', ''])))).includes('disagreement'));
	t.deepEqual(findIssues(viewOf(seenBy(0, ['']))), [{kind: 'uncovered', slots: [[0, 16_383]]}]);
});

test('slots that nobody serves are named as ranges', (t) => {
	const holes = ['1-5460', '5461-10920', '10923-16383'];
	const issues = findIssues(viewOf(seenBy(0, holes), seenBy(1, holes), seenBy(2, holes)));
	t.deepEqual(issues, [
		{
			kind: 'uncovered',
			slots: [
				[0, 0],
				[10_921, 10_922],
			],
		},
	]);
});

test('open slots are found at both ends', (t) => {
	const from = [`0-5460 [77->-${B}]`, ...WHOLE.slice(1)];
	const to = [WHOLE[0]!, `5461-10922 [77-<-${A}]`, WHOLE[2]!];
	const issues = findIssues(viewOf(seenBy(0, from), seenBy(1, to), seenBy(2, WHOLE)));
	t.deepEqual(issues, [
		{kind: 'migrating', node: A, address: '127.0.0.1:7000', slots: [77]},
		{kind: 'importing', node: B, address: '127.0.0.1:7001', slots: [77]},
	]);
});

test('a replica of a node that nobody knows is an issue', (t) => {
	const replica = `${D} 127.0.0.1:7003@17003 myself,slave ${C} 0 0 4 connected`;
	const issues = findIssues(viewOf(seenBy(0, ['0-16383']), `${seenBy(9, ['0-16383'])}\n${replica}`));
	t.deepEqual(issues, [{kind: 'unknown-primary', node: D, address: '127.0.0.1:7003', primary: C}]);
});

test('a primary that holds keys of a slot counts as one of its owners', (t) => {
	const view = viewOf(seenBy(0, WHOLE), seenBy(1, WHOLE), seenBy(2, WHOLE));
	t.deepEqual(findMultipleOwners(view, new Map()), []);
	t.deepEqual(findMultipleOwners(view, new Map([[B, new Set([0])]])), [
		{kind: 'multiple-owners', slot: 0, owners: ['127.0.0.1:7000', '127.0.0.1:7001']},
	]);
});

const expected = WHOLE.map((text, i) => ({
	id: ids[i]!,
	endpoint: {host: '127.0.0.1', port: 7000 + i},
	slots: parseNodesText(`${ids[i]} 127.0.0.1:1 master - 0 0 0 connected ${text}`)[0]!.slots,
}));

test('a node agrees when it knows all nodes and the owners of all slots', (t) => {
	t.is(new Agreement(expected).gap(expected[1]!, parseNodesText(seenBy(1, WHOLE))), null);
});

test('a node that does not know another one does not agree, and says whom it misses', (t) => {
	const gap = new Agreement(expected).gap(expected[0]!, parseNodesText(seenBy(0, WHOLE.slice(0, 2))));
	t.deepEqual(gap, {
		node: '127.0.0.1:7000',
		unknown: ['127.0.0.1:7002'],
		slotsDiffer: false,
		isHandshaking: false,
	});
	t.is(gap && formatGap(gap), '127.0.0.1:7000 does not know 127.0.0.1:7002');
});

test('a node that knows all and misses slots does not agree', (t) => {
	const gap = new Agreement(expected).gap(
		expected[0]!,
		parseNodesText(seenBy(0, [WHOLE[0]!, WHOLE[1]!, ''])),
	);
	t.is(gap && formatGap(gap), '127.0.0.1:7000 sees other owners of slots');
});

test('a node that knows all is not done while a handshake goes on', (t) => {
	const handshake = `${D} 127.0.0.1:7002@17002 handshake - 0 0 0 connected`;
	const gap = new Agreement(expected).gap(expected[0]!, parseNodesText(`${seenBy(0, WHOLE)}\n${handshake}`));
	t.true(gap?.isHandshaking);
});

test('missing links are gathered by the node that is not reached', (t) => {
	const text = seenBy(0, WHOLE).replace(/connected 10923-16383/, 'disconnected 10923-16383');
	t.deepEqual(
		missingLinks(
			new Map([
				['127.0.0.1:7000', parseNodesText(text)],
				['127.0.0.1:7001', parseNodesText(seenBy(1, WHOLE))],
			]),
		),
		new Map([['127.0.0.1:7002@17002', ['127.0.0.1:7000']]]),
	);
});
