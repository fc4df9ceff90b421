/** Directives of redis.conf that say how a node replicates. */
import test from 'ava';
import {appendFileSync, mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {Client, NO_CONNECTION} from '../../src/commands/client.ts';
import {Settings} from '../../src/commands/settings.ts';
import {Replicas} from '../../src/node/replicas.ts';
import {SnapshotFile} from '../../src/node/snapshot-file.ts';
import {NodeStats} from '../../src/node/stats.ts';
import {ReplicationHistory} from '../../src/replication/history.ts';
import {KeptDirectory} from './kept-directory.ts';
import {FaultyDisk} from './faulty-disk.ts';
import {clientOf, ScriptedPrimary, ScriptedReplica, start, startReplica} from './replication-fixture.ts';
import {eventually, infoOf, pipeline} from './wire.ts';
import type {ShoalNode} from '../helpers/shoal-node.ts';

test.beforeEach((t) => {
	t.timeout(60_000);
});

const logOf = ({messages}: ShoalNode): string =>
	messages.map((message) => (message.kind === 'log' ? `${message.text}\n` : '')).join('');

const untilLogged = (node: ShoalNode, line: RegExp): Promise<string> =>
	eventually(
		() => Promise.resolve(logOf(node)),
		(log) => line.test(log),
	);

const EMPTY_FILE = `REDIS0009${String.fromCharCode(0xff)}${'\0'.repeat(8)}`;

/** Sends an empty snapshot and then this stream to whoever asks. */
const primaryOf = (
	t: Parameters<typeof ScriptedPrimary.listen>[0],
	stream: string,
): Promise<ScriptedPrimary> =>
	ScriptedPrimary.listen(t, (socket) => {
		const head = `+FULLRESYNC ${'a'.repeat(40)} 0\r\n$${EMPTY_FILE.length}\r\n`;
		socket.write(Buffer.from(`${head}${EMPTY_FILE}${stream}`, 'latin1'));
	});

for (const isDiskless of [true, false]) {
	const way = isDiskless
		? 'while it is made, with a mark at its end'
		: 'when it is complete, with its length';
	test.serial(`repl-diskless-sync ${isDiskless ? 'yes' : 'no'}: a snapshot is sent ${way}`, async (t) => {
		const {client, node} = await start(t, {
			config: {'repl-diskless-sync': isDiskless ? 'yes' : 'no', 'repl-ping-replica-period': '3600'},
		});
		await client.ask('SET', 'a', '1');
		const replica = await ScriptedReplica.connect(t, node.port, 'eof');
		replica.say('PSYNC', '?', '-1');
		t.regex(await replica.line(), /^\+FULLRESYNC /);
		const header = await replica.line();
		t.regex(header, isDiskless ? /^\$EOF:[0-9a-f]{40}$/ : /^\$\d+$/);
		if (isDiskless) return;
		t.regex(await replica.bytes(Number(header.slice(1))), /^REDIS/);
		// It knows where the snapshot ends: the stream follows at once.
		await client.ask('SET', 'b', '2');
		t.is(await replica.until('b\r\n$1\r\n2\r\n'), pipeline('SELECT 0', 'SET b 2'));
	});
}

test.serial(
	'repl-diskless-sync-delay: a snapshot waits for others, up to repl-diskless-sync-max-replicas',
	async (t) => {
		const {client, node} = await start(t, {
			config: {'repl-diskless-sync-delay': '100000', 'repl-diskless-sync-max-replicas': '2'},
		});
		const first = await ScriptedReplica.connect(t, node.port, 'eof');
		first.say('PSYNC', '?', '-1');
		await eventually(
			async () => (await infoOf(client)).get('slave0'),
			(line) => line?.includes('state=wait_bgsave') === true,
		);
		t.notRegex(logOf(node), /Starting a snapshot/);
		const second = await ScriptedReplica.connect(t, node.port, 'eof');
		second.say('PSYNC', '?', '-1');
		for (const replica of [first, second]) t.regex(await replica.line(), /^\+FULLRESYNC /);
		t.truthy(await untilLogged(node, /Starting a snapshot for SYNC with 2 replicas/));

		// The time is over without anybody else.
		const third = await ScriptedReplica.connect(t, node.port, 'eof');
		await client.ask('CONFIG', 'SET', 'repl-diskless-sync-delay', '1');
		third.say('PSYNC', '?', '-1');
		t.regex(await third.line(), /^\+FULLRESYNC /);
	},
);

test('repl-disable-tcp-nodelay: links of replicas gather what is sent', (t) => {
	for (const isDisabled of [false, true]) {
		const settings = Object.assign(new Settings(), {replDisableTcpNoDelay: isDisabled});
		const replicas = new Replicas({
			history: new ReplicationHistory('a'.repeat(40), 16 * 1024),
			settings,
			stats: new NodeStats(0),
			snapshots: {isBusy: true, begin: () => ({cancel: () => undefined}), onIdle: () => undefined},
			nowMs: () => 0,
			randomId: () => 'b'.repeat(40),
			flush: () => undefined,
			selectAgain: () => undefined,
			streamDatabase: () => 0,
			log: () => undefined,
			onChange: () => undefined,
		});
		const told: boolean[] = [];
		const connection = {...NO_CONNECTION, setNoDelay: (on: boolean) => void told.push(on)};
		replicas.ask(new Client(1, connection, '127.0.0.1:1', '127.0.0.1:2', 0), null);
		t.deepEqual(told, isDisabled ? [false] : []);
	}
});

for (const behavior of ['ignore', 'panic', 'panic-on-replicas']) {
	test.serial(
		`propagation-error-behavior ${behavior}: a command of the primary that is refused`,
		async (t) => {
			const primary = await primaryOf(t, pipeline('SELECT 0', 'NOSUCH a', 'SET b 1'));
			const {client, node} = await start(t, {config: {'propagation-error-behavior': behavior}});
			client.send('REPLICAOF', '127.0.0.1', String(primary.port));
			if (behavior !== 'ignore') {
				await node.exited;
				const failure = node.messages.find(({kind}) => kind === 'failed');
				t.like(failure, {
					message:
						"This replica panicked sending an error to its master after processing the command 'NOSUCH'",
				});
				return;
			}
			const other = await clientOf(t, node.port);
			await eventually(
				() => other.ask('GET', 'b'),
				(value) => value === '1',
			);
			t.truthy(await untilLogged(node, /== CRITICAL == .*NOSUCH/));
		},
	);
}

test.serial(
	'propagation-error-behavior panic: nor does a node start with a file that it must leave something out of',
	async (t) => {
		using directory = new KeptDirectory();
		await directory.session({appendonly: 'yes'}, async (client) => client.ask('SET', 'a', '1'));
		const incremental = directory.join('appendonlydir', 'appendonly.aof.1.incr.aof');
		appendFileSync(incremental, pipeline('SELECT 0', 'SET s x', 'INCR s'));
		await using refused = await directory.start({appendonly: 'yes', 'propagation-error-behavior': 'panic'});
		await refused.exited;
		const failure = refused.messages.find((message) => message.kind === 'failed');
		t.regex(
			failure?.kind === 'failed' ? failure.message : '',
			/a command was refused .*not an integer.*set propagation-error-behavior to ignore/,
		);
		await directory.session({appendonly: 'yes'}, async (client) => t.is(await client.ask('GET', 'a'), '1'));
	},
);

for (const isIgnored of [true, false]) {
	test.serial(
		`replica-ignore-disk-write-errors ${isIgnored ? 'yes' : 'no'}: a replica whose disk refuses`,
		async (t) => {
			const primary = await start(t);
			const {client, node} = await startReplica(t, primary.node.port, {
				config: {
					save: '3600 1',
					'replica-ignore-disk-write-errors': isIgnored ? 'yes' : 'no',
					'shutdown-on-sigterm': 'nosave',
				},
			});
			// No file can take its name.
			mkdirSync(join(node.directory, 'dump.rdb'));
			await client.ask('BGSAVE');
			await eventually(
				async () => (await infoOf(client, 'persistence')).get('rdb_last_bgsave_status'),
				(status) => status === 'err',
			);
			await primary.client.ask('SET', 'a', '1');
			if (isIgnored) {
				await eventually(
					() => client.ask('GET', 'a'),
					(value) => value === '1',
				);
				t.truthy(await untilLogged(node, /Replica is applying a command it is unable to write to disk\./));
				return;
			}
			await node.exited;
			t.like(
				node.messages.find(({kind}) => kind === 'failed'),
				{message: 'Replica was unable to write command to disk.'},
			);
		},
	);
}

test.serial(
	'replica-ignore-maxmemory: a replica refuses what its primary has only when it is told to',
	async (t) => {
		const primary = await start(t);
		const {client, node} = await startReplica(t, primary.node.port, {config: {'replica-read-only': 'no'}});
		await client.ask('CONFIG', 'SET', 'maxmemory', '1');
		await primary.client.ask('SET', 'a', 'x'.repeat(100_000));
		t.is(await primary.client.ask('WAIT', '1', '0'), 1);
		t.is(await client.ask('STRLEN', 'a'), 100_000);
		t.is(await client.ask('SET', 'own', '1'), 'OK');
		await client.ask('CONFIG', 'SET', 'replica-ignore-maxmemory', 'no');
		await primary.client.ask('SET', 'b', '1');
		t.is(await primary.client.ask('WAIT', '1', '0'), 1);
		t.is(await client.ask('EXISTS', 'b'), 0);
		t.truthy(await untilLogged(node, /CRITICAL.*OOM command not allowed when used memory/));
		t.regex(String(await client.ask('SET', 'own', '2')), /OOM command not allowed/);
	},
);

for (const isSyncedMeanwhile of [true, false]) {
	test(`a snapshot's file goes to the disk ${isSyncedMeanwhile ? 'each four megabytes' : 'at its end'}`, async (t) => {
		using disk = new FaultyDisk();
		const bytes = await new Promise<number>((resolve, reject) => {
			const file = new SnapshotFile({
				disk,
				path: disk.path('dump'),
				isSyncedMeanwhile,
				onDone: resolve,
				onFailed: reject,
			});
			for (let i = 0; i < 9; i++) file.chunk(new Uint8Array(1024 * 1024));
			file.end();
		});
		t.is(bytes, 9 * 1024 * 1024);
		t.is(disk.syncCount, isSyncedMeanwhile ? 3 : 1);
	});
}
