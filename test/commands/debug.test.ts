import test from 'ava';
import {rmSync} from 'node:fs';
import {RespError} from '../../src/resp/reply-parser.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

test('DEBUG is locked away unless the configuration allows it', async (t) => {
	await using closed = await startShoalNode({config: {'enable-debug-command': 'no'}});
	using refused = await RespClient.connect(closed.port);
	const reply = await refused.ask('DEBUG', 'SLEEP', '0');
	t.true(reply instanceof RespError && reply.message.startsWith('ERR DEBUG command not allowed.'));
	await using local = await startShoalNode({config: {'enable-debug-command': 'local'}});
	using allowed = await RespClient.connect(local.port);
	t.is(await allowed.ask('DEBUG', 'SLEEP', '0'), 'OK');
});

test('DEBUG OBJECT tells how a value is held', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	for (const [value, encoding, length] of [
		['some text', 'embstr', 10],
		['12', 'int', 2],
		['-1234', 'int', 3],
		// Compressed, as it would be in an RDB file.
		['x'.repeat(100), 'raw', 13],
	] as const) {
		await client.ask('SET', 'k', value);
		t.regex(
			(await client.ask('DEBUG', 'OBJECT', 'k')) as string,
			new RegExp(
				`^Value at:0x[0-9a-f]+ refcount:1 encoding:${encoding} serializedlength:${length} lru:\\d+ lru_seconds_idle:\\d+$`,
			),
		);
	}
});

for (const act of ['SEGFAULT', 'PANIC', 'ASSERT', 'OOM']) {
	test(`DEBUG ${act} kills the worker`, async (t) => {
		const node = await startShoalNode();
		using client = await RespClient.connect(node.port);
		client.send('DEBUG', act);
		await client.closed;
		// An error of another thread is no Error of this one.
		t.is(await node.exited.catch((error: {readonly message: string}) => error.message), `DEBUG ${act}`);
		rmSync(node.directory, {recursive: true});
	});
}
