import {readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {parseClusterFile, readClusterFile} from '../../src/launcher/cluster-yaml.ts';
import {UsageError} from '../../src/launcher/errors.ts';
import {settle} from '../../src/launcher/settings.ts';

/** The complaints about a text, one a line. */
function complaints(text: string): string[] {
	try {
		parseClusterFile(text, 'cluster.yaml');
		return [];
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		return error.message.split('\n');
	}
}

test('every key of cluster.yaml arrives', (t) => {
	const text = `
name: demo
engine: shoal
shards: 5
replicas: 2
basePort: 7100
bind: 127.0.0.2
dataDir: data
nodeTimeout: 2000
password: "1234"
restart: on-failure
config:
  maxmemory: 100mb
  protected-mode: true
  save: [900, 1]
nodes:
  0: {config: {maxmemory: 1gb}}
  7102:
    config:
      maxclients: 50
`;
	t.deepEqual(parseClusterFile(text, 'cluster.yaml').wishes, {
		name: 'demo',
		engine: 'shoal',
		shards: 5,
		replicas: 2,
		basePort: 7100,
		bind: '127.0.0.2',
		dataDir: 'data',
		nodeTimeoutMs: 2000,
		password: '1234',
		restart: 'on-failure',
		config: {maxmemory: '100mb', 'protected-mode': 'yes', save: '900 1'},
		nodes: new Map([
			[0, {maxmemory: '1gb'}],
			[7102, {maxclients: '50'}],
		]),
	});
});

for (const text of ['', '# nothing but a remark\n', 'config:\n', 'nodes:\n', '---\n']) {
	test(`a file of defaults is good: ${JSON.stringify(text)}`, (t) => {
		t.deepEqual(complaints(text), []);
	});
}

test('the cluster.yaml of the repository is good, and has of the defaults all but what the tutorial has otherwise', (t) => {
	const text = readFileSync('cluster.yaml', 'utf8');
	const {wishes} = parseClusterFile(text, 'cluster.yaml');
	t.deepEqual(
		settle([wishes], () => ''),
		settle([{replicas: 1, nodeTimeoutMs: 5000, config: {appendonly: 'yes'}}], () => ''),
	);
});

const MISTAKES: [text: string, complaint: string][] = [
	['shard: 3', 'cluster.yaml:1: shard: is no key of cluster.yaml; did you mean "shards"?'],
	['base_port: 3', 'cluster.yaml:1: base_port: is no key of cluster.yaml; did you mean "basePort"?'],
	[
		'colour: blue',
		'cluster.yaml:1: colour: is no key of cluster.yaml; the keys are name, engine, shards, replicas, basePort, bind, dataDir, nodeTimeout, password, restart, hosts, config, nodes',
	],
	['\nshards: three', 'cluster.yaml:2: shards: must be a whole number from 1 to 256, not "three"'],
	['shards: 0', 'cluster.yaml:1: shards: must be a whole number from 1 to 256, not 0'],
	['shards: 2.5', 'cluster.yaml:1: shards: must be a whole number from 1 to 256, not 2.5'],
	['shards: [3]', 'cluster.yaml:1: shards: must be a number, not a list'],
	['shards:', 'cluster.yaml:1: shards: has no value; write one, or delete the line for the default'],
	['replicas: 6', 'cluster.yaml:1: replicas: must be a whole number from 0 to 5, not 6'],
	['restart: yes', 'cluster.yaml:1: restart: must be never or on-failure, not "yes"'],
	['basePort: 70000', 'cluster.yaml:1: basePort: must be a whole number from 0 to 65535, not 70000'],
	[
		'bind: localhost',
		'cluster.yaml:1: bind: must be an IP address of this machine such as 127.0.0.1, not "localhost"',
	],
	[
		'bind: 0.0.0.0',
		'cluster.yaml:1: bind: is no address that a node can announce; name one that clients reach, such as 127.0.0.1',
	],
	['password: 1234', 'cluster.yaml:1: password: must be text, not 1234; put it in quotes'],
	[
		'engine: keydb',
		'cluster.yaml:1: engine: must be shoal, redis-server, valkey-server or the path of a server such as /usr/bin/redis-server, not "keydb"',
	],
	['nodeTimeout: 5', 'cluster.yaml:1: nodeTimeout: must be a whole number from 50 to 3600000, not 5'],
	['config: yes', 'cluster.yaml:1: config: must be lines of "directive: value" as in redis.conf, not "yes"'],
	[
		'config:\n  maxmemry: 1gb',
		'cluster.yaml:2: config.maxmemry: is no directive of redis.conf; did you mean "maxmemory"?',
	],
	[
		'config:\n  maxmemory-policy: sometimes',
		'cluster.yaml:2: config.maxmemory-policy: argument(s) must be one of the following',
	],
	['config:\n  port: 7000', 'cluster.yaml:2: config.port: cannot be set here: use basePort'],
	[
		'config:\n  save: {a: 1}',
		'cluster.yaml:2: config.save: must be one value or a list of values, not a group of keys',
	],
	[
		'nodes: [1]',
		'cluster.yaml:1: nodes: must have a group a node, such as "0:" with "config:" below it, not a list',
	],
	['nodes:\n  first: {}', 'cluster.yaml:2: nodes.first: must be the index of a node, from 0, or its port'],
	['nodes:\n  0: 1gb', 'cluster.yaml:2: nodes.0: must have "config:" below it, not "1gb"'],
	['nodes:\n  0:\n    conf: {}', 'cluster.yaml:3: nodes.0.conf: is no key of a node; did you mean "config"?'],
	['- shards', 'cluster.yaml:1: must be lines of "key: value", such as "shards: 3"; it is a list'],
	['shards: 3\nshards: 4', 'cluster.yaml:2: Map keys must be unique; this is no YAML'],
];

for (const [text, complaint] of MISTAKES) {
	test(`names line, key and remedy: ${JSON.stringify(text)}`, (t) => {
		const [first, ...more] = complaints(text);
		t.true(first?.startsWith(complaint), first);
		t.deepEqual(more, []);
	});
}

test('all mistakes are told at once', (t) => {
	t.deepEqual(
		complaints('shards: x\nbasePort: y\nfoo: z').map((line) => line.split(':').slice(0, 3).join(':')),
		['cluster.yaml:1: shards', 'cluster.yaml:2: basePort', 'cluster.yaml:3: foo'],
	);
});

test('broken YAML names the line', (t) => {
	const [first] = complaints('shards: 3\nname: "open');
	t.regex(first ?? '', /^cluster\.yaml:2: .*; this is no YAML$/);
});

test('a node that the cluster does not have is told with the choice there is', (t) => {
	const file = parseClusterFile('shards: 3\nnodes:\n  7005: {config: {maxclients: 5}}', 'cluster.yaml');
	const error = t.throws(() => file.checkAgainst(settle([file.wishes], () => '')), {instanceOf: UsageError});
	t.is(
		error?.message,
		'cluster.yaml:3: nodes.7005: the cluster has no such node; write an index from 0 to 2 or a port from 7000 to 7002',
	);
});

test('a file that is not there, and one that is a directory', (t) => {
	const missing = join(tmpdir(), 'no-such-cluster.yaml');
	t.throws(() => readClusterFile(missing), {
		instanceOf: UsageError,
		message: `${missing}: there is no such file; name another, or leave it out for the defaults`,
	});
	t.throws(() => readClusterFile(tmpdir()), {
		instanceOf: UsageError,
		message: `${tmpdir()}: is a directory; name the cluster.yaml in it`,
	});
});
