/** Atomic slot migration between real nodes. */
import test from 'ava';
import {dbSize, fill, formCluster, move, tagOf} from './slot-migration-fixture.ts';

test.beforeEach((t) => {
	t.timeout(120_000);
});

test.serial('an import moves all keys of its slots, and no others', async (t) => {
	const [a, b] = await formCluster(t);
	await fill(a!.client, [0, 1, 99, 100, 101], 50);
	await a!.client.ask('SET', `${tagOf(7)}volatile`, 'x', 'EX', '5000');
	await a!.client.ask('SET', `${tagOf(7)}number`, '17');
	const status = await move(b!, 0, 100);
	t.is(status.get('last_error'), '');
	t.is(await dbSize(b!.client), 202);
	t.is(await dbSize(a!.client), 50);
	t.is(await b!.client.ask('GET', `${tagOf(99)}49`), 'value 49');
	t.is(await b!.client.ask('INCR', `${tagOf(7)}number`), 18);
	t.true(Number(await b!.client.ask('TTL', `${tagOf(7)}volatile`)) > 4900);
	t.regex(String(await a!.client.ask('GET', `${tagOf(99)}49`)), new RegExp(`MOVED 99 .*:${b!.node.port}`));
	t.is(await a!.client.ask('GET', `${tagOf(101)}49`), 'value 49');
});
