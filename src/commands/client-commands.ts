/** CLIENT and its subcommands: what a connection says about itself, and what an operator does to the others. */
import {latin1} from '../lib/bytes.ts';
import {parseInt64} from '../lib/integers.ts';
import {
	bytes,
	custom,
	flag,
	integer,
	many,
	named,
	oneOf,
	optional,
	options,
	block,
	type Cursor,
} from './args.ts';
import {clientLine} from './client-line.ts';
import {isPlainName, setClientName} from './client-name.ts';
import {type Client, type ClientType, clientType} from './client.ts';
import {type Command, command} from './command.ts';
import {CommandError, SYNTAX_ERROR} from './errors.ts';
import {replyHelp} from './help.ts';
import {badSubcommand} from './subcommand-arguments.ts';

const NO_SUCH_CLIENT = new CommandError('ERR No such client');
const BAD_CLIENT_ID = new CommandError('ERR Invalid client ID');
const NOT_A_CLIENT_ID = new CommandError('ERR client-id should be greater than 0');
const BAD_PAUSE_MODE = new CommandError('ERR CLIENT PAUSE mode must be WRITE or ALL');
const BAD_TIMEOUT = new CommandError('ERR timeout is not an integer or out of range');
const NEGATIVE_TIMEOUT = new CommandError('ERR timeout is negative');
const BAD_UNBLOCK_REASON = new CommandError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');

const own = {group: 'connection', flags: ['noscript', 'loading', 'stale']} as const;
const admin = {group: 'connection', flags: ['admin', 'noscript', 'loading', 'stale']} as const;

const client = command({
	name: 'client',
	since: '2.4.0',
	group: 'connection',
	flags: [],
	summary: 'A container for client connection commands',
	complexity: 'Depends on subcommand.',
});

const clientId = command({
	...own,
	name: 'client|id',
	since: '5.0.0',
	summary: 'Returns the client ID for the current connection',
	complexity: 'O(1)',
	run({reply, client: {id}}) {
		reply.integer(id);
	},
});

const clientInfo = command({
	...own,
	name: 'client|info',
	since: '6.2.0',
	summary: 'Returns information about the current client connection.',
	complexity: 'O(1)',
	tips: ['nondeterministic_output'],
	run({reply, client: caller, services: {clock}}) {
		reply.verbatim('txt', `${clientLine(caller, clock.nowMs)}\n`);
	},
});

const TYPES: Readonly<Record<string, ClientType>> = {
	normal: 'normal',
	master: 'master',
	slave: 'replica',
	replica: 'replica',
	pubsub: 'pubsub',
};

/** @throws CommandError with the given word in it */
function parseType(word: string): ClientType {
	const type = TYPES[word.toLowerCase()];
	if (type === undefined) throw new CommandError(`ERR Unknown client type '${word}'`);
	return type;
}

type ListFilter = {readonly type: ClientType} | {readonly ids: readonly number[]} | null;

const listFilter = custom<ListFilter>(
	[
		options({
			normalMasterReplicaPubsub: named(
				'TYPE',
				oneOf('normal_master_replica_pubsub', {
					normal: flag('NORMAL'),
					master: flag('MASTER'),
					replica: flag('REPLICA'),
					pubsub: flag('PUBSUB'),
				}),
				{since: '5.0.0'},
			),
			id: named('ID', block('id', {clientId: many(integer('client-id'))}), {since: '6.2.0'}),
		}),
	],
	{
		min: 0,
		max: Infinity,
		read(cursor) {
			const given = cursor.end - cursor.at;
			if (given === 0) return null;
			if (given === 2 && cursor.takeWord('TYPE'))
				return {type: parseType(cursor.request.latin1(cursor.take()))};
			if (given < 2 || !cursor.takeWord('ID')) throw SYNTAX_ERROR;
			const ids: number[] = [];
			while (cursor.at < cursor.end) ids.push(integer('client-id', {error: BAD_CLIENT_ID}).read(cursor));
			return {ids};
		},
	},
);

const clientList = command({
	...admin,
	name: 'client|list',
	since: '2.4.0',
	summary: 'Get the list of client connections',
	complexity: 'O(N) where N is the number of client connections',
	history: [
		['2.8.12', 'Added unique client `id` field.'],
		['5.0.0', 'Added optional `TYPE` filter.'],
		['6.0.0', 'Added `user` field.'],
		['6.2.0', 'Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.'],
		['7.0.0', 'Added `resp`, `multi-mem`, `rbs` and `rbp` fields.'],
		['7.0.3', 'Added `ssub` field.'],
	],
	tips: ['nondeterministic_output'],
	args: [listFilter],
	run({reply, services: {clients, clock}}, filter) {
		let listed: Client[] = [];
		if (filter === null) listed = [...clients];
		else if ('type' in filter) listed = [...clients].filter((each) => clientType(each) === filter.type);
		else listed = filter.ids.map((id) => clients.byId(id)).filter((each) => each !== undefined);
		reply.verbatim('txt', listed.map((each) => `${clientLine(each, clock.nowMs)}\n`).join(''));
	},
});

interface KillFilter {
	id?: number;
	type?: ClientType;
	user?: string;
	address?: string;
	localAddress?: string;
	skipMe: boolean;
}

/** The old form is an address alone and kills the caller, too. */
type KillRequest = {readonly address: string} | {readonly filter: KillFilter};

const killRequest = custom<KillRequest>(
	[
		oneOf('filter', {
			ipPort: bytes('ip:port', {deprecatedSince: '2.8.12'}),
			newFormat: many(
				oneOf('new-format', {
					clientId: optional(named('ID', integer('client-id'), {since: '2.8.12'})),
					type: optional(
						named(
							'TYPE',
							oneOf('normal_master_slave_pubsub', {
								normal: flag('NORMAL'),
								master: flag('MASTER', {since: '3.2.0'}),
								slave: flag('SLAVE'),
								replica: flag('REPLICA', {since: '5.0.0'}),
								pubsub: flag('PUBSUB'),
							}),
							{since: '2.8.12'},
						),
					),
					user: optional(named('USER', bytes('username'))),
					address: optional(named('ADDR', bytes('ip:port'))),
					localAddress: optional(named('LADDR', bytes('ip:port'), {since: '6.2.0'})),
					skipMe: optional(named('SKIPME', bytes('yes/no'))),
				}),
			),
		}),
	],
	{
		min: 1,
		max: Infinity,
		read(cursor) {
			if (cursor.end - cursor.at === 1) return {address: cursor.request.latin1(cursor.take())};
			const filter: KillFilter = {skipMe: true};
			while (cursor.at < cursor.end) readKillOption(cursor, filter);
			return {filter};
		},
	},
);

/** A word and its value. */
function readKillOption(cursor: Cursor, filter: KillFilter): void {
	const {request} = cursor;
	if (cursor.end - cursor.at < 2) throw SYNTAX_ERROR;
	const word = request.word(cursor.take());
	const at = cursor.take();
	const value = request.latin1(at);
	switch (word) {
		case 'ID': {
			const id = parseInt64(request.bytes(at));
			if (id === null || id < 1) throw NOT_A_CLIENT_ID;
			filter.id = Number(id);
			break;
		}
		case 'TYPE':
			filter.type = parseType(value);
			break;
		case 'USER':
			if (value !== 'default') throw new CommandError(`ERR No such user '${value}'`);
			filter.user = value;
			break;
		case 'ADDR':
			filter.address = value;
			break;
		case 'LADDR':
			filter.localAddress = value;
			break;
		case 'SKIPME':
			if (!request.isWord(at, 'YES') && !request.isWord(at, 'NO')) throw SYNTAX_ERROR;
			filter.skipMe = request.isWord(at, 'YES');
			break;
		default:
			throw SYNTAX_ERROR;
	}
}

function isMeant(each: Client, filter: KillFilter): boolean {
	return (
		(filter.id === undefined || each.id === filter.id) &&
		(filter.type === undefined || clientType(each) === filter.type) &&
		(filter.user === undefined || each.user === filter.user) &&
		(filter.address === undefined || each.address === filter.address) &&
		(filter.localAddress === undefined || each.localAddress === filter.localAddress)
	);
}

/** The caller gets its reply first. */
function kill(each: Client, caller: Client): void {
	if (each === caller) each.connection.closeAfterReplies();
	else each.connection.close();
}

const clientKill = command({
	...admin,
	name: 'client|kill',
	since: '2.4.0',
	summary: 'Kill the connection of a client',
	complexity: 'O(N) where N is the number of client connections',
	history: [
		['2.8.12', 'Added new filter format.'],
		['2.8.12', '`ID` option.'],
		['3.2.0', 'Added `master` type in for `TYPE` option.'],
		['5.0.0', 'Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.'],
		['6.2.0', '`LADDR` option.'],
	],
	args: [killRequest],
	run({reply, client: caller, services: {clients}}, request) {
		if ('address' in request) {
			const found = [...clients].find((each) => each.address === request.address);
			if (found === undefined) throw NO_SUCH_CLIENT;
			kill(found, caller);
			reply.ok();
			return;
		}
		const {filter} = request;
		const meant = [...clients].filter((each) => isMeant(each, filter) && !(filter.skipMe && each === caller));
		for (const each of meant) kill(each, caller);
		reply.integer(meant.length);
	},
});

const clientGetName = command({
	...own,
	name: 'client|getname',
	since: '2.6.9',
	summary: 'Get the current connection name',
	complexity: 'O(1)',
	run({reply, client: {name}}) {
		if (name === '') reply.null();
		else reply.bulkText(name);
	},
});

const clientSetName = command({
	...own,
	name: 'client|setname',
	since: '2.6.9',
	summary: 'Set the current connection name',
	complexity: 'O(1)',
	args: [bytes('connection-name')],
	run({reply, client: caller}, name) {
		setClientName(caller, latin1(name));
		reply.ok();
	},
});

const clientSetInfo = command({
	...own,
	name: 'client|setinfo',
	since: '7.2.0',
	summary: 'Sets information specific to the client or connection.',
	complexity: 'O(1)',
	args: [
		custom<{readonly field: 'libName' | 'libVersion'; readonly value: string}>(
			[
				oneOf('attr', {
					libName: named('LIB-NAME', bytes('libname')),
					libVersion: named('LIB-VER', bytes('libver')),
				}),
			],
			{
				min: 2,
				max: 2,
				read(cursor) {
					const {request} = cursor;
					const optionAt = cursor.take();
					const value = request.latin1(cursor.take());
					const isName = request.isWord(optionAt, 'LIB-NAME');
					if (!isName && !request.isWord(optionAt, 'LIB-VER')) {
						throw new CommandError(`ERR Unrecognized option '${request.latin1(optionAt)}'`);
					}
					if (!isPlainName(value)) {
						const shown = isName ? 'lib-name' : 'lib-ver';
						throw new CommandError(`ERR ${shown} cannot contain spaces, newlines or special characters.`);
					}
					return {field: isName ? 'libName' : 'libVersion', value};
				},
			},
		),
	],
	run({reply, client: caller}, {field, value}) {
		caller[field] = value;
		reply.ok();
	},
});

const onOff = {on: flag('ON'), off: flag('OFF')};

const clientNoEvict = command({
	...admin,
	name: 'client|no-evict',
	since: '7.0.0',
	summary: 'Set client eviction mode for the current connection',
	complexity: 'O(1)',
	args: [oneOf('enabled', onOff)],
	run({reply, client: caller}, {kind}) {
		caller.noEvict = kind === 'on';
		reply.ok();
	},
});

const clientNoTouch = command({
	...own,
	name: 'client|no-touch',
	since: '7.2.0',
	summary: 'Controls whether commands sent by the client affect the LRU/LFU of accessed keys.',
	complexity: 'O(1)',
	args: [oneOf('enabled', onOff)],
	run({reply, client: caller}, {kind}) {
		caller.noTouch = kind === 'on';
		reply.ok();
	},
});

const clientReply = command({
	...own,
	name: 'client|reply',
	since: '3.2.0',
	summary: 'Instruct the server whether to reply to commands',
	complexity: 'O(1)',
	args: [oneOf('on_off_skip', {on: flag('ON'), off: flag('OFF'), skip: flag('SKIP')})],
	run({reply, client: caller}, {kind}) {
		if (kind === 'on') {
			caller.replyMode = 'on';
			reply.ok();
		} else if (kind === 'off') {
			caller.replyMode = 'off';
		} else if (caller.replyMode !== 'off') {
			caller.replyMode = 'skip-next';
		}
	},
});

const clientPause = command({
	...admin,
	name: 'client|pause',
	since: '2.9.50',
	summary: 'Stop processing commands from clients for some time',
	complexity: 'O(1)',
	history: [['6.2.0', '`CLIENT PAUSE WRITE` mode added along with the `mode` option.']],
	args: [
		custom<{readonly timeoutMs: number; readonly mode: 'write' | 'all'}>(
			[
				integer('timeout'),
				optional(oneOf('mode', {write: flag('WRITE'), all: flag('ALL')}, {since: '6.2.0'})),
			],
			{
				min: 1,
				max: Infinity,
				read(cursor) {
					const {request} = cursor;
					const timeoutAt = cursor.take();
					let mode: 'write' | 'all' = 'all';
					if (cursor.at < cursor.end) {
						if (cursor.end - cursor.at > 1) throw badSubcommand(request, 'CLIENT');
						if (cursor.takeWord('WRITE')) mode = 'write';
						else if (!cursor.takeWord('ALL')) throw BAD_PAUSE_MODE;
					}
					const timeout = parseInt64(request.bytes(timeoutAt));
					if (timeout === null) throw BAD_TIMEOUT;
					if (timeout < 0) throw NEGATIVE_TIMEOUT;
					return {timeoutMs: Number(timeout), mode};
				},
			},
		),
	],
	run({reply, services: {clients, clock}}, {timeoutMs, mode}) {
		clients.pause(clock.nowMs + timeoutMs, mode);
		reply.ok();
	},
});

const clientUnpause = command({
	...admin,
	name: 'client|unpause',
	since: '6.2.0',
	summary: 'Resume processing of clients that were paused',
	complexity: 'O(N) Where N is the number of paused clients',
	run({reply, services: {clients}}) {
		reply.ok();
		clients.unpause();
	},
});

const clientUnblock = command({
	...admin,
	name: 'client|unblock',
	since: '5.0.0',
	summary: 'Unblock a client blocked in a blocking command from a different connection',
	complexity: 'O(log N) where N is the number of client connections',
	args: [
		integer('client-id', {late: true}),
		custom<'timeout' | 'error'>(
			[optional(oneOf('timeout_error', {timeout: flag('TIMEOUT'), error: flag('ERROR')}))],
			{
				min: 0,
				max: Infinity,
				read(cursor) {
					if (cursor.at === cursor.end) return 'timeout';
					if (cursor.end - cursor.at > 1) throw badSubcommand(cursor.request, 'CLIENT');
					if (cursor.takeWord('TIMEOUT')) return 'timeout';
					if (cursor.takeWord('ERROR')) return 'error';
					throw BAD_UNBLOCK_REASON;
				},
			},
		),
	],
	run({reply, services: {clients}}, id, reason) {
		const blocked = clients.byId(id);
		const block = blocked?.block ?? null;
		if (blocked === undefined || block === null) {
			reply.integer(0);
			return;
		}
		clients.unblock(blocked, (answer) => {
			if (reason === 'timeout') block.timedOut(answer);
			else answer.error('UNBLOCKED client unblocked via CLIENT UNBLOCK');
		});
		reply.integer(1);
	},
});

const HELP = [
	'GETNAME',
	'    Return the name of the current connection.',
	'ID',
	'    Return the ID of the current connection.',
	'INFO',
	'    Return information about the current client connection.',
	'KILL <ip:port>',
	'    Kill connection made from <ip:port>.',
	'KILL <option> <value> [<option> <value> [...]]',
	'    Kill connections. Options are:',
	'    * ADDR (<ip:port>|<unixsocket>:0)',
	'      Kill connections made from the specified address',
	'    * LADDR (<ip:port>|<unixsocket>:0)',
	'      Kill connections made to specified local address',
	'    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
	'      Kill connections by type.',
	'    * USER <username>',
	'      Kill connections authenticated by <username>.',
	'    * SKIPME (YES|NO)',
	'      Skip killing current connection (default: yes).',
	'LIST [options ...]',
	'    Return information about client connections. Options:',
	'    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
	'      Return clients of specified type.',
	'UNPAUSE',
	'    Stop the current client pause, resuming traffic.',
	'PAUSE <timeout> [WRITE|ALL]',
	'    Suspend all, or just write, clients for <timeout> milliseconds.',
	'REPLY (ON|OFF|SKIP)',
	'    Control the replies sent to the current connection.',
	'SETNAME <name>',
	'    Assign the name <name> to the current connection.',
	'SETINFO <option> <value>',
	'    Set client meta attribute. Options are LIB-NAME and LIB-VER.',
	'UNBLOCK <clientid> [TIMEOUT|ERROR]',
	'    Unblock the specified blocked client.',
	'NO-EVICT (ON|OFF)',
	'    Protect current client connection from eviction.',
	'NO-TOUCH (ON|OFF)',
	"    Leave the LRU/LFU of keys alone that current connection's commands access.",
];

const clientHelp = command({
	name: 'client|help',
	since: '5.0.0',
	group: 'connection',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'CLIENT', HELP);
	},
});

export const clientCommands: readonly Command[] = [
	client,
	clientId,
	clientInfo,
	clientList,
	clientKill,
	clientGetName,
	clientSetName,
	clientSetInfo,
	clientNoEvict,
	clientNoTouch,
	clientReply,
	clientPause,
	clientUnpause,
	clientUnblock,
	clientHelp,
];
