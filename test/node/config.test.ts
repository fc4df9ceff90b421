import test from 'ava';
import {CommandError} from '../../src/commands/errors.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {type ConfigFilePort, NodeConfig} from '../../src/node/config.ts';
import {ParameterError, PARAMETERS} from '../../src/node/config-parameters.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';

const get = (config: NodeConfig, ...patterns: readonly string[]): Record<string, string> =>
	Object.fromEntries(config.get(patterns.map((pattern) => latin1ToBytes(pattern))));

function memoryFile(text: string | null): ConfigFilePort & {text: string | null} {
	return {
		path: '/node/redis.conf',
		text,
		read() {
			return this.text;
		},
		write(written) {
			this.text = written;
		},
	};
}

if (hasRedisServer()) {
	test('CONFIG GET * lists every parameter of redis-server with its default, but for a delay', async (t) => {
		await using server = await startRedisServer();
		using client = await RespClient.connect(server.port);
		const reply = (await client.ask('CONFIG', 'GET', '*')) as string[];
		const theirs = Object.fromEntries(
			reply.flatMap((name, i) => (i % 2 === 0 ? [[name, reply[i + 1]!]] : [])),
		);
		const ours = get(new NodeConfig(), '*');
		// Given to the reference on its command line, or the place where it runs.
		for (const name of ['port', 'bind', 'dir', 'enable-debug-command', 'save']) {
			t.true(name in ours, name);
			delete theirs[name];
			delete ours[name];
		}
		// Ours makes its snapshots at once.
		t.is(theirs['repl-diskless-sync-delay'], '5');
		t.deepEqual(ours, {...theirs, 'repl-diskless-sync-delay': '0'});
		t.is(new NodeConfig().text('save'), '3600 1 300 100 60 10000');
	});
}

test('every initial value is one that the parameter itself accepts and prints', (t) => {
	for (const {name, kind, initial} of PARAMETERS) t.is(kind.parse(initial, initial).text, initial, name);
});

test('a parameter that acts writes its setting, by any of its names', (t) => {
	const config = new NodeConfig();
	config.set([
		['MaxMemory', '1mb'],
		['lua-time-limit', '3'],
		['client-output-buffer-limit', 'pubsub 1kb 2 3'],
		['latency-tracking-info-percentiles', '50 99.5'],
	]);
	const {settings} = config;
	t.is(settings.maxMemoryBytes, 1_048_576);
	t.is(config.text('busy-reply-threshold'), '3');
	t.deepEqual(settings.clientOutputBufferLimits.pubsub, {hardBytes: 1024, softBytes: 2, softSeconds: 3});
	t.is(settings.clientOutputBufferLimits.replica.hardBytes, 268_435_456);
	t.deepEqual(settings.latencyTrackingInfoPercentiles, [50, 99.5]);
});

test('of several changes all are made or none', (t) => {
	const config = new NodeConfig();
	t.throws(
		() => {
			config.set([
				['maxclients', '77'],
				['timeout', '5'],
				['hz', 'fast'],
			]);
		},
		{
			instanceOf: CommandError,
			message:
				"ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer",
		},
	);
	t.is(config.settings.maxClients, 10_000);
	t.is(config.settings.timeoutSeconds, 0);
	t.deepEqual(get(config, 'maxclients', 'timeout'), {maxclients: '10000', timeout: '0'});
});

test('a change that cannot be applied is taken back, and so are those before it', (t) => {
	const config = new NodeConfig();
	const applied: number[] = [];
	config.onChange('maxclients', () => applied.push(config.settings.maxClients));
	config.onChange('tcp-keepalive', () => {
		throw new ParameterError('the sockets are too old');
	});
	t.throws(
		() => {
			config.set([
				['maxclients', '77'],
				['tcp-keepalive', '5'],
			]);
		},
		{
			message:
				"ERR CONFIG SET failed (possibly related to argument 'tcp-keepalive') - the sockets are too old",
		},
	);
	t.deepEqual(applied, [77, 10_000]);
	t.is(config.settings.tcpKeepAliveSeconds, 300);
});

test('a value that stays the same is not applied again', (t) => {
	const config = new NodeConfig();
	let applied = 0;
	config.onChange('hz', () => applied++);
	config.set([['hz', '10']]);
	t.is(applied, 0);
	config.set([['hz', '20']]);
	t.is(applied, 1);
});

test('an error that is no refusal is not turned into one', (t) => {
	const config = new NodeConfig();
	config.onChange('hz', () => {
		throw new RangeError('a bug');
	});
	t.throws(
		() => {
			config.set([['hz', '20']]);
		},
		{instanceOf: RangeError},
	);
});

test('at the start nothing is immutable, lines of one directive add up, and wrong ones are told by name', (t) => {
	const config = new NodeConfig({
		directives: [
			['port', '7001'],
			['cluster-enabled', 'yes'],
			['save', '900 1'],
			['save', '300 10'],
			['client-output-buffer-limit', 'normal 1 2 3'],
			['slave-priority', '5'],
		],
	});
	t.is(config.settings.port, 7001);
	t.true(config.settings.clusterEnabled);
	t.is(config.text('save'), '900 1 300 10');
	t.is(config.settings.clientOutputBufferLimits.normal.softSeconds, 3);
	t.is(config.text('replica-priority'), '5');
	t.throws(() => new NodeConfig({directives: [['nosuch', '1']]}), {
		instanceOf: ParameterError,
		message: 'nosuch: Bad directive or wrong number of arguments',
	});
	t.throws(() => new NodeConfig({directives: [['tls-port', '1']]}), {
		instanceOf: ParameterError,
		message: 'tls-port: this server has no TLS',
	});
	t.throws(() => new NodeConfig({directives: [['port', 'x']]}), {
		instanceOf: ParameterError,
		message: "port: argument couldn't be parsed into an integer",
	});
});

test('an empty save forgets the lines before it', (t) => {
	const config = new NodeConfig({
		directives: [
			['save', '900 1'],
			['save', ''],
			['save', '60 5'],
		],
	});
	t.is(config.text('save'), '60 5');
});

test('CONFIG REWRITE writes what differs from the start into the file it came from', (t) => {
	const file = memoryFile('# my node\nmaxclients 100\n');
	const config = new NodeConfig({directives: [['maxclients', '100']], file});
	config.set([
		['maxclients', '200'],
		['requirepass', 'se cret'],
	]);
	config.rewrite();
	t.is(file.text, '# my node\nmaxclients 200\n# Generated by CONFIG REWRITE\nrequirepass "se cret"\n');
	t.is(config.file, '/node/redis.conf');
});

test('CONFIG REWRITE of a node without a file, or with one that cannot be written, is refused', (t) => {
	t.throws(
		() => {
			new NodeConfig().rewrite();
		},
		{instanceOf: CommandError, message: 'ERR The server is running without a config file'},
	);
	const file: ConfigFilePort = {
		path: 'x',
		read: () => null,
		write() {
			throw new Error('EACCES: permission denied');
		},
	};
	t.throws(
		() => {
			new NodeConfig({file}).rewrite();
		},
		{instanceOf: CommandError, message: 'ERR Rewriting config file: EACCES: permission denied'},
	);
});

test('passwords are known as such by any of their names', (t) => {
	const config = new NodeConfig();
	t.true(config.isSensitive('RequirePass'));
	t.true(config.isSensitive('masterauth'));
	t.false(config.isSensitive('maxclients'));
	t.false(config.isSensitive('nosuch'));
});
