/** The connection family without CLIENT: who the caller is, which protocol and database it uses, and whether anybody is there. */
import {latin1, toBytes} from '../lib/bytes.ts';
import {bytes, custom, integer, named, optional, block} from './args.ts';
import {setClientName} from './client-name.ts';
import type {Client} from './client.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, DB_INDEX_OUT_OF_RANGE, NOT_AN_INTEGER, wrongArity} from './errors.ts';
import {discardTransaction} from './transaction-commands.ts';
import {REDIS_VERSION} from './version.ts';

const PONG = toBytes('+PONG\r\n');
const DEFAULT_USER = 'default';

const WRONG_PASSWORD = new CommandError('WRONGPASS invalid username-password pair or user is disabled.');
const NO_PASSWORD_SET = new CommandError(
	'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
);
const HELLO_NEEDS_AUTH = new CommandError(
	'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
);
const NO_SUCH_PROTOCOL = new CommandError('NOPROTO unsupported protocol version');
const BAD_PROTOCOL = new CommandError('ERR Protocol version is not an integer or out of range');
const NOT_INT32 = new CommandError(
	`ERR value is out of range, value must between ${-(2 ** 31)} and ${2 ** 31 - 1}`,
);
const TOO_MANY_FOR_PING = new CommandError(wrongArity('ping'));
const SELECT_IN_CLUSTER = new CommandError('ERR SELECT is not allowed in cluster mode');

/**
 * The only user is `default`; without requirepass it takes any password.
 * @throws WRONGPASS
 */
function authenticate({client, services: {config}}: Context, user: string, password: string): void {
	const {requirePass} = config.settings;
	if (user !== DEFAULT_USER || (requirePass !== '' && !isSame(password, requirePass))) throw WRONG_PASSWORD;
	client.authenticated = true;
	client.user = user;
}

/** Takes as long for a wrong password as for the right one. */
function isSame(given: string, expected: string): boolean {
	let difference = given.length ^ expected.length;
	for (let i = 0; i < given.length; i++)
		difference |= given.charCodeAt(i) ^ expected.charCodeAt(i % expected.length);
	return difference === 0;
}

const auth = command({
	name: 'auth',
	since: '1.0.0',
	group: 'connection',
	flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
	summary: 'Authenticate to the server',
	complexity: 'O(N) where N is the number of passwords defined for the user',
	history: [['6.0.0', 'Added ACL style (username and password).']],
	args: [optional(bytes('username', {since: '6.0.0'})), bytes('password')],
	run(context, user, password) {
		if (user === undefined && context.services.config.settings.requirePass === '') throw NO_PASSWORD_SET;
		authenticate(context, user === undefined ? DEFAULT_USER : latin1(user), latin1(password));
		context.reply.ok();
	},
});

/** The words behind the protocol version; unlike elsewhere, a syntax error names the option. */
const helloOptions = custom<readonly string[]>(
	[
		optional(
			block('arguments', {
				protover: integer('protover'),
				usernamePassword: optional(
					named(
						'AUTH',
						block('username_password', {username: bytes('username'), password: bytes('password')}),
					),
				),
				clientname: optional(named('SETNAME', bytes('clientname'))),
			}),
		),
	],
	{
		min: 0,
		max: Infinity,
		read(cursor) {
			const words: string[] = [];
			while (cursor.at < cursor.end) words.push(cursor.request.latin1(cursor.take()));
			return words;
		},
	},
);

/** Each option is carried out at once, even when a later one is refused. */
function runHelloOptions(context: Context, words: readonly string[]): void {
	for (let at = 0; at < words.length; at++) {
		const option = words[at]!;
		const [first, second] = words.slice(at + 1);
		switch (option.toUpperCase()) {
			case 'AUTH':
				if (first === undefined || second === undefined) throw badHelloOption(option);
				authenticate(context, first, second);
				at += 2;
				break;
			case 'SETNAME':
				if (first === undefined) throw badHelloOption(option);
				setClientName(context.client, first);
				at++;
				break;
			default:
				throw badHelloOption(option);
		}
	}
}

const badHelloOption = (option: string): CommandError =>
	new CommandError(`ERR Syntax error in HELLO option '${option}'`);

/** Checked before the options are looked at. */
const protocolVersion = custom<2 | 3 | undefined>([], {
	min: 0,
	max: 1,
	read(cursor) {
		if (cursor.at >= cursor.end) return undefined;
		const version = integer('protover', {error: BAD_PROTOCOL}).read(cursor);
		if (version !== 2 && version !== 3) throw NO_SUCH_PROTOCOL;
		return version;
	},
});

const hello = command({
	name: 'hello',
	since: '6.0.0',
	group: 'connection',
	flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
	summary: 'Handshake with Redis',
	complexity: 'O(1)',
	history: [
		[
			'6.2.0',
			"`protover` made optional; when called without arguments the command reports the current connection's context.",
		],
	],
	args: [protocolVersion, helloOptions],
	run(context, version, options) {
		const {reply, client, services} = context;
		runHelloOptions(context, options);
		if (!client.authenticated) throw HELLO_NEEDS_AUTH;
		if (version !== undefined) client.protocol = version;
		reply.protocol = client.protocol;

		reply.map(7);
		reply.bulkText('server');
		reply.bulkText('redis');
		reply.bulkText('version');
		reply.bulkText(REDIS_VERSION);
		reply.bulkText('proto');
		reply.integer(client.protocol);
		reply.bulkText('id');
		reply.integer(client.id);
		reply.bulkText('mode');
		reply.bulkText(services.cluster === null ? 'standalone' : 'cluster');
		reply.bulkText('role');
		reply.bulkText(services.replication.isReplica ? 'replica' : 'master');
		reply.bulkText('modules');
		reply.array(0);
	},
});

const echo = command({
	name: 'echo',
	since: '1.0.0',
	group: 'connection',
	flags: ['loading', 'stale', 'fast'],
	summary: 'Echo the given string',
	complexity: 'O(1)',
	args: [bytes('message')],
	inPlace({reply}, request) {
		reply.bulkRegion(request.region, request.offsets[1]!, request.lengths[1]!);
		return true;
	},
});

const ping = command({
	name: 'ping',
	since: '1.0.0',
	group: 'connection',
	flags: ['fast'],
	summary: 'Ping the server',
	complexity: 'O(1)',
	tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
	args: [optional(bytes('message'))],
	inPlace({client, reply}, request) {
		if (request.count > 2) throw TOO_MANY_FOR_PING;
		// Among messages in RESP2 the answer must look like one.
		if (client.subscriptions !== null && client.protocol === 2) {
			reply.array(2);
			reply.bulkText('pong');
			if (request.count === 1) reply.bulkText('');
			else reply.bulkRegion(request.region, request.offsets[1]!, request.lengths[1]!);
			return true;
		}
		if (request.count === 1) reply.raw(PONG);
		else reply.bulkRegion(request.region, request.offsets[1]!, request.lengths[1]!);
		return true;
	},
});

const quit = command({
	name: 'quit',
	since: '1.0.0',
	group: 'connection',
	flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
	summary: 'Close the connection',
	complexity: 'O(1)',
	arity: -1,
	inPlace({reply, client}) {
		reply.ok();
		client.connection.closeAfterReplies();
		return true;
	},
});

const reset = command({
	name: 'reset',
	since: '6.2.0',
	group: 'connection',
	flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
	summary: 'Reset the connection',
	complexity: 'O(1)',
	run({reply, client, services: {clients, config, pubsub, watches}}) {
		clients.stopMonitor(client);
		discardTransaction(client, watches);
		pubsub.forget(client);
		resetClient(client, config.settings.requirePass === '');
		reply.protocol = 2;
		reply.simple('RESET');
	},
});

/** Back to what a new connection has; what is a client's own mark (id, address, no-evict) stays. */
function resetClient(client: Client, authenticated: boolean): void {
	client.databaseIndex = 0;
	client.protocol = 2;
	client.authenticated = authenticated;
	client.user = DEFAULT_USER;
	client.name = '';
	client.replyMode = 'on';
	client.readonlyMode = false;
	client.asking = false;
	client.noTouch = false;
}

const select = command({
	name: 'select',
	since: '1.0.0',
	group: 'connection',
	flags: ['loading', 'stale', 'fast'],
	summary: 'Change the selected database for the current connection',
	complexity: 'O(1)',
	args: [
		integer('index', {least: -(2 ** 31), most: 2 ** 31 - 1, error: NOT_AN_INTEGER, rangeError: NOT_INT32}),
	],
	run({reply, client, services}, index) {
		if (services.cluster !== null && index !== 0) throw SELECT_IN_CLUSTER;
		if (services.databases[index] === undefined) throw DB_INDEX_OUT_OF_RANGE;
		client.databaseIndex = index;
		reply.ok();
	},
});

export const connectionCommands: readonly Command[] = [auth, echo, hello, ping, quit, reset, select];
