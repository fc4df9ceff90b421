/**
 * Slots that move atomically: the servers copy them among themselves and hand them over at once, no client is redirected with
 * ASK and nothing is ever half moved. There are two ways to ask for it.
 *
 *     Redis 8.4   the target:  CLUSTER MIGRATION IMPORT a b ...               -> task id, CLUSTER MIGRATION STATUS ID id
 *     Valkey 9    the source:  CLUSTER MIGRATESLOTS SLOTSRANGE a b ... NODE id -> OK, CLUSTER GETSLOTMIGRATIONS
 */

import {setTimeout as pause} from 'node:timers/promises';
import {RespError, type Reply} from '../resp/reply-parser.ts';
import {formatSlotRanges, type SlotRange} from '../slots/slot-ranges.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import type {MoveMethod} from './journal.ts';
import {MoveError, type SlotEnd} from './move-slot.ts';
import {parseSlots} from './moves.ts';

export type AtomicMethod = Exclude<MoveMethod, 'classic'>;

/** A migration as a node tells of it. */
export interface MigrationTask {
	readonly id: string;
	readonly slots: readonly SlotRange[];
	/** Of whom the node takes (`import`) or to whom it gives (`migrate`, `export`), in lower case. */
	readonly operation: string;
	readonly target: string;
	/** `completed`, `success`, `failed`, `canceled`, `cancelled`; anything else is under way. */
	readonly state: string;
	readonly message: string;
}

/** The manager waits no longer; the servers go on. */
export class StillRunningError extends MoveError {}

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;
const PAUSE_GROWTH = 1.5;
/** As long as redis-cli waits for one migration. */
const PATIENCE_MS = 3_600_000;

/** What all nodes offer: the same method must be known at both ends, and by whoever takes over from one of them. */
export async function atomicMethodOf(
	connections: Connections,
	primaries: readonly SlotEnd[],
): Promise<AtomicMethod | null> {
	const offers = await Promise.all(
		primaries.map(async ({endpoint}) => {
			const connection = await connections.to(endpoint);
			const reply = await connection.call('COMMAND', 'INFO', 'cluster|migration', 'cluster|migrateslots');
			return Array.isArray(reply) ? reply.map((info) => Array.isArray(info) && info.length > 0) : [];
		}),
	);
	if (offers.length === 0) return null;
	if (offers.every(([migration]) => migration === true)) return 'import';
	return offers.every(([, migrateSlots]) => migrateSlots === true) ? 'migrateslots' : null;
}

/**
 * Moves slots and resolves when the target serves them. @throws {MoveError} the source has them still
 * @throws {StillRunningError} @throws {ConnectionError} the migration may go on
 */
export async function moveAtomically(
	connections: Connections,
	method: AtomicMethod,
	source: SlotEnd,
	target: SlotEnd,
	slots: readonly SlotRange[],
): Promise<void> {
	const asked = method === 'import' ? target : source;
	const connection = await connections.to(asked.endpoint);
	const before = method === 'import' ? [] : await migrationTasks(connections, method, asked);
	const bounds = slots.flatMap(([start, end]) => [String(start), String(end)]);
	const reply = await (method === 'import'
		? connection.call('CLUSTER', 'MIGRATION', 'IMPORT', ...bounds)
		: connection.call('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', ...bounds, 'NODE', target.id));
	if (reply instanceof RespError) throw refusal(asked, reply);
	const known = new Set(before.map(({id}) => id));
	const wanted = formatSlotRanges(slots);
	await waitFor(connections, method, asked, (task) =>
		method === 'import'
			? task.id === reply
			: !known.has(task.id) && task.target === target.id && formatSlotRanges(task.slots) === wanted,
	);
}

/** The tasks that `node` knows, running and ended. @throws {MoveError} @throws {ConnectionError} */
export async function migrationTasks(
	connections: Connections,
	method: AtomicMethod,
	node: SlotEnd,
): Promise<MigrationTask[]> {
	const connection = await connections.to(node.endpoint);
	const reply = await (method === 'import'
		? connection.call('CLUSTER', 'MIGRATION', 'STATUS', 'ALL')
		: connection.call('CLUSTER', 'GETSLOTMIGRATIONS'));
	if (reply instanceof RespError) throw refusal(node, reply);
	return Array.isArray(reply) ? reply.map(readTask) : [];
}

/** Resolves when none of the node's running tasks that `concerns` names is left, whatever became of them. */
export async function waitForTasks(
	connections: Connections,
	method: AtomicMethod,
	node: SlotEnd,
	concerns: (task: MigrationTask) => boolean,
): Promise<void> {
	await poll(async () => {
		const tasks = await migrationTasks(connections, method, node);
		return tasks.some((task) => concerns(task) && !hasEnded(task)) ? null : true;
	}, node);
}

/** Asks for the end of the node's running tasks that `concerns` names. Valkey ends all tasks of a node or none. */
export async function cancelTasks(
	connections: Connections,
	method: AtomicMethod,
	node: SlotEnd,
	concerns: (task: MigrationTask) => boolean,
): Promise<void> {
	const connection = await connections.to(node.endpoint);
	const running = (await migrationTasks(connections, method, node)).filter(
		(task) => concerns(task) && !hasEnded(task),
	);
	if (running.length === 0) return;
	const replies = await Promise.all(
		method === 'import'
			? running.map(({id}) => connection.call('CLUSTER', 'MIGRATION', 'CANCEL', 'ID', id))
			: [connection.call('CLUSTER', 'CANCELSLOTMIGRATIONS')],
	);
	const error = replies.find((reply) => reply instanceof RespError);
	if (error !== undefined) throw refusal(node, error);
	await waitForTasks(connections, method, node, concerns);
}

export function hasEnded({state}: MigrationTask): boolean {
	return hasSucceeded(state) || /^(?:failed|cancell?ed)$/.test(state);
}

function hasSucceeded(state: string): boolean {
	return state === 'completed' || state === 'success';
}

async function waitFor(
	connections: Connections,
	method: AtomicMethod,
	node: SlotEnd,
	isIt: (task: MigrationTask) => boolean,
): Promise<void> {
	const ended = await poll(async () => {
		const task = (await migrationTasks(connections, method, node)).find(isIt);
		if (task === undefined) {
			throw new MoveError(
				`[ERR] Node ${formatEndpoint(node.endpoint)} knows nothing of the migration that it began.`,
			);
		}
		return hasEnded(task) ? task : null;
	}, node);
	if (hasSucceeded(ended.state)) return;
	const why = ended.message === '' ? '' : `: ${ended.message}`;
	throw new MoveError(
		`[ERR] Node ${formatEndpoint(node.endpoint)}: the migration of slots ${formatSlotRanges(ended.slots)} ${ended.state}${why}`,
	);
}

async function poll<T>(look: () => Promise<T | null>, node: SlotEnd): Promise<T> {
	const startedAt = performance.now();
	for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
		const found = await look();
		if (found !== null) return found;
		if (performance.now() - startedAt > PATIENCE_MS) {
			throw new StillRunningError(
				`[ERR] Node ${formatEndpoint(node.endpoint)}: the migration goes on after ${PATIENCE_MS / 60_000} minutes. It has not been stopped.`,
			);
		}
		await pause(pauseMs);
	}
}

/** A task as a map (RESP3) or as the flat list of its fields and values. */
function readTask(reply: Reply): MigrationTask {
	const fields = new Map<string, string>();
	const entries: [Reply, Reply][] =
		reply instanceof Map
			? [...reply]
			: Array.isArray(reply)
				? Array.from({length: reply.length >> 1}, (_, i) => [reply[2 * i]!, reply[2 * i + 1]!])
				: [];
	for (const [key, value] of entries) {
		if (typeof key === 'string' && typeof value === 'string') fields.set(key, value);
	}
	const field = (...names: readonly string[]): string =>
		names.map((name) => fields.get(name)).find((value) => value !== undefined) ?? '';
	return {
		id: field('id', 'name'),
		slots: parseSlots(field('slots', 'slot_ranges').replaceAll(',', ' ')) ?? [],
		operation: field('operation').toLowerCase(),
		target: field('dest', 'target_node'),
		state: field('state').toLowerCase(),
		message: field('last_error', 'message'),
	};
}

function refusal({endpoint}: SlotEnd, reply: RespError): MoveError {
	return new MoveError(`Node ${formatEndpoint(endpoint)} replied with error:\n${reply.message}`, reply);
}
