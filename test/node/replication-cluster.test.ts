/** The data plane of cluster nodes: replicas that serve reads, failovers after which everybody goes on partially. */
import test, {type ExecutionContext} from 'ava';
import {start, type Talker, untilEqual, untilInfo, untilLinked} from './replication-fixture.ts';
import {eventually, infoOf} from './wire.ts';

test.beforeEach((t) => {
	t.timeout(90_000);
});

const SLOTS = ['0', '5461', '5462', '10922', '10923', '16383'];
/** Of slot 0. */
const TAG = '{06S}';

/** Three primaries, and so many replicas of the first, which all have its data. */
async function formCluster(
	t: ExecutionContext,
	replicaCount: number,
	config: Readonly<Record<string, string>> = {},
) {
	const options = {config: {'cluster-enabled': 'yes', 'cluster-node-timeout': '1500', ...config}};
	const nodes = await Promise.all(Array.from({length: 3 + replicaCount}, () => start(t, options)));
	const [first] = nodes as [Talker, ...Talker[]];
	for (const [i, {client}] of nodes.slice(0, 3).entries()) {
		t.is(await client.ask('CLUSTER', 'ADDSLOTSRANGE', SLOTS[2 * i]!, SLOTS[2 * i + 1]!), 'OK');
		t.is(await client.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)), 'OK');
	}
	for (const {node} of nodes.slice(1))
		await first.client.ask('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
	for (const {client} of nodes) await untilState(client, nodes.length);
	const id = String(await first.client.ask('CLUSTER', 'MYID'));
	const replicas = nodes.slice(3);
	for (const {client} of replicas) t.is(await client.ask('CLUSTER', 'REPLICATE', id), 'OK');
	for (const {client} of replicas) await untilLinked(client);
	return {first, replicas, id};
}

const untilState = (client: Talker['client'], count: number): Promise<unknown> =>
	eventually(
		async () => String(await client.ask('CLUSTER', 'INFO')),
		(text) => text.includes('cluster_state:ok') && text.includes(`cluster_known_nodes:${count}`),
	);

async function write(client: Talker['client'], name: string): Promise<void> {
	for (let i = 0; i < 200; i++) client.send('SET', `${TAG}${name}:${i}`, `value ${i}`);
	for (let i = 0; i < 200; i++) await client.next();
}

test.serial(
	'a replica of a cluster serves reads to those who ask for it, and sends writes to its primary',
	async (t) => {
		const {first, replicas} = await formCluster(t, 1);
		const {client} = replicas[0]!;
		await write(first.client, 'a');
		t.is(await first.client.ask('WAIT', '1', '0'), 1);
		await untilEqual(first.client, client);
		const moved = new RegExp(`MOVED 0 127\\.0\\.0\\.1:${first.node.port}`);
		t.regex(String(await client.ask('GET', `${TAG}a:7`)), moved);
		t.is(await client.ask('READONLY'), 'OK');
		t.is(await client.ask('GET', `${TAG}a:7`), 'value 7');
		t.regex(String(await client.ask('SET', `${TAG}a:7`, 'x')), moved);
		t.is(await client.ask('READWRITE'), 'OK');
		t.regex(String(await client.ask('GET', `${TAG}a:7`)), moved);
		t.regex(String(await client.ask('REPLICAOF', 'NO', 'ONE')), /REPLICAOF not allowed in cluster mode\./);
		t.regex(String(await client.ask('SELECT', '1')), /SELECT is not allowed in cluster mode/);
	},
);

test.serial('a replica that was reset is of no history any more', async (t) => {
	const {first, replicas} = await formCluster(t, 1);
	const {client} = replicas[0]!;
	await write(first.client, 'a');
	t.is(await first.client.ask('WAIT', '1', '0'), 1);
	const id = (await infoOf(first.client)).get('master_replid');
	t.is(await client.ask('CLUSTER', 'RESET'), 'OK');
	t.is(await client.ask('DBSIZE'), 0);
	const info = await infoOf(client);
	t.is(info.get('role'), 'master');
	t.not(info.get('master_replid'), id);
	t.is(info.get('master_replid2'), '0'.repeat(40));
	t.is(info.get('second_repl_offset'), '-1');
});

test.serial('a manual failover loses nothing, and all who follow go on partially', async (t) => {
	const {first, replicas} = await formCluster(t, 2);
	const [heir, sibling] = replicas as [Talker, Talker];
	await write(first.client, 'a');
	t.is(await heir.client.ask('CLUSTER', 'FAILOVER'), 'OK');
	await untilInfo(heir.client, 'role', 'master');
	await untilInfo(first.client, 'role', 'slave');
	await untilInfo(heir.client, 'connected_slaves', '2');
	await untilLinked(first.client);
	await untilLinked(sibling.client);
	await eventually(
		() => heir.client.ask('SET', `${TAG}last`, '1'),
		(answer) => answer === 'OK',
	);
	t.is(await heir.client.ask('WAIT', '2', '0'), 2);
	await untilEqual(heir.client, first.client);
	await untilEqual(heir.client, sibling.client);
	const info = await infoOf(heir.client);
	t.is(info.get('sync_full'), '0');
	t.is(info.get('sync_partial_ok'), '2');
	t.is(await heir.client.ask('DBSIZE'), 201);
});

test.serial(
	'when a primary dies its replica has all that was acknowledged, and its sibling goes on partially',
	async (t) => {
		const {first, replicas} = await formCluster(t, 2);
		await write(first.client, 'a');
		t.is(await first.client.ask('WAIT', '2', '0'), 2);
		await first.node.kill();
		const roleOf = async ({client}: Talker): Promise<string> => String((await infoOf(client)).get('role'));
		await eventually(
			async () => [await roleOf(replicas[0]!), await roleOf(replicas[1]!)].toSorted().join(' '),
			(roles) => roles === 'master slave',
		);
		const heir = (await roleOf(replicas[0]!)) === 'master' ? replicas[0]! : replicas[1]!;
		const sibling = heir === replicas[0] ? replicas[1]! : replicas[0]!;
		await untilInfo(heir.client, 'sync_partial_ok', '1');
		await eventually(
			() => heir.client.ask('SET', `${TAG}last`, '1'),
			(answer) => answer === 'OK',
		);
		await untilEqual(heir.client, sibling.client);
		t.is(await heir.client.ask('DBSIZE'), 201);
		t.is((await infoOf(heir.client)).get('sync_full'), '0');
	},
);

test.serial("a replica's append-only file holds what it got by a full resynchronisation", async (t) => {
	const primary = await start(t);
	for (let i = 0; i < 100; i++) await primary.client.ask('SET', `key:${i}`, 'v');
	const replica = await start(t, {config: {appendonly: 'yes'}});
	await replica.client.ask('SET', 'old', '1');
	await replica.client.ask('REPLICAOF', '127.0.0.1', String(primary.node.port));
	await untilLinked(replica.client);
	await primary.client.ask('SET', 'new', '1');
	const digest = await untilEqual(primary.client, replica.client);
	await untilInfo(replica.client, 'aof_rewrite_in_progress', '0');
	await untilInfo(replica.client, 'aof_last_bgrewrite_status', 'ok');
	t.is(await replica.client.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
	t.is(await replica.client.ask('DEBUG', 'LOADAOF'), 'OK');
	t.is(await replica.client.ask('DEBUG', 'DIGEST'), digest);
});
