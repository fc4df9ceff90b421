/**
 * Replication: what replicas say to their primary (PSYNC, SYNC, REPLCONF), what an operator asks of a node (REPLICAOF, ROLE),
 * and what a client asks about its own writes (WAIT).
 */
import {parseInt64} from '../lib/integers.ts';
import type {Request} from '../resp/request.ts';
import {newReplica} from '../replication/primary.ts';
import {block, bytes, custom, flag, integer, named, oneOf, optional, text} from './args.ts';
import {isReplica} from './client.ts';
import {type Command, type CommandFacts, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, MUST_BE_POSITIVE, NOT_AN_INTEGER, SYNTAX_ERROR} from './errors.ts';
import {type FailoverOrder, WAITAOF_WITHOUT_AOF, writeDurability} from './replication-service.ts';

const NOT_IN_CLUSTER = new CommandError('ERR REPLICAOF not allowed in cluster mode.');
const FAILOVER_TO_PRIMARY = new CommandError("ERR PSYNC FAILOVER can't be sent to a master.");
const FAILOVER_OF_ANOTHER = new CommandError('ERR PSYNC FAILOVER replid must match my replid.');
const FAILOVER_IN_CLUSTER = new CommandError(
	'ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.',
);
const FAILING_OVER = new CommandError('ERR REPLICAOF not allowed while failing over.');
const BAD_FAILOVER_TIMEOUT = new CommandError('ERR FAILOVER timeout must be greater than 0');
const BAD_PRIMARY_PORT = new CommandError('ERR Invalid master port');
const NO_REPLICAS_OF_REPLICAS = new CommandError('ERR Command is not valid when client is a replica.');
const BAD_TIMEOUT = new CommandError('ERR timeout is not an integer or out of range');
const NEGATIVE_TIMEOUT = new CommandError('ERR timeout is negative');
const NOT_ZERO_OR_ONE = new CommandError('ERR value is out of range, value must between 0 and 1');
const WAITAOF_ON_REPLICA = new CommandError(
	'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
);
const WAIT_ON_REPLICA = new CommandError(
	'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.',
);

/** Longest address of a replica, in bytes. */
const LONGEST_ADDRESS = 1025;

const psync = command({
	name: 'psync',
	since: '2.8.0',
	group: 'server',
	flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
	summary: 'Internal command used for replication',
	args: [bytes('replicationid'), integer('offset')],
	arity: -3,
	inPlace({client, services: {cluster, replication}}, request) {
		// Asked again by one that is served already: there is nothing to say.
		if (isReplica(client)) return true;
		const id = request.latin1(1);
		// The primary's FAILOVER hands its part over: it stands still, has waited for this node, and wants to follow it.
		if (request.count > 3 && request.isWord(3, 'FAILOVER')) {
			if (cluster !== null) throw NOT_IN_CLUSTER;
			if (!replication.isReplica) throw FAILOVER_TO_PRIMARY;
			if (id !== replication.history.id) throw FAILOVER_OF_ANOTHER;
			replication.lead();
		}
		const firstByte = parseInt64(request.bytes(2));
		if (firstByte === null) throw NOT_AN_INTEGER;
		replication.psync(client, id, Number(firstByte));
		return true;
	},
});

const sync = command({
	name: 'sync',
	since: '1.0.0',
	group: 'server',
	flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
	summary: 'Internal command used for replication',
	run({client, services: {replication}}) {
		if (!isReplica(client)) replication.sync(client);
	},
});

const replConf = command({
	name: 'replconf',
	since: '3.0.0',
	group: 'server',
	flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
	summary: 'An internal command for configuring the replication stream',
	complexity: 'O(1)',
	docFlags: ['syscmd'],
	arity: -1,
	inPlace(context, request) {
		if (request.count % 2 === 0) throw SYNTAX_ERROR;
		for (let at = 1; at < request.count; at += 2) if (!configure(context, at)) return true;
		context.reply.ok();
		return true;
	},
});

/** An option and its value. False: it is one that is never answered. */
function configure({client, request, services: {replication}}: Context, at: number): boolean {
	const number = (): number => {
		const value = parseInt64(request.bytes(at + 1));
		if (value === null) throw NOT_AN_INTEGER;
		return Number(value);
	};
	const replica = (client.replica ??= newReplica());
	switch (request.word(at)) {
		case 'LISTENING-PORT':
			replica.listeningPort = number();
			return true;
		case 'IP-ADDRESS':
			if (request.lengths[at + 1]! > LONGEST_ADDRESS) {
				throw new CommandError(
					`ERR REPLCONF ip-address provided by replica instance is too long: ${request.lengths[at + 1]} bytes`,
				);
			}
			replica.announcedHost = request.latin1(at + 1);
			return true;
		case 'CAPA':
			// What is not known here is for another server.
			if (request.isWord(at + 1, 'EOF')) replica.takesUnknownLength = true;
			if (request.isWord(at + 1, 'PSYNC2')) replica.takesNewId = true;
			return true;
		case 'RDB-ONLY':
			replica.isSnapshotOnly = number() === 1;
			return true;
		case 'RDB-FILTER-ONLY': {
			const filters = request
				.latin1(at + 1)
				.split(' ')
				.filter((word) => word !== '');
			for (const filter of filters)
				if (filter !== 'functions')
					throw new CommandError(`ERR Unsupported rdb-filter-only option: ${filter}`);
			return true;
		}
		case 'ACK': {
			const offset = parseInt64(request.bytes(at + 1));
			const hasDurable = at + 3 < request.count && request.isWord(at + 2, 'FACK');
			const durable = hasDurable ? parseInt64(request.bytes(at + 3)) : null;
			if (offset !== null) replication.acknowledged(client, Number(offset), Number(durable ?? -1));
			return false;
		}
		case 'GETACK':
			replication.acknowledge();
			return false;
		default:
			throw new CommandError(`ERR Unrecognized REPLCONF option: ${request.latin1(at)}`);
	}
}

/** Null: NO ONE. */
type FollowTarget = {readonly host: string; readonly port: number} | null;

/** The port is looked at only when the rest of the command may be carried out. */
const followTarget = custom<() => FollowTarget>(
	[
		oneOf('args', {
			hostPort: block('host-port', {host: bytes('host'), port: integer('port')}),
			noOne: block('no-one', {no: flag('NO'), one: flag('ONE')}),
		}),
	],
	{
		min: 2,
		max: 2,
		read(cursor) {
			const {request} = cursor;
			const hostAt = cursor.take();
			const portAt = cursor.take();
			return () => {
				if (request.isWord(hostAt, 'NO') && request.isWord(portAt, 'ONE')) return null;
				const port = parseInt64(request.bytes(portAt));
				if (port === null || port < 0 || port > 65_535) throw BAD_PRIMARY_PORT;
				return {host: request.latin1(hostAt), port: Number(port)};
			};
		},
	},
);

type FailoverRequest = FailoverOrder | 'abort';

/** Options in any order, read when it is sure that the node is in no cluster. */
const failoverRequest = custom<() => FailoverRequest>(
	[
		optional(
			named(
				'TO',
				block('target', {host: text('host'), port: integer('port'), force: optional(flag('FORCE'))}),
			),
		),
		optional(flag('ABORT')),
		optional(named('TIMEOUT', integer('milliseconds'))),
	],
	{
		min: 0,
		max: Infinity,
		read(cursor) {
			const {request} = cursor;
			cursor.at = cursor.end;
			return () => readFailover(request);
		},
	},
);

function readFailover(request: Request): FailoverRequest {
	if (request.count === 2 && request.isWord(1, 'ABORT')) return 'abort';
	let target: FailoverOrder['target'] = null;
	let isForced = false;
	let timeoutMs = 0;
	const number = (at: number): number => {
		const value = parseInt64(request.bytes(at));
		if (value === null) throw NOT_AN_INTEGER;
		return Number(value);
	};
	for (let at = 1; at < request.count; at++) {
		const following = request.count - at - 1;
		if (request.isWord(at, 'TIMEOUT') && following > 0 && timeoutMs === 0) {
			timeoutMs = number(++at);
			if (timeoutMs <= 0) throw BAD_FAILOVER_TIMEOUT;
		} else if (request.isWord(at, 'TO') && following > 1 && target === null) {
			target = {host: request.latin1(at + 1), port: number(at + 2)};
			at += 2;
		} else if (request.isWord(at, 'FORCE') && !isForced) {
			isForced = true;
		} else {
			throw SYNTAX_ERROR;
		}
	}
	return {target, isForced, timeoutMs};
}

const failover = command({
	name: 'failover',
	since: '6.2.0',
	group: 'server',
	flags: ['admin', 'noscript', 'stale'],
	summary: 'Start a coordinated failover between this server and one of its replicas.',
	complexity: 'O(1)',
	args: [failoverRequest],
	run({reply, services: {cluster, replication}}, read) {
		if (cluster !== null) throw FAILOVER_IN_CLUSTER;
		const order = read();
		if (order === 'abort') replication.abortFailover();
		else replication.failover(order);
		reply.ok();
	},
});

type FollowFacts = Pick<CommandFacts, 'name' | 'since' | 'docFlags' | 'deprecatedSince' | 'replacedBy'>;

const followCommand = (facts: FollowFacts): Command =>
	command({
		...facts,
		group: 'server',
		flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
		summary: 'Make the server a replica of another instance, or promote it as master.',
		complexity: 'O(1)',
		args: [followTarget],
		run({client, reply, services: {cluster, replication}}, readTarget) {
			if (cluster !== null) throw NOT_IN_CLUSTER;
			if (replication.failoverState !== 'no-failover') throw FAILING_OVER;
			// Its link would be cut by the command.
			if (isReplica(client)) throw NO_REPLICAS_OF_REPLICAS;
			const target = readTarget();
			if (target === null) replication.lead();
			else if (!replication.follow(target.host, target.port)) {
				reply.simple('OK Already connected to specified master');
				return;
			}
			reply.ok();
		},
	});

const replicaOf = followCommand({name: 'replicaof', since: '5.0.0'});
const slaveOf = followCommand({
	name: 'slaveof',
	since: '1.0.0',
	docFlags: ['deprecated'],
	deprecatedSince: '5.0.0',
	replacedBy: '`REPLICAOF`',
});

const role = command({
	name: 'role',
	since: '2.8.12',
	group: 'server',
	flags: ['noscript', 'loading', 'stale', 'fast'],
	summary: 'Return the role of the instance in the context of replication',
	complexity: 'O(1)',
	categories: ['admin', 'dangerous'],
	run({reply, services: {replication}}) {
		const {history, primary} = replication;
		if (primary !== null) {
			reply.array(5);
			reply.bulkText('slave');
			reply.bulkText(primary.host);
			reply.integer(primary.port);
			reply.bulkText(primary.state);
			reply.integer(primary.state === 'connected' ? history.offset : -1);
			return;
		}
		const online = replication.followers().filter(({state}) => state === 'online');
		reply.array(3);
		reply.bulkText('master');
		reply.integer(history.offset);
		reply.array(online.length);
		for (const {host, port, offset} of online) {
			reply.array(3);
			reply.bulkText(host);
			reply.integerBulk(port);
			reply.integerBulk(offset);
		}
	},
});

const wait = command({
	name: 'wait',
	since: '3.0.0',
	group: 'generic',
	flags: ['noscript'],
	summary:
		'Wait for the synchronous replication of all the write commands sent in the context of the current connection',
	complexity: 'O(1)',
	tips: ['request_policy:all_shards', 'response_policy:agg_min'],
	categories: ['connection'],
	args: [integer('numreplicas'), integer('timeout', {error: BAD_TIMEOUT})],
	run({client, reply, services: {replication}}, count, timeoutMs) {
		if (replication.isReplica) throw WAIT_ON_REPLICA;
		if (timeoutMs < 0) throw NEGATIVE_TIMEOUT;
		const acknowledged = replication.acknowledgedCount(client);
		if (acknowledged >= count) reply.integer(acknowledged);
		else replication.wait(client, count, timeoutMs);
	},
});

/** Not in Redis 7.0: as the documentation of 7.2 has it. */
const waitAof = command({
	name: 'waitaof',
	since: '7.2.0',
	group: 'generic',
	flags: ['noscript'],
	summary:
		'Blocks until all of the preceding write commands sent by the connection are written to the append-only file of the master and/or replicas.',
	complexity: 'O(1)',
	tips: ['request_policy:all_shards', 'response_policy:agg_min'],
	categories: ['connection'],
	args: [
		integer('numlocal', {least: 0, most: 1, rangeError: NOT_ZERO_OR_ONE}),
		integer('numreplicas', {least: 0, rangeError: MUST_BE_POSITIVE}),
		integer('timeout', {error: BAD_TIMEOUT}),
	],
	run({client, reply, services: {config, replication}}, localCount, replicas, timeoutMs) {
		if (timeoutMs < 0) throw NEGATIVE_TIMEOUT;
		if (replication.isReplica) throw WAITAOF_ON_REPLICA;
		if (localCount > 0 && !config.settings.appendOnly) throw WAITAOF_WITHOUT_AOF;
		const now = replication.durability(client);
		if (now.local >= localCount && now.replicas >= replicas) writeDurability(reply, now);
		else replication.waitDurable(client, {local: localCount > 0 ? 1 : 0, replicas}, timeoutMs);
	},
});

export const replicationCommands: readonly Command[] = [
	psync,
	sync,
	replConf,
	replicaOf,
	slaveOf,
	failover,
	role,
	wait,
	waitAof,
];
