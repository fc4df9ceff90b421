import test from 'ava';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

test('SHUTDOWN ends the node without a reply', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	client.send('SHUTDOWN', 'NOSAVE');
	await client.closed;
	t.is(await node.exited, 0);
	await t.throwsAsync(client.next());
});

test('TIME tells the time, LOLWUT draws and signs', async (t) => {
	await using node = await startShoalNode();
	using client = await RespClient.connect(node.port);
	const [seconds, micros] = (await client.ask('TIME')) as [string, string];
	t.true(Math.abs(Number(seconds) - Date.now() / 1000) < 60);
	t.regex(micros, /^\d{1,6}$/);
	t.regex((await client.ask('LOLWUT')) as string, /><>[^]*\nRedis ver\. 7\.0\.15\n$/);
	t.is(await client.ask('LOLWUT', 'VERSION', '9'), 'Redis ver. 7.0.15\n');
});
