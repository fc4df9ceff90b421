/** What tests of atomic slot migration share: a cluster of real nodes, keys of chosen slots, and a task followed to its end. */
import type {ExecutionContext} from 'ava';
import {keySlot} from '../../src/slots/key-slot.ts';
import type {RespClient} from '../helpers/resp-client.ts';
import {start, type Talker, untilLinked} from './replication-fixture.ts';
import {eventually} from './wire.ts';

export interface Member extends Talker {
	readonly id: string;
}

/** Slots of each primary: 0 to 5460, 5461 to 10922, 10923 to 16383. */
const SLOTS = ['0', '5460', '5461', '10922', '10923', '16383'];

/** Three primaries, then a replica of each of those named. */
export async function formCluster(
	t: ExecutionContext,
	replicasOf: readonly number[] = [],
	config: Readonly<Record<string, string>> = {},
): Promise<readonly Member[]> {
	const options = {config: {'cluster-enabled': 'yes', 'cluster-node-timeout': '3000', ...config}};
	const nodes = await Promise.all(Array.from({length: 3 + replicasOf.length}, () => start(t, options)));
	const [first] = nodes as [Talker, ...Talker[]];
	for (const [i, {client}] of nodes.slice(0, 3).entries()) {
		t.is(await client.ask('CLUSTER', 'ADDSLOTSRANGE', SLOTS[2 * i]!, SLOTS[2 * i + 1]!), 'OK');
		t.is(await client.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)), 'OK');
	}
	for (const {node} of nodes.slice(1))
		await first.client.ask('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
	for (const {client} of nodes) {
		await eventually(
			async () => String(await client.ask('CLUSTER', 'INFO')),
			(text) => text.includes('cluster_state:ok') && text.includes(`cluster_known_nodes:${nodes.length}`),
		);
	}
	const members: Member[] = [];
	for (const node of nodes) members.push({...node, id: String(await node.client.ask('CLUSTER', 'MYID'))});
	for (const [i, of] of replicasOf.entries()) {
		t.is(await members[3 + i]!.client.ask('CLUSTER', 'REPLICATE', members[of]!.id), 'OK');
		await untilLinked(members[3 + i]!.client);
	}
	return members;
}

/** A hash tag whose keys are in the slot. */
export function tagOf(slot: number): string {
	for (let i = 0; ; i++) {
		const tag = `{${i.toString(36)}}`;
		if (keySlot(new TextEncoder().encode(tag)) === slot) return tag;
	}
}

/** So many keys in each of the slots. */
export async function fill(
	client: RespClient,
	slots: readonly number[],
	count: number,
	value = 'value',
): Promise<void> {
	for (const slot of slots) {
		const tag = tagOf(slot);
		for (let i = 0; i < count; i++) client.send('SET', `${tag}${i}`, `${value} ${i}`);
		for (let i = 0; i < count; i++) await client.next();
	}
}

export type Status = ReadonlyMap<string, string | number>;

export async function statusOf(client: RespClient, id: string): Promise<Status> {
	const [fields] = (await client.ask('CLUSTER', 'MIGRATION', 'STATUS', 'ID', id)) as (string | number)[][];
	return new Map(
		(fields ?? []).flatMap((name, i) => (i % 2 === 0 ? [[String(name), fields![i + 1]!] as const] : [])),
	);
}

/** Resolves with the task's report when it is in that state. */
export async function untilTask(client: RespClient, id: string, state: string): Promise<Status> {
	let status: Status = new Map();
	await eventually(
		async () => {
			status = await statusOf(client, id);
			return `${status.get('state')} ${status.get('last_error')}`;
		},
		(text) => text.startsWith(`${state} `),
	);
	return status;
}

/** Imports the slots and waits for the end. */
export async function move(to: Member, first: number, last: number): Promise<Status> {
	const id = String(await to.client.ask('CLUSTER', 'MIGRATION', 'IMPORT', String(first), String(last)));
	return untilTask(to.client, id, 'completed');
}

export const dbSize = async (client: RespClient): Promise<number> => Number(await client.ask('DBSIZE'));
