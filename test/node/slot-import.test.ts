/** The destination of an atomic slot migration, with a source that does what the test says. */
import test, {type ExecutionContext} from 'ava';
import type {RespClient} from '../helpers/resp-client.ts';
import {type Destination, startDestination} from './scripted-source.ts';
import {tagOf, untilTask} from './slot-migration-fixture.ts';
import {eventually} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(120_000);
});

const TAG = tagOf(7);

/** An import under way: three keys of it have come, one of them volatile. */
async function begin(
	t: ExecutionContext,
	config: Readonly<Record<string, string>> = {},
): Promise<Destination & {readonly id: string}> {
	const destination = await startDestination(t, config);
	const {client, source} = destination;
	const id = String(await client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '99'));
	await source.accept();
	await sendKeys(destination, client, id);
	return {...destination, id};
}

async function sendKeys({source}: Destination, client: RespClient, id: string): Promise<void> {
	source.send('SET', `${TAG}a`, '1');
	source.send('SET', `${TAG}b`, '2');
	source.send('SET', `${TAG}c`, '3', 'PXAT', '1');
	source.endSnapshot();
	await untilTask(client, id, 'wait-stream-eof');
}

/** What a client can see of the keys, without naming one. */
async function seen(client: RespClient): Promise<string> {
	const keys = (await client.ask('KEYS', '*')) as string[];
	const [, scanned] = (await client.ask('SCAN', '0', 'COUNT', '1000')) as [string, string[]];
	const size = await client.ask('DBSIZE');
	const inSlot = await client.ask('CLUSTER', 'COUNTKEYSINSLOT', '7');
	const ofSlot = (await client.ask('CLUSTER', 'GETKEYSINSLOT', '7', '10')) as string[];
	const random = await client.ask('RANDOMKEY');
	return `${keys.length} ${scanned.length} ${size} ${inSlot} ${ofSlot.length} ${random}`;
}

const NOTHING_SEEN = '0 0 0 0 0 null';

/** No key of the import is left, hidden or not: DEBUG looks at a key by its name, whoever owns its slot. */
const untilEmpty = async (client: RespClient): Promise<void> => {
	for (const name of ['a', 'b', 'c']) {
		await eventually(
			async () => String(await client.ask('DEBUG', 'OBJECT', `${TAG}${name}`)),
			(answer) => answer.includes('no such key'),
		);
	}
};

test.serial('keys on their way are not seen, and do not expire, until the slots change hands', async (t) => {
	const {client, source, id} = await begin(t);
	t.is(await seen(client), NOTHING_SEEN);
	t.regex(String(await client.ask('DEBUG', 'OBJECT', `${TAG}a`)), /^Value at/);
	t.regex(String(await client.ask('CLUSTER', 'INFO')), /\r\ncluster_slot_migration_active_tasks:1\r\n/);
	t.regex(String(await client.ask('GET', `${TAG}a`)), /MOVED 7 /);
	await client.ask('SET', '{100}own', 'x');
	t.is(await client.ask('RANDOMKEY'), '{100}own');
	source.say('HANDOFF', '10000');
	await source.untilSaid('GRANT');
	source.send('INCR', `${TAG}a`);
	// The last word on the key that has long expired is the source's.
	source.send('SET', `${TAG}c`, 'renewed');
	source.say('STREAM-EOF');
	const status = await untilTask(client, id, 'completed');
	t.is(status.get('retries'), 0);
	await source.untilSaid('TAKEN');
	t.is(await client.ask('DBSIZE'), 4);
	t.is(await client.ask('GET', `${TAG}a`), '2');
	t.is(await client.ask('GET', `${TAG}c`), 'renewed');
	t.is(await client.ask('CLUSTER', 'COUNTKEYSINSLOT', '7'), 3);
	t.regex(String(await client.ask('CLUSTER', 'NODES')), /myself,master .* 3 connected 0-16383/);
});

test.serial('a cancelled import leaves nothing behind, and can be begun again', async (t) => {
	const destination = await begin(t);
	const {client, source, id} = destination;
	t.is(await client.ask('CLUSTER', 'MIGRATION', 'CANCEL', 'ID', id), 1);
	t.is((await untilTask(client, id, 'canceled')).get('last_error'), '');
	await untilEmpty(client);
	t.is(await seen(client), NOTHING_SEEN);
	t.is(await client.ask('CLUSTER', 'MIGRATION', 'CANCEL', 'ALL'), 0);
	const again = String(await client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '99'));
	await source.accept();
	await sendKeys(destination, client, again);
	source.say('HANDOFF', '10000');
	await source.untilSaid('GRANT');
	source.say('STREAM-EOF');
	await untilTask(client, again, 'completed');
	t.is(await client.ask('GET', `${TAG}a`), '1');
	// The one whose time was over long ago expires, now that it is this node's.
	await eventually(
		() => client.ask('CLUSTER', 'COUNTKEYSINSLOT', '7'),
		(count) => count === 2,
	);
});

test.serial('when the link breaks, what came is dropped and the import is tried again', async (t) => {
	const destination = await begin(t);
	const {client, source, id} = destination;
	source.hangUp();
	await eventually(
		async () => source.connectionCount,
		(count) => count === 2,
	);
	t.is(await seen(client), NOTHING_SEEN);
	await source.accept();
	source.send('SET', `${TAG}b`, 'of the second time');
	source.endSnapshot();
	source.say('HANDOFF', '10000');
	await source.untilSaid('GRANT');
	source.say('STREAM-EOF');
	const status = await untilTask(client, id, 'completed');
	t.is(status.get('retries'), 1);
	t.is(await client.ask('DBSIZE'), 1);
	t.is(await client.ask('GET', `${TAG}b`), 'of the second time');
});

test.serial('a stream that ends after the source may have gone on takes no slot', async (t) => {
	const {client, source, id} = await begin(t);
	source.say('HANDOFF', '0');
	await source.untilSaid('GRANT');
	source.say('STREAM-EOF');
	await eventually(
		async () => source.connectionCount,
		(count) => count === 2,
	);
	const status = await untilTask(client, id, 'send-syncslots');
	t.regex(String(status.get('last_error')), /too late for a hand-over/);
	t.regex(String(await client.ask('GET', `${TAG}a`)), /MOVED 7 /);
});

test.serial('FLUSHALL on the destination fails the import for good', async (t) => {
	const {client, id} = await begin(t);
	t.is(await client.ask('FLUSHALL'), 'OK');
	const status = await untilTask(client, id, 'failed');
	t.is(status.get('last_error'), 'The keys were flushed');
	await untilEmpty(client);
	t.is(await seen(client), NOTHING_SEEN);
});

test.serial('what is no stream of a source fails the import, and a refused command too', async (t) => {
	const {client, source, id} = await begin(t);
	source.send('LPUSHX2', `${TAG}a`);
	await eventually(
		async () => source.connectionCount,
		(count) => count === 2,
	);
	t.regex(String((await untilTask(client, id, 'send-syncslots')).get('last_error')), /unknown command/);
	await source.accept();
	source.sendText('*1\r\nnonsense\r\n');
	await eventually(
		async () => source.connectionCount,
		(count) => count === 3,
	);
	t.regex(String((await untilTask(client, id, 'send-syncslots')).get('last_error')), /Protocol error/);
	await source.accept();
	source.say('RECORDS', 'this is no RDB file');
	await eventually(
		async () => source.connectionCount,
		(count) => count === 4,
	);
	t.regex(String((await untilTask(client, id, 'send-syncslots')).get('last_error')), /cannot be read/);
	await untilEmpty(client);
});

test.serial('a source that refuses is asked again, and its words are told', async (t) => {
	const {client, source} = await startDestination(t);
	const id = String(await client.ask('CLUSTER', 'MIGRATION', 'IMPORT', '0', '99'));
	await eventually(
		async () => source.said,
		(text) => text.includes('SYNC\r\n'),
	);
	source.sendText('-ERR not today\r\n');
	await eventually(
		async () => source.connectionCount,
		(count) => count === 2,
	);
	const status = await untilTask(client, id, 'send-syncslots');
	t.is(status.get('last_error'), 'ERR not today');
	t.is(status.get('retries'), 1);
});

for (const appendOnly of ['yes', 'no'] as const) {
	test.serial(
		`a node that dies in the middle of an import starts without its keys (appendonly ${appendOnly})`,
		async (t) => {
			const config = {appendonly: appendOnly, appendfsync: 'always'};
			const {client, thread, source, directory} = await begin(t, config);
			t.is(await client.ask('SET', '{100}own', 'x'), 'OK');
			// Its snapshots hold what has come, and that it is not to be seen.
			if (appendOnly === 'no') t.is(await client.ask('SAVE'), 'OK');
			await thread[Symbol.asyncDispose]();
			const again = await startDestination(t, config, {directory, source});
			await eventually(
				() => seen(again.client),
				(text) => text === '1 1 1 0 0 {100}own',
			);
			t.is(await again.client.ask('GET', '{100}own'), 'x');
			await untilEmpty(again.client);
		},
	);

	test.serial(`after an import its keys outlive the node (appendonly ${appendOnly})`, async (t) => {
		const config = {appendonly: appendOnly, appendfsync: 'always'};
		const {client, thread, source, directory, id} = await begin(t, config);
		if (appendOnly === 'no') t.is(await client.ask('SAVE'), 'OK');
		source.say('HANDOFF', '10000');
		await source.untilSaid('GRANT');
		source.say('STREAM-EOF');
		await untilTask(client, id, 'completed');
		// appendonly no: the snapshot of before, in which the slots are hidden, is all there is; they are this node's now.
		await thread[Symbol.asyncDispose]();
		const again = await startDestination(t, config, {directory, source});
		await eventually(
			() => again.client.ask('DBSIZE'),
			(size) => Number(size) >= 2,
		);
		t.is(await again.client.ask('GET', `${TAG}a`), '1');
		t.is(await again.client.ask('GET', `${TAG}b`), '2');
	});
}

test.serial('AOF rewritten as commands in the middle of an import knows what is hidden', async (t) => {
	const config = {appendonly: 'yes', appendfsync: 'always', 'aof-use-rdb-preamble': 'no'};
	const {client, thread, source, directory} = await begin(t, config);
	t.is(await client.ask('BGREWRITEAOF'), 'Background append only file rewriting started');
	await eventually(
		async () => String(await client.ask('INFO', 'persistence')),
		(text) => /aof_rewrite_in_progress:0/.test(text) && /aof_last_bgrewrite_status:ok/.test(text),
	);
	await thread[Symbol.asyncDispose]();
	const again = await startDestination(t, config, {directory, source});
	await untilEmpty(again.client);
	t.is(await seen(again.client), NOTHING_SEEN);
});
