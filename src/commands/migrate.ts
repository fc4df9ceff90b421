/**
 * MIGRATE: values from this server to another. The command reads and encodes them, and the node's migrations carry them
 * over while other clients are served (docs/decisions/0011-migrate-without-stopping.md).
 */
import {parseInt64} from '../lib/integers.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import type {Request} from '../resp/request.ts';
import {type Arg, block, bytes, custom, flag, integer, key, many, named, oneOf, optional} from './args.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError, NOT_AN_INTEGER, SYNTAX_ERROR} from './errors.ts';
import type {KeyFlag, KeyPositions} from './key-specs.ts';
import {dumpValue} from './serialized-value.ts';
import {unparsed} from './string-values.ts';

const KEY_NOT_EMPTY = new CommandError(
	'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
);

/** Commands are arrays of bulk strings, as replies can be; those of a thread run one after the other and share it. */
const packet = new ReplyWriter();

const KEY_AT = 3;
const FIRST_OPTION = 6;
const MOVED: readonly KeyFlag[] = ['RW', 'access', 'delete'];
/** For a timeout of nothing, or less. */
const DEFAULT_TIMEOUT_MS = 1000;

interface MigrateOptions {
	copy: boolean;
	replace: boolean;
	/** Arguments of AUTH. */
	credentials: readonly string[] | null;
	/** Where keys begin, up to the end; 0: the one key has its place. */
	keysAt: number;
}

/** In any order, but KEYS ends them. */
const migrateOptions: Arg<MigrateOptions> = custom(
	[
		optional(flag('COPY', {since: '3.0.0'})),
		optional(flag('REPLACE', {since: '3.0.0'})),
		optional(
			oneOf('authentication', {
				password: optional(named('AUTH', bytes('password'), {since: '4.0.7'})),
				userAndPassword: optional(
					named('AUTH2', block('username_password', {user: bytes('username'), password: bytes('password')}), {
						since: '6.0.0',
					}),
				),
			}),
		),
		optional(named('KEYS', many(key(MOVED)), {since: '3.0.6'})),
	],
	{
		min: 0,
		max: Infinity,
		read(cursor) {
			const {request} = cursor;
			const read: MigrateOptions = {copy: false, replace: false, credentials: null, keysAt: 0};
			while (cursor.at < cursor.end) {
				if (cursor.takeWord('COPY')) read.copy = true;
				else if (cursor.takeWord('REPLACE')) read.replace = true;
				else if (cursor.takeWord('AUTH')) read.credentials = [request.latin1(cursor.take())];
				else if (cursor.takeWord('AUTH2'))
					read.credentials = [request.latin1(cursor.take()), request.latin1(cursor.take())];
				else if (cursor.takeWord('KEYS')) {
					if (request.lengths[KEY_AT]! > 0) throw KEY_NOT_EMPTY;
					read.keysAt = cursor.at;
					cursor.at = cursor.end;
				} else throw SYNTAX_ERROR;
			}
			return read;
		},
	},
);

/** What KEYS names, or the one key; nothing where both are given, since the command fails then. */
function findMigratedKeys(request: Request, found: KeyPositions): boolean {
	for (let at = FIRST_OPTION; at < request.count; at++) {
		if (request.isWord(at, 'KEYS')) {
			if (request.lengths[KEY_AT]! > 0) return false;
			for (let i = at + 1; i < request.count; i++) found.add(i, 0);
			return true;
		}
		// What follows is a secret, whatever it reads like.
		if (request.isWord(at, 'AUTH')) at++;
		else if (request.isWord(at, 'AUTH2')) at += 2;
	}
	found.add(KEY_AT, 0);
	return true;
}

const migrate = command({
	name: 'migrate',
	since: '2.6.0',
	group: 'generic',
	flags: ['write'],
	summary: 'Atomically transfer a key from a Redis instance to another one.',
	complexity:
		'This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. ' +
		'See the pages of these commands for time complexity. ' +
		'Also an O(N) data transfer between the two instances is performed.',
	history: [
		['3.0.0', 'Added the `COPY` and `REPLACE` options.'],
		['3.0.6', 'Added the `KEYS` option.'],
		['4.0.7', 'Added the `AUTH` option.'],
		['6.0.0', 'Added the `AUTH2` option.'],
	],
	tips: ['nondeterministic_output'],
	categories: ['keyspace', 'dangerous'],
	keySpecs: [
		{flags: MOVED, begin: {index: KEY_AT}, find: {lastKey: 0, step: 1, limit: 0}},
		{
			flags: [...MOVED, 'incomplete'],
			begin: {keyword: 'KEYS', startFrom: -2},
			find: {lastKey: -1, step: 1, limit: 0},
		},
	],
	findKeys: findMigratedKeys,
	args: [
		bytes('host'),
		unparsed(integer('port')),
		custom<undefined>(
			[oneOf('key_or_empty_string', {key: key(MOVED), empty: flag('', {name: 'empty_string'})})],
			{
				min: 1,
				max: 1,
				read: (cursor) => void cursor.take(),
			},
		),
		unparsed(integer('destination-db')),
		unparsed(integer('timeout')),
		migrateOptions,
	],
	run: migrateKeys,
});

/** Complains in Redis's order: options, numbers; then what there is to move is looked for. */
function migrateKeys(
	context: Context,
	host: Uint8Array,
	port: Uint8Array,
	_key: undefined,
	database: Uint8Array,
	timeout: Uint8Array,
	{copy, replace, credentials, keysAt}: MigrateOptions,
): void {
	const {client, db, reply, request, services} = context;
	const timeoutMs = parseInt64(timeout);
	const targetDatabase = parseInt64(database);
	if (timeoutMs === null || targetDatabase === null) throw NOT_AN_INTEGER;

	packet.clear();
	const keys: Uint8Array[] = [];
	const [from, to] = keysAt === 0 ? [KEY_AT, KEY_AT + 1] : [keysAt, request.count];
	for (let at = from; at < to; at++) {
		const ref = db.lookupKey(request.bytes(at));
		if (ref === 0) continue;
		const named = request.bytes(at).slice();
		keys.push(named);
		packet.array(replace ? 5 : 4);
		packet.bulkText(services.cluster === null ? 'RESTORE' : 'RESTORE-ASKING');
		packet.bulk(named);
		packet.integerBulk(timeToLiveMs(db.expireAt(ref), db.now));
		dumpValue(context, ref, (payload) => packet.bulk(payload));
		if (replace) packet.bulkText('REPLACE');
	}
	if (keys.length === 0) {
		reply.simple('NOKEY');
		return;
	}
	services.migration.begin(client, {
		host: new TextDecoder().decode(host),
		port: tcpPort(port),
		databaseIndex: client.databaseIndex,
		targetDatabase,
		timeoutMs: timeoutMs > 0 ? Number(timeoutMs) : DEFAULT_TIMEOUT_MS,
		copy,
		credentials,
		keys,
		packet: packet.view(0, packet.length).slice(),
	});
}

/** As RESTORE takes it: 0 is none, so that the last moment is 1. */
const timeToLiveMs = (expireAtMs: number, nowMs: number): number =>
	expireAtMs < 0 ? 0 : Math.max(1, Math.ceil(expireAtMs - nowMs));

/** Redis looks at the port only when it connects. */
function tcpPort(text: Uint8Array): number | null {
	const port = parseInt64(text);
	return port !== null && port > 0 && port < 65_536 ? Number(port) : null;
}

export const migrateCommands: readonly Command[] = [migrate];
