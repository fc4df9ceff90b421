import test from 'ava';
import {readFileSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

test('CONFIG REWRITE keeps the file and adds what was set', async (t) => {
	const file = join(tmpdir(), `shoal-config-${process.pid}.conf`);
	writeFileSync(file, '# kept\nmaxclients 100\n');
	await using node = await startShoalNode({configFile: file});
	using client = await RespClient.connect(node.port);
	t.deepEqual(await client.ask('CONFIG', 'GET', 'maxclients'), ['maxclients', '100']);
	await client.ask('CONFIG', 'SET', 'maxclients', '200', 'slowlog-max-len', '7');
	t.is(await client.ask('CONFIG', 'REWRITE'), 'OK');
	const lines = readFileSync(file, 'utf8').split('\n');
	t.deepEqual(lines.slice(0, 2), ['# kept', 'maxclients 200']);
	t.true(lines.includes('slowlog-max-len 7'));
});
