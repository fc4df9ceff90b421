/**
 * Atomic slot migration, by two doors to one engine: CLUSTER MIGRATION as Redis 8.4 has it, on the destination, and CLUSTER
 * MIGRATESLOTS as Valkey 9 has it, on the source. What both report is the same tasks in the words of either.
 */
import {
	destinationProblem,
	doOverlap,
	exporterProblem,
	exportProblem,
	isEnded,
	joinRanges,
	type MigrationTask,
} from '../cluster/slot-migration.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {type SlotRange} from '../slots/slot-ranges.ts';
import {type Arg, block, flag, integer, many, named, oneOf, text} from './args.ts';
import {CHANGE, clusterCommand, clusterOf, raw, SLOT_OUT_OF_RANGE, slotAt, writeField} from './cluster.ts';
import type {Command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, printable, SYNTAX_ERROR, wrongArity} from './errors.ts';
import type {ExportRequest, SlotMigrationService} from './slot-migration-service.ts';

const WRONG_MIGRATION_ARITY = new CommandError(wrongArity('cluster|migration'));
const UNKNOWN_ARGUMENT = new CommandError('ERR unknown argument');
const NO_MIGRATIONS = new CommandError('ERR No migrations ongoing');

function migrationsOf({services}: Context): SlotMigrationService {
	return services.slotMigrations!;
}

const slotPair = many(block('slot-range', {start: integer('start-slot'), end: integer('end-slot')}));
const taskChoice = (): Arg<unknown> => oneOf('task', {id: named('ID', text('task-id')), all: flag('ALL')});

// As Redis 8.4

const migration = clusterCommand({
	name: 'cluster|migration',
	since: '8.4.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Start, monitor and cancel slot migration.',
	complexity: 'O(N) where N is the total number of the slots between the start slot and end slot arguments.',
	args: [
		raw(
			[
				oneOf('subcommand', {
					import: named('IMPORT', slotPair),
					cancel: named('CANCEL', taskChoice()),
					status: named('STATUS', taskChoice()),
				}),
			],
			2,
		),
	],
	run(context, at) {
		const {request, reply} = context;
		const count = request.count - at;
		if (request.isWord(at, 'IMPORT')) {
			if (count < 3 || count % 2 === 0) throw WRONG_MIGRATION_ARITY;
			const ranges = readRanges(request, at + 1, request.count);
			reply.bulkText(migrationsOf(context).beginImport(ranges));
		} else if (request.isWord(at, 'STATUS')) {
			const tasks = migrationsOf(context).tasks.filter(chosen(request, at + 1));
			reply.array(tasks.length);
			for (const task of tasks) writeStatus(reply, task);
		} else if (request.isWord(at, 'CANCEL')) {
			reply.integer(migrationsOf(context).cancel(chosen(request, at + 1)));
		} else {
			throw UNKNOWN_ARGUMENT;
		}
	},
});

/** Which tasks `ID id` or `ALL` names. @throws CommandError */
function chosen(request: Request, at: number): (task: MigrationTask) => boolean {
	const count = request.count - at;
	if (request.isWord(at, 'ALL')) {
		if (count !== 1) throw WRONG_MIGRATION_ARITY;
		return () => true;
	}
	if (!request.isWord(at, 'ID')) throw UNKNOWN_ARGUMENT;
	if (count !== 2) throw WRONG_MIGRATION_ARITY;
	const id = request.latin1(at + 1);
	return (task) => task.id === id;
}

/** Joined and sorted. @throws CommandError */
function readRanges(request: Request, from: number, to: number): SlotRange[] {
	const ranges: SlotRange[] = [];
	for (let at = from; at < to; at += 2) {
		const first = slotAt(request, at);
		const last = slotAt(request, at + 1);
		if (first === null || last === null) throw SLOT_OUT_OF_RANGE;
		if (first > last)
			throw new CommandError(`ERR start slot number ${first} is greater than end slot number ${last}`);
		ranges.push([first, last]);
	}
	const joined = joinRanges(ranges);
	if (typeof joined === 'string') throw new CommandError(joined);
	return joined;
}

function writeStatus(reply: ReplyWriter, task: MigrationTask): void {
	reply.map(12);
	writeField(reply, 'id', task.id);
	writeField(reply, 'slots', formatRanges(task.ranges, ' '));
	writeField(reply, 'source', task.source);
	writeField(reply, 'dest', task.destination);
	writeField(reply, 'operation', task.operation);
	writeField(reply, 'state', task.state);
	writeField(reply, 'last_error', task.lastError);
	writeField(reply, 'retries', task.retries);
	writeField(reply, 'create_time', task.createdAtMs);
	writeField(reply, 'start_time', task.startedAtMs);
	writeField(reply, 'end_time', task.endedAtMs);
	writeField(reply, 'write_pause_ms', task.writePauseMs);
}

// As Valkey 9

const migrateSlots = clusterCommand({
	name: 'cluster|migrateslots',
	since: '9.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Starts the atomic migration of slots of this node to other nodes.',
	complexity: 'O(N) where N is the total number of slots between all start slot and end slot arguments.',
	args: [
		raw(
			[many(block('move', {slots: named('SLOTSRANGE', slotPair), node: named('NODE', text('node-id'))}))],
			5,
		),
	],
	run(context, at) {
		migrationsOf(context).beginExports(readMoves(context, at));
		context.reply.ok();
	},
});

/** All of the moves, or none. @throws CommandError */
function readMoves(context: Context, from: number): ExportRequest[] {
	const {request} = context;
	const {view} = clusterOf(context);
	const problem = exporterProblem(view);
	if (problem !== null) throw new CommandError(problem);
	const running = migrationsOf(context).tasks.filter((task) => !isEnded(task));
	const moves: ExportRequest[] = [];
	for (let at = from; at < request.count;) {
		if (!request.isWord(at, 'SLOTSRANGE')) throw SYNTAX_ERROR;
		let end = at + 1;
		while (end < request.count && !request.isWord(end, 'NODE')) end++;
		if (end === at + 1 || (end - at) % 2 === 0 || end + 1 >= request.count) throw SYNTAX_ERROR;
		const ranges = readRanges(request, at + 1, end);
		const slotProblem = exportProblem(view, ranges, running);
		if (slotProblem !== null) throw new CommandError(slotProblem);
		if (moves.some((move) => doOverlap(move.ranges, ranges)))
			throw new CommandError('ERR Slot ranges in migrations overlap');
		const name = printable(request, end + 1, request.lengths[end + 1]!);
		const nodeProblem = destinationProblem(view, name);
		if (nodeProblem !== null) throw new CommandError(nodeProblem);
		moves.push({ranges, destination: name});
		at = end + 2;
	}
	return moves;
}

const getSlotMigrations = clusterCommand({
	name: 'cluster|getslotmigrations',
	since: '9.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Returns the atomic slot migrations of this node, those under way and the last ones.',
	complexity: 'O(N), where N is the number of active slot import and export jobs.',
	run(context) {
		const {reply} = context;
		const {tasks} = migrationsOf(context);
		reply.array(tasks.length);
		for (const task of tasks) writeMigration(reply, task);
	},
});

function writeMigration(reply: ReplyWriter, task: MigrationTask): void {
	const seconds = (ms: number): number => Math.floor(ms / 1000);
	reply.map(11);
	writeField(reply, 'name', task.id);
	writeField(reply, 'operation', task.operation === 'import' ? 'IMPORT' : 'EXPORT');
	writeField(reply, 'slot_ranges', formatRanges(task.ranges, ' '));
	writeField(reply, 'target_node', task.destination);
	writeField(reply, 'source_node', task.source);
	writeField(reply, 'create_time', seconds(task.createdAtMs));
	writeField(reply, 'last_update_time', seconds(task.updatedAtMs));
	writeField(reply, 'last_ack_time', seconds(task.heardAtMs));
	writeField(reply, 'state', VALKEY_STATES[task.state]);
	writeField(reply, 'message', task.lastError);
	// Nothing is copied by the kernel here: no second process makes the snapshot.
	writeField(reply, 'cow_size', 0);
}

const VALKEY_STATES: Readonly<Record<MigrationTask['state'], string>> = {
	none: 'waiting-for-ack',
	connecting: 'connecting',
	'send-syncslots': 'waiting-for-ack',
	'accumulate-buffer': 'receiving-snapshot',
	'wait-stream-eof': 'waiting-for-paused',
	takeover: 'failover-granted',
	'send-bulk-and-stream': 'snapshotting',
	'send-stream': 'replicating',
	'handoff-prep': 'waiting-to-pause',
	handoff: 'failover-paused',
	'stream-eof': 'failover-granted',
	completed: 'success',
	failed: 'failed',
	canceled: 'cancelled',
};

const cancelSlotMigrations = clusterCommand({
	name: 'cluster|cancelslotmigrations',
	since: '9.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Cancels all atomic migrations of slots of this node that are under way.',
	complexity: 'O(N), where N is the number of active slot export jobs.',
	run(context) {
		const migrations = migrationsOf(context);
		if (!migrations.tasks.some((task) => task.operation === 'migrate' && !isEnded(task))) throw NO_MIGRATIONS;
		migrations.cancel(({operation}) => operation === 'migrate');
		context.reply.ok();
	},
});

// Between the two ends

const syncSlots = clusterCommand({
	name: 'cluster|syncslots',
	since: '8.4.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'An internal command: what the two ends of an atomic slot migration say to each other.',
	complexity: 'Depends on what is said.',
	docFlags: ['syscmd'],
	args: [raw([text('word')], 1)],
	run(context, at) {
		const {client, reply, request} = context;
		const words: Uint8Array[] = [];
		for (let i = at; i < request.count; i++) words.push(request.bytes(i));
		if (migrationsOf(context).hear(client, words)) reply.ok();
	},
});

/** Both ends always, as both servers print them. */
const formatRanges = (ranges: readonly SlotRange[], separator: string): string =>
	ranges.map(([first, last]) => `${first}-${last}`).join(separator);

export const migrationCommands: readonly Command[] = [
	cancelSlotMigrations,
	getSlotMigrations,
	migrateSlots,
	migration,
	syncSlots,
];
