/**
 * Moves one slot the classic way (Cluster Specification, Live reshard): the target imports, the source migrates, the keys go
 * over by MIGRATE, and then all primaries are told who owns the slot, the target first. Works on Redis 3.0 and everything
 * after it. Whatever interrupts it, calling it again completes the move: each step accepts that it was done before.
 *
 * It never gives a slot away while the source holds a key of it, and never overwrites a value that differs unless asked to.
 */

import {setTimeout as pause} from 'node:timers/promises';
import {equalBytes, latin1} from '../lib/bytes.ts';
import {RespError, type Reply} from '../resp/reply-parser.ts';
import type {NodeConnection, Word} from './client.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Credentials, Endpoint} from './messages.ts';

/** One end of a move. */
export interface SlotEnd {
	readonly id: string;
	/** Where the manager reaches it. */
	readonly endpoint: Endpoint;
}

export interface MoveSlotOptions {
	/** The other primaries, told of the new owner after both ends; whether they answer does not matter. */
	readonly others?: readonly SlotEnd[];
	/** Where the source reaches the target, when that is not where the manager does. */
	readonly targetAddress?: Endpoint;
	/** The longest silence between source and target, 60 seconds unless given. */
	readonly timeoutMs?: number;
	/** Keys a MIGRATE, 10 unless given. */
	readonly pipeline?: number;
	/** Overwrite keys that the target has with another value: the source's value wins. */
	readonly replace?: boolean;
	/** What the target asks of the source. */
	readonly credentials?: Credentials | undefined;
	/** Called before the first command: from then on the slot may be half moved, whatever is heard of it. */
	onOpened?(): void;
	/** Called when the first node has refused that: nothing was changed. */
	onRefused?(): void;
	/** Called before a batch; what it waits for slows the move down. */
	beforeBatch?(keyCount: number): Promise<void>;
	/** Called after a batch. */
	onKeys?(keyCount: number): void;
	/** Lines on what goes on, of redis-cli: `*** Target key exists`. */
	warn?(line: string): void;
}

/** The slot could not be moved, or not whole. The message is the line for it. */
export class MoveError extends Error {
	override readonly name = 'MoveError';
	/** What the node answered; null when it was no error reply. */
	readonly reply: RespError | null;

	constructor(message: string, reply: RespError | null = null) {
		super(message);
		this.reply = reply;
	}
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_PIPELINE = 10;
/** A target that does not answer in time gets as many more chances. */
const IOERR_RETRIES = 3;
const IOERR_PAUSE_MS = 250;
/** As many batches in a row may leave all their keys where they are: what is expired vanishes sooner. */
const IDLE_BATCH_LIMIT = 100;
const IDLE_PAUSE_MS = 20;

/** @returns the number of keys moved. @throws {MoveError} @throws {ConnectionError} the slot may be open then: call again */
export async function moveSlot(
	connections: Connections,
	source: SlotEnd,
	target: SlotEnd,
	slot: number,
	options: MoveSlotOptions = {},
): Promise<number> {
	const [from, to] = await Promise.all([connections.to(source.endpoint), connections.to(target.endpoint)]);
	const words = (...end: string[]): string[] => ['CLUSTER', 'SETSLOT', String(slot), ...end];

	options.onOpened?.();
	const importing = await to.call(...words('IMPORTING', source.id));
	const targetOwns = importing instanceof RespError && /already the owner/i.test(importing.message);
	if (importing instanceof RespError && !targetOwns) options.onRefused?.();
	if (!targetOwns) throwIfError(target, importing);
	const migrating = await from.call(...words('MIGRATING', target.id));
	const sourceLost = migrating instanceof RespError && /not the owner/i.test(migrating.message);
	if (migrating instanceof RespError && !(sourceLost && targetOwns)) {
		if (!targetOwns) await to.call(...words('STABLE'));
		throwIfError(source, migrating);
	}
	// A source that knows already that it lost the slot has dropped what it held of it.
	const keyCount = sourceLost ? 0 : await moveKeys(connections, source, target, slot, options);
	await giveSlot(connections, source, target, slot, options.others ?? []);
	return keyCount;
}

/**
 * Tells the target, then the source, then the others that the target owns the slot. In this order: the target's word, with
 * a new epoch, wins over everybody's, and a source that heard it first would point at a node that refuses.
 */
export async function giveSlot(
	connections: Connections,
	source: SlotEnd,
	target: SlotEnd,
	slot: number,
	others: readonly SlotEnd[],
): Promise<void> {
	const tell = async ({endpoint}: SlotEnd): Promise<Reply> => {
		const connection = await connections.to(endpoint);
		return connection.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', target.id);
	};
	throwIfError(target, await tell(target));
	const reply = await tell(source);
	// One that gave its last slot away may have become the target's replica meanwhile, and knows it all.
	if (!(reply instanceof RespError && /only with masters/i.test(reply.message))) throwIfError(source, reply);
	const rest = others.filter(({id}) => id !== source.id && id !== target.id);
	await Promise.allSettled(rest.map(tell));
}

/**
 * Moves all keys of a slot and leaves its owner as it is. The source must serve it or have it open, the target must import
 * or serve it. @returns the number of keys. @throws {MoveError} @throws {ConnectionError}
 */
export async function moveKeys(
	connections: Connections,
	source: SlotEnd,
	target: SlotEnd,
	slot: number,
	options: MoveSlotOptions = {},
): Promise<number> {
	const from = await connections.to(source.endpoint);
	const pipeline = String(options.pipeline ?? DEFAULT_PIPELINE);
	let movedCount = 0;
	let idleBatches = 0;
	let before: readonly Uint8Array[] = [];
	for (;;) {
		const reply = await from.callBinary(['CLUSTER', 'GETKEYSINSLOT', String(slot), pipeline]);
		throwIfError(source, reply);
		const keys = Array.isArray(reply) ? reply.filter((key) => key instanceof Uint8Array) : [];
		if (keys.length === 0) return movedCount;
		if (isSame(keys, before)) {
			if (++idleBatches > IDLE_BATCH_LIMIT) {
				throw new MoveError(
					`[ERR] Node ${formatEndpoint(source.endpoint)} keeps ${keys.length} key(s) of slot ${slot} that it said it moved.`,
				);
			}
			await pause(IDLE_PAUSE_MS);
		} else idleBatches = 0;
		await options.beforeBatch?.(keys.length);
		await migrate(connections, source, target, keys, options);
		if (idleBatches === 0) {
			movedCount += keys.length;
			options.onKeys?.(keys.length);
		}
		before = keys;
	}
}

/** Moves these keys, with all that can come between. */
async function migrate(
	connections: Connections,
	source: SlotEnd,
	target: SlotEnd,
	keys: readonly Uint8Array[],
	options: MoveSlotOptions,
): Promise<void> {
	const from = await connections.to(source.endpoint);
	let replace = false;
	let ioErrors = 0;
	let single = false;
	for (;;) {
		const reply = await sendMigrate(from, target, keys, {...options, replace}, single);
		if (!(reply instanceof RespError)) return;
		const {message} = reply;
		if (/BUSYKEY/.test(message) && !replace) {
			options.warn?.('\n*** Target key exists');
			if (options.replace !== true) await requireSameValues(connections, source, target, keys, options);
			options.warn?.('*** Replacing target keys...');
			replace = true;
		} else if (message.startsWith('IOERR') && ioErrors < IOERR_RETRIES) {
			// Some keys may be on both nodes now; the next try finds them busy and equal.
			await pause(IOERR_PAUSE_MS * 2 ** ioErrors++);
		} else if (/syntax error/i.test(message) && !single) {
			// Redis before 3.0.6 takes one key at a time.
			single = true;
		} else throwIfError(source, reply);
	}
}

async function sendMigrate(
	from: NodeConnection,
	target: SlotEnd,
	keys: readonly Uint8Array[],
	options: MoveSlotOptions,
	single: boolean,
): Promise<Reply> {
	const {host, port} = options.targetAddress ?? target.endpoint;
	const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
	const {user, password} = options.credentials ?? {};
	const auth: string[] = [];
	if (password !== undefined) auth.push(...(user === undefined ? ['AUTH'] : ['AUTH2', user]), password);
	const flags = [...(options.replace === true ? ['REPLACE'] : []), ...auth];
	const send = (key: Word, rest: readonly Word[]): Promise<Reply> =>
		from.callBinary(
			['MIGRATE', host, String(port), key, '0', String(timeoutMs), ...flags, ...rest],
			// The time-out is that of one silence, and there may be one for each key and at both ends.
			timeoutMs * (keys.length + 2),
		);
	if (!single) return send('', ['KEYS', ...keys]);
	const replies = await Promise.all(keys.map((key) => send(key, [])));
	return replies.find((reply) => reply instanceof RespError) ?? 'OK';
}

/** @throws {MoveError} that names the keys whose values differ on the two nodes, or that values cannot be compared */
async function requireSameValues(
	connections: Connections,
	source: SlotEnd,
	target: SlotEnd,
	keys: readonly Uint8Array[],
	options: MoveSlotOptions,
): Promise<void> {
	options.warn?.('*** Checking key values on both nodes...');
	const [from, to] = await Promise.all([connections.to(source.endpoint), connections.to(target.endpoint)]);
	const values = (await digests([from, to], keys)) ?? (await dumps([from, to], keys));
	if (values === null) throw new MoveError('*** Value check failed!');
	const differing = keys.filter((_, i) => {
		const [here, there] = [values[0]?.[i] ?? null, values[1]?.[i] ?? null];
		return here !== null && there !== null && !equalBytes(here, there);
	});
	if (differing.length === 0) return;
	throw new MoveError(
		[
			`*** Found ${differing.length} key(s) in both source node and target node having different values.`,
			`    Source node: ${formatEndpoint(source.endpoint)}`,
			`    Target node: ${formatEndpoint(target.endpoint)}`,
			'    Keys(s):',
			...differing.map((key) => `     - ${printable(key)}`),
			'Please fix the above key(s) manually and try again, or run the command with --replace: the value of the source node wins.',
		].join('\n'),
	);
}

type Values = readonly (readonly (Uint8Array | null)[])[];

/** The digest of a key that is not there. */
const NO_VALUE = '0'.repeat(40);

/** DEBUG is off by default since Redis 7.0: null when a node does not offer it. */
async function digests(
	nodes: readonly NodeConnection[],
	keys: readonly Uint8Array[],
): Promise<Values | null> {
	const replies = await Promise.all(nodes.map((node) => node.callBinary(['DEBUG', 'DIGEST-VALUE', ...keys])));
	const lists = replies.filter((reply) => Array.isArray(reply));
	if (lists.length < nodes.length || lists.some(({length}) => length !== keys.length)) return null;
	return lists.map((list) =>
		list.map((digest) => {
			const bytes = typeof digest === 'string' ? Uint8Array.from(digest, (c) => c.charCodeAt(0)) : digest;
			return bytes instanceof Uint8Array && latin1(bytes) !== NO_VALUE ? bytes : null;
		}),
	);
}

/** The serialized values. Equal ones have equal values; the reverse need not be, and then a person decides. */
async function dumps(nodes: readonly NodeConnection[], keys: readonly Uint8Array[]): Promise<Values | null> {
	const replies = await Promise.all(
		nodes.map((node) =>
			Promise.all(
				keys.map(async (key) => {
					// An importing node answers for the slot only so.
					const [, dump] = await Promise.all([node.call('ASKING'), node.callBinary(['DUMP', key])]);
					return dump;
				}),
			),
		),
	);
	// A migrating source answers ASK for a key that it does not hold.
	const isAbsent = (reply: Reply): boolean =>
		reply === null || (reply instanceof RespError && reply.code === 'ASK');
	if (replies.flat().some((reply) => !(reply instanceof Uint8Array) && !isAbsent(reply))) return null;
	return replies.map((list) => list.map((reply) => (reply instanceof Uint8Array ? reply : null)));
}

function isSame(keys: readonly Uint8Array[], before: readonly Uint8Array[]): boolean {
	return keys.length === before.length && keys.every((key, i) => equalBytes(key, before[i]!));
}

/** The key's text; bytes that are none of ASCII's letters and signs as `\xff`. */
function printable(key: Uint8Array): string {
	return latin1(key).replaceAll(/[^ -~]|\\/g, (sign) =>
		sign === '\\' ? '\\\\' : `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
	);
}

function throwIfError(node: SlotEnd, reply: Reply): void {
	if (!(reply instanceof RespError)) return;
	throw new MoveError(`Node ${formatEndpoint(node.endpoint)} replied with error:\n${reply.message}`, reply);
}
