/**
 * CLUSTER and its subcommands, READONLY, READWRITE and ASKING. The grammar reads the arguments; what depends on the cluster's
 * state is judged by the cluster core (`ClusterService.submit`), and what is shown is described by src/cluster/describe.ts.
 */
import type {ClusterChange} from '../cluster/changes.ts';
import {
	describeFailureReports,
	describeInfo,
	describeLinks,
	describeMyId,
	describeMyShardId,
	describeNodes,
	describeReplicas,
	describeShards,
	describeSlots,
	type ShardNode,
	type SlotServer,
} from '../cluster/describe.ts';
import {isEnded} from '../cluster/slot-migration.ts';
import {parseInt64} from '../lib/integers.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {keySlot, SLOT_COUNT} from '../slots/key-slot.ts';
import type {SlotRange} from '../slots/slot-ranges.ts';
import {
	type Arg,
	block,
	bytes,
	custom,
	flag,
	int64,
	integer,
	many,
	named,
	oneOf,
	optional,
	text,
} from './args.ts';
import type {ClusterService} from './cluster-service.ts';
import {type Command, command, type CommandSpec} from './command.ts';
import type {Context} from './context.ts';
import {CLUSTER_DISABLED, CommandError, printable, SYNTAX_ERROR, WRONG_ARITY} from './errors.ts';
import {replyHelp} from './help.ts';

const INVALID_SLOT = new CommandError('ERR Invalid slot');
export const SLOT_OUT_OF_RANGE = new CommandError('ERR Invalid or out of range slot');
const INVALID_SLOT_OR_COUNT = new CommandError('ERR Invalid slot or number of keys');
const INVALID_SETSLOT = new CommandError(
	'ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP',
);

/** What shows something: a node that is out of step with its primary may still be asked. */
const SHOW = ['stale'] as const;
const SHOW_TO_ADMIN = ['admin', 'stale'] as const;
export const CHANGE = ['admin', 'stale', 'no_async_loading'] as const;
const NONDETERMINISTIC = ['nondeterministic_output'] as const;

/** Refuses before it looks at any argument when the node runs alone, as redis-server does. */
export function clusterCommand<const A extends readonly Arg<unknown>[] = readonly []>(
	spec: CommandSpec<A>,
): Command {
	return command({
		...spec,
		inPlace(context) {
			clusterOf(context);
			return false;
		},
	});
}

export function clusterOf({services}: Context): ClusterService {
	if (services.cluster === null) throw CLUSTER_DISABLED;
	return services.cluster;
}

function submit(context: Context, change: ClusterChange): void {
	const outcome = clusterOf(context).submit(change);
	if (outcome.ok) context.reply.simple(outcome.reply);
	else context.reply.error(outcome.error);
}

// Arguments

/** Bytes as error lines show them: whether a node has that id is the core's to say. */
const shown = (request: Request, index: number): string => printable(request, index, request.lengths[index]!);

const nodeId = (): Arg<string> => ({
	...text('node-id'),
	read: (cursor) => shown(cursor.request, cursor.take()),
});

const slotArgument = integer('slot', {
	least: 0,
	most: SLOT_COUNT - 1,
	error: SLOT_OUT_OF_RANGE,
	rangeError: SLOT_OUT_OF_RANGE,
});

interface SlotPairs {
	readonly ranges: readonly SlotRange[];
	/** Why the pair behind `ranges` is none. It is only reported when nothing is wrong with the slots before it. */
	readonly error: CommandError | null;
}

const slotPairs: Arg<SlotPairs> = custom(
	[many(block('start-slot_end-slot', {start: integer('start-slot'), end: integer('end-slot')}))],
	{
		min: 2,
		max: Infinity,
		read(cursor) {
			if ((cursor.end - cursor.at) % 2 !== 0) throw WRONG_ARITY;
			const ranges: SlotRange[] = [];
			while (cursor.at < cursor.end) {
				const first = slotAt(cursor.request, cursor.take());
				const last = slotAt(cursor.request, cursor.take());
				if (first === null || last === null) return rest(cursor, {ranges, error: SLOT_OUT_OF_RANGE});
				if (first > last) {
					const problem = `ERR start slot number ${first} is greater than end slot number ${last}`;
					return rest(cursor, {ranges, error: new CommandError(problem)});
				}
				ranges.push([first, last]);
			}
			return {ranges, error: null};
		},
	},
);

/** Leaves nothing for the grammar to complain about. */
function rest<T>(cursor: {at: number; readonly end: number}, value: T): T {
	cursor.at = cursor.end;
	return value;
}

export function slotAt(request: Request, index: number): number | null {
	const value = parseInt64(request.region.bytes, request.offsets[index], request.lengths[index]);
	return typeof value === 'number' && value >= 0 && value < SLOT_COUNT ? value : null;
}

/** Positions of the arguments of a subcommand that reads them itself. */
export const raw = (documentedAs: readonly Arg<unknown>[], min: number): Arg<number> =>
	custom(documentedAs, {min, max: Infinity, read: (cursor) => rest(cursor, cursor.at)});

function unknownOrWrongCount(request: Request): CommandError {
	const container = request.word(0);
	return new CommandError(
		`ERR unknown subcommand or wrong number of arguments for '${printable(request, 1, 128)}'. Try ${container} HELP.`,
	);
}

// Slots of this node

function changeSlotPairs(
	context: Context,
	kind: 'add-slots' | 'delete-slots',
	{ranges, error}: SlotPairs,
): void {
	if (error === null) {
		submit(context, {kind, ranges});
		return;
	}
	throw problemWith(clusterOf(context), kind, ranges) ?? error;
}

/** What is wrong with slots that stand before an argument that is wrong in itself; redis-server finds it first. */
function problemWith(
	{view}: ClusterService,
	kind: 'add-slots' | 'delete-slots',
	ranges: readonly SlotRange[],
): CommandError | null {
	const seen = new Set<number>();
	for (const [first, last] of ranges) {
		for (let slot = first; slot <= last; slot++) {
			const isAssigned = view.owners[slot] !== 0;
			if (kind === 'add-slots' && isAssigned) return new CommandError(`ERR Slot ${slot} is already busy`);
			if (kind === 'delete-slots' && !isAssigned)
				return new CommandError(`ERR Slot ${slot} is already unassigned`);
			if (seen.has(slot)) return new CommandError(`ERR Slot ${slot} specified multiple times`);
			seen.add(slot);
		}
	}
	return null;
}

const addSlots = clusterCommand({
	name: 'cluster|addslots',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Assign new hash slots to receiving node',
	complexity: 'O(N) where N is the total number of hash slot arguments',
	args: [many(slotArgument)],
	run(context, slots) {
		submit(context, {kind: 'add-slots', ranges: slots.map((slot) => [slot, slot])});
	},
});

const addSlotsRange = clusterCommand({
	name: 'cluster|addslotsrange',
	since: '7.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Assign new hash slots to receiving node',
	complexity: 'O(N) where N is the total number of the slots between the start slot and end slot arguments.',
	args: [slotPairs],
	run(context, pairs) {
		changeSlotPairs(context, 'add-slots', pairs);
	},
});

const deleteSlots = clusterCommand({
	name: 'cluster|delslots',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Set hash slots as unbound in receiving node',
	complexity: 'O(N) where N is the total number of hash slot arguments',
	args: [many(slotArgument)],
	run(context, slots) {
		submit(context, {kind: 'delete-slots', ranges: slots.map((slot) => [slot, slot])});
	},
});

const deleteSlotsRange = clusterCommand({
	name: 'cluster|delslotsrange',
	since: '7.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Set hash slots as unbound in receiving node',
	complexity: 'O(N) where N is the total number of the slots between the start slot and end slot arguments.',
	args: [slotPairs],
	run(context, pairs) {
		changeSlotPairs(context, 'delete-slots', pairs);
	},
});

const flushSlots = clusterCommand({
	name: 'cluster|flushslots',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: "Delete a node's own slots information",
	complexity: 'O(1)',
	run(context) {
		submit(context, {kind: 'flush-slots'});
	},
});

const setSlot = clusterCommand({
	name: 'cluster|setslot',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Bind a hash slot to a specific node',
	complexity: 'O(1)',
	args: [
		raw(
			[
				integer('slot'),
				oneOf('subcommand', {
					importing: named('IMPORTING', text('node-id')),
					migrating: named('MIGRATING', text('node-id')),
					node: named('NODE', text('node-id')),
					stable: flag('STABLE'),
				}),
			],
			2,
		),
	],
	run(context, at) {
		const slot = slotAt(context.request, at);
		if (slot === null) throw SLOT_OUT_OF_RANGE;
		submit(context, slotChange(context.request, slot, at + 1));
	},
});

function slotChange(request: Request, slot: number, at: number): ClusterChange {
	const count = request.count - at;
	if (count === 1 && request.isWord(at, 'STABLE')) return {kind: 'set-slot-stable', slot};
	if (count !== 2) throw INVALID_SETSLOT;
	const node = shown(request, at + 1);
	if (request.isWord(at, 'MIGRATING')) return {kind: 'set-slot-migrating', slot, to: node};
	if (request.isWord(at, 'IMPORTING')) return {kind: 'set-slot-importing', slot, from: node};
	if (request.isWord(at, 'NODE')) return {kind: 'set-slot-node', slot, owner: node};
	throw INVALID_SETSLOT;
}

// Membership and epochs

/** The bus port where none is given: the port and this. */
const BUS_PORT_OFFSET = 10_000;

const meet = clusterCommand({
	name: 'cluster|meet',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Force a node cluster to handshake with another node',
	complexity: 'O(1)',
	history: [['4.0.0', 'Added the optional `cluster_bus_port` argument.']],
	args: [raw([text('ip'), integer('port'), optional(integer('cluster_bus_port', {since: '4.0.0'}))], 2)],
	run(context, at) {
		const {request} = context;
		if (request.count - at > 3) throw unknownOrWrongCount(request);
		const host = shown(request, at);
		const port = integerAt(request, at + 1, 'Invalid TCP base port specified');
		const hasBusPort = request.count - at === 3;
		const busPort = hasBusPort
			? integerAt(request, at + 2, 'Invalid TCP bus port specified')
			: Number(port) + BUS_PORT_OFFSET;
		// What is no exact number is no port either, but must be shown as it was written.
		if (typeof port === 'bigint' || typeof busPort === 'bigint') {
			throw new CommandError(`ERR Invalid node address specified: ${host}:${port}`);
		}
		submit(context, {kind: 'meet', host, port, busPort});
	},
});

function integerAt(request: Request, index: number, problem: string): number | bigint {
	const value = parseInt64(request.region.bytes, request.offsets[index], request.lengths[index]);
	if (value === null) throw new CommandError(`ERR ${problem}: ${shown(request, index)}`);
	return value;
}

const forget = clusterCommand({
	name: 'cluster|forget',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Remove a node from the nodes table',
	complexity: 'O(1)',
	args: [nodeId()],
	run(context, node) {
		submit(context, {kind: 'forget', node});
	},
});

const reset = clusterCommand({
	name: 'cluster|reset',
	since: '3.0.0',
	group: 'cluster',
	flags: ['admin', 'noscript', 'stale'],
	summary: 'Reset a Redis Cluster node',
	complexity:
		'O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.',
	args: [raw([optional(oneOf('hard_soft', {hard: flag('HARD'), soft: flag('SOFT')}))], 0)],
	run(context, at) {
		const {request} = context;
		const count = request.count - at;
		if (count > 1) throw unknownOrWrongCount(request);
		const hard = count === 1 && request.isWord(at, 'HARD');
		if (count === 1 && !hard && !request.isWord(at, 'SOFT')) throw SYNTAX_ERROR;
		submit(context, {kind: 'reset', hard});
	},
});

const replicate = clusterCommand({
	name: 'cluster|replicate',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Reconfigure a node as a replica of the specified master node',
	complexity: 'O(1)',
	args: [nodeId()],
	run(context, node) {
		submit(context, {kind: 'replicate', node});
	},
});

const failover = clusterCommand({
	name: 'cluster|failover',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Forces a replica to perform a manual failover of its master.',
	complexity: 'O(1)',
	args: [raw([optional(oneOf('options', {force: flag('FORCE'), takeover: flag('TAKEOVER')}))], 0)],
	run(context, at) {
		const {request} = context;
		const count = request.count - at;
		if (count > 1) throw unknownOrWrongCount(request);
		if (count === 0) submit(context, {kind: 'failover', mode: 'default'});
		else if (request.isWord(at, 'FORCE')) submit(context, {kind: 'failover', mode: 'force'});
		else if (request.isWord(at, 'TAKEOVER')) submit(context, {kind: 'failover', mode: 'takeover'});
		else throw SYNTAX_ERROR;
	},
});

const setConfigEpoch = clusterCommand({
	name: 'cluster|set-config-epoch',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Set the configuration epoch in a new node',
	complexity: 'O(1)',
	args: [int64('config-epoch')],
	run(context, epoch) {
		submit(context, {kind: 'set-config-epoch', epoch});
	},
});

const bumpEpoch = clusterCommand({
	name: 'cluster|bumpepoch',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Advance the cluster config epoch',
	complexity: 'O(1)',
	tips: NONDETERMINISTIC,
	run(context) {
		submit(context, {kind: 'bump-epoch'});
	},
});

const saveConfig = clusterCommand({
	name: 'cluster|saveconfig',
	since: '3.0.0',
	group: 'cluster',
	flags: CHANGE,
	summary: 'Forces the node to save cluster state on disk',
	complexity: 'O(1)',
	run(context) {
		submit(context, {kind: 'save-config'});
	},
});

// What the node knows

const info = clusterCommand({
	name: 'cluster|info',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Provides info about Redis Cluster node state',
	complexity: 'O(1)',
	tips: NONDETERMINISTIC,
	run(context) {
		const cluster = clusterOf(context);
		const {slotMigrations: migrations} = context.services;
		const figures: readonly (readonly [string, number])[] =
			migrations === null
				? []
				: [
						['cluster_slot_migration_active_tasks', migrations.tasks.filter((task) => !isEnded(task)).length],
						['cluster_slot_migration_active_trim_running', migrations.trimmedSlotCount > 0 ? 1 : 0],
						['cluster_slot_migration_active_trim_current_job_keys', migrations.trimmedKeyCount],
					];
		const lines = figures.map(([name, value]) => `${name}:${value}\r\n`).join('');
		context.reply.verbatim('txt', describeInfo(cluster.view, cluster.linksOverLimitCount) + lines);
	},
});

const nodes = clusterCommand({
	name: 'cluster|nodes',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Get Cluster config for the node',
	complexity: 'O(N) where N is the total number of Cluster nodes',
	tips: NONDETERMINISTIC,
	run(context) {
		context.reply.verbatim('txt', describeNodes(clusterOf(context).view));
	},
});

function listReplicas(context: Context, node: string): void {
	const {reply} = context;
	const lines = describeReplicas(clusterOf(context).view, node);
	if ('error' in lines) {
		reply.error(lines.error);
		return;
	}
	reply.array(lines.length);
	for (const line of lines) reply.bulkText(line);
}

const replicas = clusterCommand({
	name: 'cluster|replicas',
	since: '5.0.0',
	group: 'cluster',
	flags: SHOW_TO_ADMIN,
	summary: 'List replica nodes of the specified master node',
	complexity: 'O(1)',
	tips: NONDETERMINISTIC,
	args: [nodeId()],
	run: listReplicas,
});

const slaves = clusterCommand({
	name: 'cluster|slaves',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW_TO_ADMIN,
	summary: 'List replica nodes of the specified master node',
	complexity: 'O(1)',
	tips: NONDETERMINISTIC,
	docFlags: ['deprecated'],
	deprecatedSince: '5.0.0',
	replacedBy: '`CLUSTER REPLICAS`',
	args: [nodeId()],
	run: listReplicas,
});

const slots = clusterCommand({
	name: 'cluster|slots',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Get array of Cluster slot to node mappings',
	complexity: 'O(N) where N is the total number of Cluster nodes',
	tips: NONDETERMINISTIC,
	docFlags: ['deprecated'],
	deprecatedSince: '7.0.0',
	replacedBy: '`CLUSTER SHARDS`',
	history: [
		['4.0.0', 'Added node IDs.'],
		['7.0.0', 'Added additional networking metadata field.'],
	],
	run(context) {
		const {reply} = context;
		const {config, view} = clusterOf(context);
		const ranges = describeSlots(view, config);
		reply.array(ranges.length);
		for (const {first, last, servers} of ranges) {
			reply.array(2 + servers.length);
			reply.integer(first);
			reply.integer(last);
			for (const server of servers) writeSlotServer(reply, server);
		}
	},
});

function writeSlotServer(reply: ReplyWriter, {endpoint, id, metadata, port}: SlotServer): void {
	reply.array(4);
	if (endpoint === null) reply.null();
	else reply.bulkText(endpoint);
	reply.integer(port);
	reply.bulkText(id);
	reply.map(metadata.length);
	for (const [name, value] of metadata) writeField(reply, name, value);
}

const shards = clusterCommand({
	name: 'cluster|shards',
	since: '7.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Get array of cluster slots to node mappings',
	complexity: 'O(N) where N is the total number of cluster nodes',
	tips: NONDETERMINISTIC,
	run(context) {
		const {reply} = context;
		const {config, view} = clusterOf(context);
		const described = describeShards(view, config);
		reply.array(described.length);
		for (const shard of described) {
			reply.map(2);
			reply.bulkText('slots');
			reply.array(shard.slots.length * 2);
			for (const [first, last] of shard.slots) {
				reply.integer(first);
				reply.integer(last);
			}
			reply.bulkText('nodes');
			reply.array(shard.nodes.length);
			for (const node of shard.nodes) writeShardNode(reply, node);
		}
	},
});

function writeShardNode(reply: ReplyWriter, node: ShardNode): void {
	reply.map(node.hostname === null ? 7 : 8);
	writeField(reply, 'id', node.id);
	writeField(reply, 'port', node.port);
	writeField(reply, 'ip', node.ip);
	writeField(reply, 'endpoint', node.endpoint ?? '');
	if (node.hostname !== null) writeField(reply, 'hostname', node.hostname);
	writeField(reply, 'role', node.role);
	writeField(reply, 'replication-offset', node.replicationOffset);
	writeField(reply, 'health', node.health);
}

const links = clusterCommand({
	name: 'cluster|links',
	since: '7.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Returns a list of all TCP links to and from peer nodes in cluster',
	complexity: 'O(N) where N is the total number of Cluster nodes',
	tips: NONDETERMINISTIC,
	run(context) {
		const {reply} = context;
		const cluster = clusterOf(context);
		const described = describeLinks(cluster.view);
		reply.array(described.length);
		for (const {createdAt, direction, isOpen, link, node} of described) {
			const {allocatedBytes, pendingBytes} = cluster.linkBuffer(link);
			reply.map(6);
			writeField(reply, 'direction', direction);
			writeField(reply, 'node', node);
			writeField(reply, 'create-time', createdAt);
			writeField(reply, 'events', `${isOpen ? 'r' : ''}${isOpen && pendingBytes > 0 ? 'w' : ''}`);
			writeField(reply, 'send-buffer-allocated', allocatedBytes);
			writeField(reply, 'send-buffer-used', pendingBytes);
		}
	},
});

/** A field of a map, and its value. */
export function writeField(reply: ReplyWriter, name: string, value: string | number): void {
	reply.bulkText(name);
	if (typeof value === 'number') reply.integer(value);
	else reply.bulkText(value);
}

const myId = clusterCommand({
	name: 'cluster|myid',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Return the node id',
	complexity: 'O(1)',
	run(context) {
		context.reply.bulkText(describeMyId(clusterOf(context).view));
	},
});

const myShardId = clusterCommand({
	name: 'cluster|myshardid',
	since: '7.2.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Returns the shard ID of a node.',
	complexity: 'O(1)',
	tips: NONDETERMINISTIC,
	run(context) {
		context.reply.bulkText(describeMyShardId(clusterOf(context).view));
	},
});

const countFailureReports = clusterCommand({
	name: 'cluster|count-failure-reports',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW_TO_ADMIN,
	summary: 'Return the number of failure reports active for a given node',
	complexity: 'O(N) where N is the number of failure reports',
	tips: NONDETERMINISTIC,
	args: [nodeId()],
	run(context, node) {
		const cluster = clusterOf(context);
		const count = describeFailureReports(cluster.view, cluster.config, node, cluster.nowMs());
		if (typeof count === 'number') context.reply.integer(count);
		else context.reply.error(count.error);
	},
});

// Keys and slots

const keySlotOf = clusterCommand({
	name: 'cluster|keyslot',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Returns the hash slot of the specified key',
	complexity: 'O(N) where N is the number of bytes in the key',
	args: [bytes('key')],
	run({reply}, key) {
		reply.integer(keySlot(key));
	},
});

const countKeysInSlot = clusterCommand({
	name: 'cluster|countkeysinslot',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Return the number of local keys in the specified hash slot',
	complexity: 'O(1)',
	args: [integer('slot', {least: 0, most: SLOT_COUNT - 1, rangeError: INVALID_SLOT})],
	run({reply, services}, slot) {
		reply.integer(services.databases[0]!.slotCount(slot));
	},
});

const getKeysInSlot = clusterCommand({
	name: 'cluster|getkeysinslot',
	since: '3.0.0',
	group: 'cluster',
	flags: SHOW,
	summary: 'Return local key names in the specified hash slot',
	complexity: 'O(log(N)) where N is the number of requested keys',
	tips: NONDETERMINISTIC,
	args: [integer('slot'), integer('count')],
	run({reply, services}, slot, count) {
		if (slot < 0 || slot >= SLOT_COUNT || count < 0) throw INVALID_SLOT_OR_COUNT;
		const keys = services.databases[0]!.slotKeys(slot, count);
		reply.array(keys.length);
		for (const key of keys) reply.bulk(key);
	},
});

// The container and its help

const help = clusterCommand({
	name: 'cluster|help',
	since: '5.0.0',
	group: 'cluster',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'CLUSTER', HELP);
	},
});

const cluster = command({
	name: 'cluster',
	since: '3.0.0',
	group: 'cluster',
	flags: [],
	summary: 'A container for cluster commands',
	complexity: 'Depends on subcommand.',
});

/** A line for the form of each subcommand, and lines for what it does. */
const HELP: readonly string[] = [
	'ADDSLOTS <slot> [<slot> ...]',
	'    Assign slots to current node.',
	'ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]',
	'    Assign slots which are between <start-slot> and <end-slot> to current node.',
	'BUMPEPOCH',
	'    Advance the cluster config epoch.',
	'COUNT-FAILURE-REPORTS <node-id>',
	'    Return number of failure reports for <node-id>.',
	'COUNTKEYSINSLOT <slot>',
	'    Return the number of keys in <slot>.',
	'DELSLOTS <slot> [<slot> ...]',
	'    Delete slots information from current node.',
	'DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]',
	'    Delete slots information which are between <start-slot> and <end-slot> from current node.',
	'FAILOVER [FORCE|TAKEOVER]',
	'    Promote current replica node to being a master.',
	'FORGET <node-id>',
	'    Remove a node from the cluster.',
	'GETKEYSINSLOT <slot> <count>',
	'    Return key names stored by current node in a slot.',
	'FLUSHSLOTS',
	'    Delete current node own slots information.',
	'INFO',
	'    Return information about the cluster.',
	'KEYSLOT <key>',
	'    Return the hash slot for <key>.',
	'MEET <ip> <port> [<bus-port>]',
	'    Connect nodes into a working cluster.',
	'MYID',
	'    Return the node id.',
	'MYSHARDID',
	'    Return the shard id of the node.',
	'NODES',
	'    Return cluster configuration seen by node. Output format:',
	'    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...',
	'REPLICATE <node-id>',
	'    Configure current node as replica to <node-id>.',
	'RESET [HARD|SOFT]',
	'    Reset current node (default: soft).',
	'SET-CONFIG-EPOCH <epoch>',
	'    Set config epoch of current node.',
	'SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)',
	'    Set slot state.',
	'REPLICAS <node-id>',
	'    Return <node-id> replicas.',
	'SAVECONFIG',
	'    Force saving cluster configuration on disk.',
	'SLOTS',
	'    Return information about slots range mappings. Each range is made of:',
	'    start, end, master and replicas IP addresses, ports and ids',
	'SHARDS',
	'    Return information about slot range mappings and the nodes associated with them.',
	'MIGRATION IMPORT <start-slot> <end-slot> [<start-slot> <end-slot> ...]',
	'    Import the slots with their keys from the node that owns them.',
	'MIGRATION STATUS (ID <task-id>|ALL)',
	'    Return what is known of one or all slot migrations of this node.',
	'MIGRATION CANCEL (ID <task-id>|ALL)',
	'    Cancel one or all slot migrations.',
	'MIGRATESLOTS SLOTSRANGE <start-slot> <end-slot> [<start-slot> <end-slot> ...] NODE <node-id> [SLOTSRANGE ...]',
	'    Give slots of this node with their keys to other nodes.',
	'GETSLOTMIGRATIONS',
	'    Return what is known of the slot migrations of this node.',
	'CANCELSLOTMIGRATIONS',
	'    Cancel the migrations of slots of this node to others.',
	'LINKS',
	'    Return information about all network links between this node and its peers.',
	'    Output format is an array where each array element is a map containing attributes of a link',
];

// What a connection says of itself

const readonly = clusterCommand({
	name: 'readonly',
	since: '3.0.0',
	group: 'cluster',
	categories: ['connection'],
	flags: ['loading', 'stale', 'fast'],
	summary: 'Enables read queries for a connection to a cluster replica node',
	complexity: 'O(1)',
	run({client, reply}) {
		client.readonlyMode = true;
		reply.ok();
	},
});

const readwrite = clusterCommand({
	name: 'readwrite',
	since: '3.0.0',
	group: 'cluster',
	categories: ['connection'],
	flags: ['loading', 'stale', 'fast'],
	summary: 'Disables read queries for a connection to a cluster replica node',
	complexity: 'O(1)',
	run({client, reply}) {
		client.readonlyMode = false;
		reply.ok();
	},
});

const asking = clusterCommand({
	name: 'asking',
	since: '3.0.0',
	group: 'cluster',
	categories: ['connection'],
	flags: ['fast'],
	summary: 'Sent by cluster clients after an -ASK redirect',
	complexity: 'O(1)',
	run({client, reply}) {
		client.asking = true;
		reply.ok();
	},
});

export const clusterCommands: readonly Command[] = [
	cluster,
	addSlots,
	addSlotsRange,
	bumpEpoch,
	countFailureReports,
	countKeysInSlot,
	deleteSlots,
	deleteSlotsRange,
	failover,
	flushSlots,
	forget,
	getKeysInSlot,
	help,
	info,
	keySlotOf,
	links,
	meet,
	myId,
	myShardId,
	nodes,
	replicas,
	replicate,
	reset,
	saveConfig,
	setConfigEpoch,
	setSlot,
	shards,
	slaves,
	slots,
	asking,
	readonly,
	readwrite,
];
