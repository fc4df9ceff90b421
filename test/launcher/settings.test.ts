import test from 'ava';
import {UsageError} from '../../src/launcher/errors.ts';
import {nearest} from '../../src/launcher/nearest.ts';
import {areClusterNodes, directivesOf, settle} from '../../src/launcher/settings.ts';

const anywhere = (field: string): string => `--${field}`;

test('later wishes win, directives one by one', (t) => {
	const settings = settle(
		[
			{
				shards: 5,
				basePort: 7100,
				config: {maxclients: '5', hz: '20'},
				nodes: new Map([[1, {hz: '30', timeout: '1'}]]),
			},
			{basePort: 7200, config: {maxclients: '6'}, nodes: new Map([[1, {hz: '40'}]])},
		],
		anywhere,
	);
	t.like(settings, {shards: 5, basePort: 7200, config: {maxclients: '6', hz: '20'}});
	t.deepEqual(settings.nodes, new Map([[1, {hz: '40', timeout: '1'}]]));
});

test('ports must leave room for their bus ports', (t) => {
	t.notThrows(() => settle([{shards: 3, basePort: 55_533}], anywhere));
	t.throws(() => settle([{shards: 3, basePort: 55_534}], () => 'cluster.yaml:4: basePort'), {
		instanceOf: UsageError,
		message:
			'cluster.yaml:4: basePort: port 55536 leaves no room for its bus port 65536 (the highest is 65535); write 55533 or less for 3 nodes',
	});
});

test('a node gets the directives of the cluster, then of its index or port', (t) => {
	const settings = settle(
		[
			{
				nodeTimeoutMs: 500,
				password: 'p',
				config: {hz: '20'},
				nodes: new Map([
					[0, {hz: '30'}],
					[7002, {hz: '40'}],
				]),
			},
		],
		anywhere,
	);
	const common = {'cluster-enabled': 'yes', 'cluster-node-timeout': '500', requirepass: 'p', masterauth: 'p'};
	t.deepEqual(directivesOf(0, settings), {...common, hz: '30'});
	t.deepEqual(directivesOf(1, settings), {...common, hz: '20'});
	t.deepEqual(directivesOf(2, settings), {...common, hz: '40'});
});

test('a default node timeout is left to redis.conf of the node, where CONFIG REWRITE may have put another', (t) => {
	t.deepEqual(directivesOf(0, settle([{}], anywhere)), {'cluster-enabled': 'yes'});
});

test('nodes of a cluster, unless one was told otherwise', (t) => {
	t.true(areClusterNodes(settle([{}], anywhere)));
	t.false(areClusterNodes(settle([{config: {'cluster-enabled': 'no'}}], anywhere)));
});

for (const [word, hint] of [
	['shard', '; did you mean "shards"?'],
	['BASEPORT', '; did you mean "basePort"?'],
	['sahrds', '; did you mean "shards"?'],
	['colour', ''],
	['', ''],
] as const) {
	test(`the nearest of shards and basePort to "${word}"`, (t) => {
		t.is(nearest(word, ['shards', 'basePort']), hint);
	});
}
