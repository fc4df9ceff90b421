import test from 'ava';
import {UsageError} from '../../src/launcher/errors.ts';
import {resolveTargets, type TargetView} from '../../src/launcher/targets.ts';

/** Three primaries and their replicas; node 4 is down. Slots are shared out by threes: slot 0 is of node 0, and so on. */
const view: TargetView = {
	nodes: Array.from({length: 6}, (_, index) => ({
		index,
		host: index === 5 ? '::1' : '127.0.0.1',
		port: 7000 + index,
		nodeId: ['abc0', 'abd1', '7002', 'f3', '', '5e'][index]!.padEnd(index === 4 ? 0 : 40, '0'),
		role: index < 3 ? 'primary' : 'replica',
		primaryId: index === 3 ? 'abc0'.padEnd(40, '0') : index === 5 ? '7002'.padEnd(40, '0') : '',
		isCandidate: index !== 4,
	})),
	ownerOf: (slot) => (slot === 16_383 ? null : slot % 3),
	below: (bound) => bound - 1,
};

for (const [words, indexes] of [
	[['0'], [0]],
	[['node 1'], [1]],
	[['node', '1'], [1]],
	[
		['NODE1', 'node-2', 'node#3'],
		[1, 2, 3],
	],
	[['7004'], [4]],
	[['127.0.0.1:7001'], [1]],
	[['localhost:7001'], [1]],
	[['[::1]:7005'], [5]],
	[['abc'], [0]],
	[['ABD1'], [1]],
	[['f'], [3]],
	[['primaries'], [0, 1, 2]],
	[['replicas'], [3, 5]],
	[['All'], [0, 1, 2, 3, 5]],
	[['random'], [5]],
	[['one'], [5]],
	[['owner-of:1'], [1]],
	[['minority'], [0]],
	[['majority'], [0, 1]],
	[['shard:0'], [0, 3]],
	[['Shard:2'], [2, 5]],
	// Its replica is down.
	[['shard:1'], [1]],
	// CLUSTER KEYSLOT foo is 12182, of {foo}bar too; 16384 is no slot and its key hashes to 10126.
	[['owner-of:foo'], [12_182 % 3]],
	[['owner-of:{foo}bar'], [12_182 % 3]],
	[
		['2', '7000', 'abc'],
		[0, 2],
	],
	[
		['replicas', '0'],
		[0, 3, 5],
	],
] as const) {
	test(`${JSON.stringify(words)} means ${indexes.join(', ')}`, (t) => {
		t.deepEqual(resolveTargets(words, view), [...indexes]);
	});
}

for (const [words, message] of [
	[[], /^no node is named; name a node by index, port/],
	[['9'], /^9: there is no such node; there are 0 to 5, on ports 7000, 7001, 7002, 7003, 7004, 7005$/],
	[['7999'], /^7999: there is no such node/],
	[['node'], /^node: there is no such node/],
	[['127.0.0.2:7000'], undefined],
	[['192.0.2.1:7000'], /^192\.0\.2\.1:7000: there is no such node/],
	[['primarys'], /; did you mean "primaries"\?$/],
	[
		['ab'],
		/^ab: several ids begin so: abc0000000 \(7000\), abd1000000 \(7001\); write more of it, or the port$/,
	],
	[['shard:3'], /^shard:3: there is no such shard; there are 0 to 2$/],
	[['shard:'], /^shard:: there is no such shard/],
	[['owner-of:'], /^owner-of: needs a key or a slot/],
	[['owner-of:16383'], /^owner-of:16383: no node here serves slot 16383$/],
] as const) {
	test(`${JSON.stringify(words)} ${message === undefined ? 'is loopback, too' : 'is refused'}`, (t) => {
		if (message === undefined) t.deepEqual(resolveTargets(words, view), [0]);
		else t.throws(() => resolveTargets(words, view), {instanceOf: UsageError, message});
	});
}

test('half of two primaries is their majority, and the smallest minority is nobody', (t) => {
	const two = {...view, ownerOf: (slot: number) => slot % 2};
	t.deepEqual(resolveTargets(['majority'], two), [0, 1]);
	t.throws(() => resolveTargets(['minority'], two), {
		message: 'minority: of 2 primaries that is 0, and it can be done to 2 of them',
	});
});

test('a primary that is down counts in the cluster, and cannot be chosen', (t) => {
	const nodes = view.nodes.map((node) => (node.index === 1 ? {...node, isCandidate: false} : node));
	t.deepEqual(resolveTargets(['majority'], {...view, nodes}), [0, 2]);
	t.deepEqual(resolveTargets(['minority'], {...view, nodes}), [0]);
});

test('words that name no node choose among none', (t) => {
	const nobody = {...view, nodes: view.nodes.map((node) => ({...node, isCandidate: false}))};
	for (const word of ['all', 'primaries', 'replicas', 'random', 'shard:0'])
		t.throws(() => resolveTargets([word], nobody), {
			instanceOf: UsageError,
			message: `${word}: there is no such node that this can be done to`,
		});
});
