/** `trib fix` beside `redis-cli --cluster fix`, on servers that are not ours: the same state, mended by both. */

import anyTest, {type ExecutionContext} from 'ava';
import {keySlot} from '../../src/slots/key-slot.ts';
import {NodeConnection} from '../../src/trib/client.ts';
import type {FixOptions} from '../../src/trib/member-jobs.ts';
import {hasRedisServer, startRedisCluster, type RedisServers} from '../helpers/redis-server.ts';
import {endpoints, normalize, runRedisCli, runTrib, sortNodes, type Run} from './harness.ts';

// One after the other: each test runs several servers.
const real = hasRedisServer() ? anyTest.serial : anyTest.skip;
const DEADLINE_MS = 30_000;
const PAUSE_MS = 50;
const SLOT = 77;
/** Keys of that slot. */
const KEYS = keysOf(SLOT, 8);

function keysOf(slot: number, count: number): string[] {
	const keys: string[] = [];
	for (let i = 0; keys.length < count; i++) {
		if (keySlot(Buffer.from(`k${i}`)) === slot) keys.push(`k${i}`);
	}
	return keys;
}

/** Three servers that are a cluster, and a connection to each. The first one serves the slot. */
class Three implements AsyncDisposable {
	readonly servers: RedisServers;
	readonly ids: readonly string[];
	readonly #connections: readonly NodeConnection[];

	static async start(): Promise<Three> {
		const servers = await startRedisCluster(3, {args: ['--cluster-node-timeout', '2000']});
		const nodes = endpoints(servers.addresses);
		await runTrib({command: 'create', options: {nodes, yes: true}});
		const connections = await Promise.all(nodes.map((node) => NodeConnection.open(node)));
		const ids = await Promise.all(connections.map((node) => node.call('CLUSTER', 'MYID')));
		const three = new Three(servers, ids.map(String), connections);
		await three.untilOk();
		return three;
	}

	private constructor(servers: RedisServers, ids: readonly string[], connections: readonly NodeConnection[]) {
		this.servers = servers;
		this.ids = ids;
		this.#connections = connections;
	}

	/** Any reply, errors too: what a state needs it may have already. */
	ask(node: number, ...words: readonly string[]): Promise<unknown> {
		return this.#connections[node]!.call(...words);
	}

	async untilOk(): Promise<void> {
		for (const deadline = Date.now() + DEADLINE_MS; ;) {
			const infos = await Promise.all([0, 1, 2].map((node) => this.ask(node, 'CLUSTER', 'INFO')));
			if (infos.every((info) => String(info).includes('cluster_state:ok'))) return;
			if (Date.now() > deadline) throw new Error(`still not ok:\n${infos.join('\n')}`);
			await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
		}
	}

	/** `A` serves the slot and hands it to `B`. */
	async migrating(from: number, to: number): Promise<void> {
		await this.ask(from, 'CLUSTER', 'SETSLOT', String(SLOT), 'MIGRATING', this.ids[to]!);
	}

	async importing(to: number, from: number): Promise<void> {
		await this.ask(to, 'CLUSTER', 'SETSLOT', String(SLOT), 'IMPORTING', this.ids[from]!);
	}

	/** Puts keys on a node that serves the slot or imports it. */
	async put(node: number, keys: readonly string[], value = 'v'): Promise<void> {
		for (const key of keys) {
			const [, reply] = await Promise.all([this.ask(node, 'ASKING'), this.ask(node, 'SET', key, value)]);
			if (reply !== 'OK') throw new Error(String(reply));
		}
	}

	async close(node: number): Promise<void> {
		await this.ask(node, 'CLUSTER', 'SETSLOT', String(SLOT), 'STABLE');
	}

	/** Makes all forget who serves the slots. */
	async uncover(...slots: readonly number[]): Promise<void> {
		for (const slot of slots) {
			await Promise.all([0, 1, 2].map((node) => this.ask(node, 'CLUSTER', 'DELSLOTS', String(slot))));
		}
	}

	/** For each node: whether it has the slot open, and its keys of it. */
	async state(slot = SLOT): Promise<unknown[]> {
		return Promise.all(
			[0, 1, 2].map(async (node) => {
				const own = String(await this.ask(node, 'CLUSTER', 'NODES'))
					.split('\n')
					.find((line) => line.includes('myself'));
				const keys = (await this.ask(node, 'CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[];
				return {isOpen: own?.includes(`[${slot}-`), keys: keys.toSorted()};
			}),
		);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const connection of this.#connections) connection.close();
		await this.servers.stop();
	}
}

async function ownerOf(three: Three, slot: number): Promise<string[]> {
	const texts = await Promise.all([0, 1, 2].map((node) => three.ask(node, 'CLUSTER', 'SLOTS')));
	return texts.map((reply) => {
		const range = (reply as [number, number, [string, number, string]][]).find(
			([start, end]) => start <= slot && slot <= end,
		);
		return range === undefined ? 'nobody' : `node ${three.ids.indexOf(range[2][2])}`;
	});
}

/** The owner of the slot when all have heard of it. */
async function agreedOwner(three: Three): Promise<string> {
	for (const deadline = Date.now() + DEADLINE_MS; ;) {
		const owners = await ownerOf(three, SLOT);
		if (new Set(owners).size === 1) return owners[0]!;
		if (Date.now() > deadline) return owners.join(', ');
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
	}
}

function fix(
	three: Three,
	options: Partial<FixOptions> = {},
	answer: string | null = 'yes',
): ReturnType<typeof runTrib> {
	const node = endpoints(three.servers.addresses)[0]!;
	return runTrib({command: 'fix', options: {node, ...options}}, answer);
}

/** From the open slots on; nodes come in the order of their ids, which hangs on the run. */
function repairs(run: Run, three: Three): string {
	const text = sortNodes(normalize(run.stdout, three.servers.addresses));
	return text
		.slice(text.indexOf('>>> Check for open slots'))
		.replaceAll(/(?:^\[WARNING\] Node .*\n)+/gm, (lines) => lines.trim().split('\n').toSorted().join('\n'))
		.replaceAll(/(?<=^Set as \w+ in: ).*/gm, (list) => list.split(',').toSorted().join(','));
}

/** Makes the state twice, lets redis-cli mend one and ours the other, and compares lines and what came out. */
async function compare(
	t: ExecutionContext,
	make: (three: Three) => Promise<void>,
	{flags = [], options = {}}: {flags?: readonly string[]; options?: Partial<FixOptions>} = {},
): Promise<Awaited<ReturnType<typeof runTrib>>> {
	await using ours = await Three.start();
	await using theirs = await Three.start();
	await Promise.all([make(ours), make(theirs)]);
	const before = await ours.state();
	const plan = await fix(ours, {...options, dryRun: true});
	t.is(plan.exitCode, 1, plan.stdout);
	const expected = await runRedisCli(['fix', theirs.servers.addresses[0]!, ...flags], 'yes\nyes\nyes\n');
	t.deepEqual(await ours.state(), before, 'a plan changes nothing');
	const run = await fix(ours, options);
	t.is(repairs(run, ours), repairs(expected, theirs));
	t.deepEqual(await ours.state(), await theirs.state());
	t.is(await agreedOwner(ours), await agreedOwner(theirs));
	return run;
}

const half = async (three: Three): Promise<void> => {
	await three.migrating(0, 1);
	await three.importing(1, 0);
};

const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = '', k5 = ''] = KEYS;

const cases: Readonly<Record<string, (three: Three) => Promise<void>>> = {
	'case 1: a move that was begun goes on': async (three) => {
		await three.put(0, [k0, k1, k2]);
		await half(three);
	},
	'case 2: keys on both ends, most on the source: they go back': async (three) => {
		await three.put(0, [k0, k1, k2]);
		await half(three);
		await three.put(1, [k3]);
	},
	'case 2: keys on both ends, most on the target: it becomes the owner': async (three) => {
		await three.put(0, [k0]);
		await half(three);
		await three.put(1, [k3, k4, k5]);
	},
	'case 2: all keys have arrived but the slot is open': async (three) => {
		await half(three);
		await three.put(1, [k3, k4]);
	},
	'case 2: only the target has it open, with keys': async (three) => {
		await three.put(0, [k0, k1]);
		await three.importing(1, 0);
		await three.put(1, [k3]);
	},
	'case 2: only the target has it open, without keys': async (three) => {
		await three.put(0, [k0]);
		await three.importing(1, 0);
	},
	'case 3: two targets, and one of them was meant': async (three) => {
		await three.put(0, [k0, k1]);
		await half(three);
		await three.importing(2, 0);
	},
	'case 2: two targets, and the other one has a key': async (three) => {
		await three.put(0, [k0, k1]);
		await half(three);
		await three.importing(2, 0);
		await three.put(2, [k3]);
	},
	'case 4: only the source has it open, with a key': async (three) => {
		await three.put(0, [k0]);
		await three.migrating(0, 1);
	},
	'case 4: only the source has it open, without keys': (three) => three.migrating(0, 1),
	'the same key with the same value on both ends': async (three) => {
		await three.put(0, [k0, k1]);
		await half(three);
		await three.put(1, [k0]);
	},
	'uncovered, and one node has keys': async (three) => {
		await three.importing(1, 0);
		await three.put(1, [k3]);
		await three.close(1);
		await three.uncover(SLOT);
	},
	'uncovered, and several nodes have keys': async (three) => {
		await three.put(0, [k0, k1]);
		await three.importing(1, 0);
		await three.put(1, [k3]);
		await three.close(1);
		await three.uncover(SLOT);
	},
};

for (const [name, make] of Object.entries(cases)) {
	real(`fix: ${name}`, async (t) => {
		const run = await compare(t, make);
		t.is(run.exitCode, 0, run.stdout);
	});
}

real('fix stops at a key with different values on both ends, and goes on with --replace', async (t) => {
	const make = async (three: Three): Promise<void> => {
		await three.put(0, [k0, k1], 'old');
		await half(three);
		await three.put(1, [k0], 'new');
	};
	const stopped = await compare(t, make);
	t.not(stopped.exitCode, 0);
	const replaced = await compare(t, make, {flags: ['--cluster-replace'], options: {replace: true}});
	t.is(replaced.exitCode, 0);
});

real('a plan names the keys whose values differ', async (t) => {
	await using three = await Three.start();
	await three.put(0, [k0, k1, k2], 'old');
	await half(three);
	await three.put(1, [k0], 'new');
	await three.put(1, [k1], 'old');
	const [first, second] = three.servers.addresses;
	const plan = await fix(three, {dryRun: true, json: true});
	t.like(JSON.parse(plan.stdout), {
		command: 'fix',
		ok: false,
		repairs: [
			{
				problem: 'open',
				slots: [[SLOT, SLOT]],
				owner: first,
				outcome: 'planned',
				atRisk: [{slot: SLOT, from: second, to: first, keyCount: 1, names: [k0]}],
			},
		],
	});
});

real('slots without keys are covered when that is accepted, and left when it is not', async (t) => {
	await using three = await Three.start();
	await three.uncover(78, 79, 8000);
	const declined = await fix(three, {}, 'no');
	t.is(declined.exitCode, 1);
	t.true(
		declined.stdout.includes(
			'The following uncovered slots have no keys across the cluster:\n[78-79],[8000]\n' +
				"Fix these slots by covering with a random node? (type 'yes' to accept): ",
		),
	);
	t.deepEqual(await ownerOf(three, 78), ['nobody', 'nobody', 'nobody']);
	const nobody = await fix(three, {}, null);
	t.regex(nobody.stderr, /Give --yes/);
	const run = await fix(three);
	t.is(run.exitCode, 0, run.stdout);
	t.is([...run.stdout.matchAll(/>>> Covering slot \d+ with /g)].length, 3);
	const check = await runTrib({command: 'check', options: {node: endpoints(three.servers.addresses)[2]!}});
	t.is(check.exitCode, 0, check.stdout);
});

real(
	'keys on a node that does not serve their slot are brought home by --search-multiple-owners',
	async (t) => {
		await using three = await Three.start();
		await three.put(0, [k0, k1]);
		await three.importing(1, 0);
		await three.put(1, [k3]);
		await three.close(1);
		const blind = await fix(three);
		t.is(blind.exitCode, 0);
		const run = await fix(three, {searchMultipleOwners: true});
		const [first, second] = three.servers.addresses;
		t.true(
			run.stdout.includes(`[WARNING] Slot ${SLOT} has 2 owners:\n    ${first}\n    ${second}\n`),
			run.stdout,
		);
		t.true(run.stdout.includes(`>>> Setting slot ${SLOT} owner: ${first}\n`));
		t.is(run.exitCode, 0, run.stdout);
		t.deepEqual(await three.state(), [
			{isOpen: false, keys: [k0, k1, k3].toSorted()},
			{isOpen: false, keys: []},
			{isOpen: false, keys: []},
		]);
	},
);

real('a slot that two nodes serve goes to one of them, with the keys of both', async (t) => {
	await using three = await Three.start();
	// Deaf nodes do not settle it among themselves.
	await Promise.all([0, 1, 2].map((node) => three.ask(node, 'DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '2')));
	await three.put(0, [k0, k1]);
	await three.ask(1, 'CLUSTER', 'DELSLOTS', String(SLOT));
	await three.ask(1, 'CLUSTER', 'ADDSLOTS', String(SLOT));
	await three.put(1, [k3]);
	const run = await fix(three, {searchMultipleOwners: true});
	const [first] = await three.state();
	t.deepEqual(first, {isOpen: false, keys: [k0, k1, k3].toSorted()}, run.stdout);
	t.deepEqual(await ownerOf(three, SLOT), ['node 0', 'node 0', 'node 0']);
});

real('slots of a primary that does not answer are given away only when that is asked for', async (t) => {
	await using three = await Three.start();
	await three.servers.nodes[2]!.kill();
	for (const deadline = Date.now() + DEADLINE_MS; ;) {
		if (String(await three.ask(0, 'CLUSTER', 'NODES')).includes('master,fail ')) break;
		if (Date.now() > deadline) throw new Error('it never failed');
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
	}
	const expected = await runRedisCli(['fix', three.servers.addresses[0]!], 'yes\n');
	const refused = await fix(three);
	t.is(refused.stdout, expected.stdout);
	t.is(refused.exitCode, expected.exitCode);
	const plan = await fix(three, {dryRun: true});
	t.regex(plan.stdout, /At risk: all keys of slots 10923-16383, which 127\.0\.0\.1:\d+ served\./);
	const run = await fix(three, {withUnreachablePrimaries: true});
	t.is(run.exitCode, 0, run.stdout.slice(-500));
	t.not(await seenOwner(three, 12_000), 'nobody');
});

/** As the first node sees it. */
async function seenOwner(three: Three, slot: number): Promise<string> {
	const reply = (await three.ask(0, 'CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
	const range = reply.find(([start, end]) => start <= slot && slot <= end);
	return range === undefined ? 'nobody' : range[2][2];
}
