/** Expiry and pauses by the clock: on a real node, and on a clock that the test moves. */
import test from 'ava';
import {NodeClients} from '../../src/node/clients.ts';
import {NodeConfig} from '../../src/node/config.ts';
import {NO_CONNECTION, type Client} from '../../src/commands/client.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';
import {eventually, infoOf, pipeline, TRANSPORTS, Wire} from './wire.ts';

const COUNT = 100_000;

for (const transport of TRANSPORTS) {
	test.serial(
		`${transport}: 100,000 keys that expired go without being asked for, and clients are served meanwhile`,
		async (t) => {
			await using node = await startShoalNode({transport});
			using client = await RespClient.connect(node.port);
			using wire = await Wire.connect(node.port);
			await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
			let stream = '';
			for (let i = 0; i < COUNT; i++) stream += pipeline(`SET expiring:${i} x PX 1`);
			wire.send(stream + pipeline('SET staying x', 'SET later x EX 1000'));
			await wire.read(5 * (COUNT + 2));
			t.is(await client.ask('DBSIZE'), COUNT + 2);
			await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
			let longestMs = 0;
			let pings = 0;
			for (;;) {
				const from = performance.now();
				const size = await client.ask('DBSIZE');
				longestMs = Math.max(longestMs, performance.now() - from);
				pings++;
				if (size === 2) break;
			}
			t.log(`${pings} round trips meanwhile, the longest ${longestMs.toFixed(1)} ms`);
			t.true(pings > 10);
			const info = await infoOf(client, 'stats');
			t.is(info.get('expired_keys'), String(COUNT));
			t.is(await client.ask('EXISTS', 'staying', 'later'), 2);
			t.is(await client.ask('TTL', 'later').then((ttl) => Number(ttl) > 900), true);
		},
	);

	test.serial(
		`${transport}: a pause hides what expired and removes nothing; its end removes it, in every database`,
		async (t) => {
			await using node = await startShoalNode({transport, config: {hz: '100'}});
			using client = await RespClient.connect(node.port);
			using other = await RespClient.connect(node.port);
			await other.ask('SELECT', '5');
			await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
			for (const each of [client, other]) await each.ask('SET', 'gone', 'x', 'PX', '1');
			await client.ask('CLIENT', 'PAUSE', '100000000', 'WRITE');
			await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
			await eventually(
				async () => client.ask('GET', 'gone'),
				(value) => value === null,
			);
			await eventually(
				async () => other.ask('GET', 'gone'),
				(value) => value === null,
			);
			for (let i = 0; i < 50; i++) await client.ask('PING');
			t.is(await client.ask('DBSIZE'), 1);
			t.is(await other.ask('DBSIZE'), 1);
			t.is((await infoOf(client, 'stats')).get('expired_keys'), '0');
			await client.ask('CLIENT', 'UNPAUSE');
			// Nobody asks for anything in database 5 again: the cycle alone removes its key.
			await eventually(
				async () => (await infoOf(client, 'stats')).get('expired_keys'),
				(count) => count === '2',
			);
			t.is((await infoOf(client, 'keyspace')).size, 0);
		},
	);

	test.serial(`${transport}: hz can be changed while the node runs`, async (t) => {
		await using node = await startShoalNode({transport, config: {hz: '1'}});
		using client = await RespClient.connect(node.port);
		t.is(await client.ask('CONFIG', 'SET', 'hz', '500'), 'OK');
		await client.ask('SET', 'gone', 'x', 'PX', '1');
		await eventually(
			async () => client.ask('DBSIZE'),
			(size) => size === 0,
		);
		t.is((await infoOf(client, 'stats')).get('expired_keys'), '1');
	});
}

/** A clock that stands still but for `advance`. */
function fakeClock() {
	let now = 1000;
	const timers = new Set<{readonly at: number; readonly run: () => void}>();
	return {
		timers,
		wallMs: () => now,
		after(delayMs: number, run: () => void) {
			const timer = {at: now + delayMs, run};
			timers.add(timer);
			return () => {
				timers.delete(timer);
			};
		},
		advance(ms: number) {
			now += ms;
			for (const timer of timers) {
				if (timer.at > now) continue;
				timers.delete(timer);
				timer.run();
			}
		},
	};
}

function pausedClients() {
	const clock = fakeClock();
	const clients = new NodeClients(new NodeConfig(), (run) => run(), clock);
	const resumed: number[] = [];
	const join = (): Client => {
		const client: Client = clients.add(
			{
				...NO_CONNECTION,
				resume: () => resumed.push(client.id),
			},
			'',
			'',
			0,
		);
		return client;
	};
	return {clock, clients, resumed, join};
}

test('a pause ends on the millisecond for those who wait, in the order in which they came', (t) => {
	const {clock, clients, resumed, join} = pausedClients();
	const [a, b] = [join(), join()];
	clients.pause(1300, 'write');
	t.is(clock.timers.size, 0);
	clients.postpone(b);
	clients.postpone(a);
	t.is(clock.timers.size, 1);
	clock.advance(299);
	t.deepEqual(resumed, []);
	clock.advance(1);
	t.deepEqual(resumed, [b.id, a.id]);
	t.is(clients.pauseMode, 'none');
	t.is(clock.timers.size, 0);
});

test('a pause that was prolonged while clients wait lasts as long as was said', (t) => {
	const {clock, clients, resumed, join} = pausedClients();
	clients.pause(1300, 'write');
	clients.postpone(join());
	clients.pause(1500, 'write');
	clock.advance(300);
	t.deepEqual(resumed, []);
	t.is(clients.pauseMode, 'write');
	clock.advance(200);
	t.deepEqual(resumed, [1]);
});

test('UNPAUSE leaves no timer behind, and who left is waited for no more', (t) => {
	const {clock, clients, resumed, join} = pausedClients();
	clients.pause(1300, 'all');
	const leaving = join();
	clients.postpone(leaving);
	clients.postpone(join());
	clients.remove(leaving);
	clients.unpause();
	t.deepEqual(resumed, [2]);
	t.is(clock.timers.size, 0);
	clients.pause(2 ** 53, 'all');
	clients.postpone(join());
	t.true(
		[...clock.timers].every(({at}) => at < 2 ** 32),
		'a timer cannot wait longer',
	);
});
