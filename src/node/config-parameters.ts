/**
 * Every parameter that CONFIG GET * of redis 7.0 lists: name, alias, kind with its bounds, default, and who may change it. The
 * table is data; src/node/config.ts carries the changes out. A parameter with `setting` acts: its value becomes that field of
 * `Settings`. The others are kept and shown, because clients and tools set and read them.
 *
 * Values travel as text with one character a byte (latin1), since a password may hold any byte.
 */
import {resolve} from 'node:path';
import type {
	Gate,
	LogLevel,
	MaxMemoryPolicy,
	OutputBufferLimit,
	OutputBufferLimits,
	Settings,
} from '../commands/settings.ts';

/** Why a value is refused, in the words that follow `CONFIG SET failed (...) - `. */
export class ParameterError extends Error {
	/** The same for a person who starts the node, where redis's words lead nowhere. */
	readonly reason: string;

	constructor(message: string, reason = message) {
		super(message);
		this.reason = reason;
	}
}

interface Parsed {
	/** As CONFIG GET prints it. */
	readonly text: string;
	/** What the setting gets. */
	readonly value: unknown;
}

interface Kind {
	/** @throws ParameterError */
	parse(text: string, current: string): Parsed;
	/** The words of the text are arguments of their own in a config file. */
	readonly isList?: true;
	/** Of a directive that may stand in several lines of a config file: its text cut into them. */
	lines?(text: string): readonly string[];
}

/** `immutable` is set at the start only; `protected` also needs enable-protected-configs. */
type Change = 'any' | 'immutable' | 'protected';

export interface Parameter {
	readonly name: string;
	/** Second name, shown by CONFIG GET like the first. */
	readonly alias?: string;
	readonly kind: Kind;
	readonly initial: string;
	readonly change: Change;
	/** Its value is kept out of the slow log. */
	readonly sensitive: boolean;
	readonly setting?: keyof Settings;
}

interface Extras<T> {
	readonly alias?: string;
	readonly change?: Change;
	readonly sensitive?: boolean;
	readonly setting?: {[K in keyof Settings]: Settings[K] extends T ? K : never}[keyof Settings];
}

function parameter<T>(name: string, kind: Kind, initial: string, extras: Extras<T>): Parameter {
	const {alias, setting, change = 'any', sensitive = false} = extras;
	return {
		name,
		kind,
		initial,
		change,
		sensitive,
		...(alias === undefined ? {} : {alias}),
		...(setting === undefined ? {} : {setting}),
	};
}

// Kinds

const INT_MAX = 2n ** 31n - 1n;
const UINT_MAX = 2n ** 32n - 1n;
const LONG_MAX = 2n ** 63n - 1n;
const ULONG_MAX = 2n ** 64n - 1n;
const MEGABYTE = 2n ** 20n;

const YES_NO: Kind = {
	parse(text) {
		const word = text.toLowerCase();
		if (word !== 'yes' && word !== 'no') throw new ParameterError("argument must be 'yes' or 'no'");
		return {text: word, value: word === 'yes'};
	},
};

function checkBounds(value: bigint, least: bigint, most: bigint): void {
	if (value < least || value > most)
		throw new ParameterError(`argument must be between ${least} and ${most} inclusive`);
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;

/** A whole number written in its only form: no sign, blank or zero that is not needed. */
function parseInteger(text: string): bigint {
	const value = INTEGER.test(text) ? BigInt(text) : null;
	if (value === null || value > LONG_MAX || value < -LONG_MAX - 1n) {
		throw new ParameterError("argument couldn't be parsed into an integer");
	}
	return value;
}

const integerKind = (least: bigint, most: bigint): Kind => ({
	parse(text) {
		const value = parseInteger(text);
		checkBounds(value, least, most);
		return {text, value: Number(value)};
	},
});

/** Runs of the cron a second: out of 1..500 is brought into it, as redis does. */
const HZ: Kind = {
	parse(text) {
		const value = parseInteger(text);
		checkBounds(value, 0n, INT_MAX);
		const hz = Math.min(Math.max(Number(value), 1), 500);
		return {text: String(hz), value: hz};
	},
};

const OCTAL: Kind = {
	parse(text) {
		if (!/^[0-7]+$/.test(text)) throw new ParameterError("argument couldn't be parsed as an octal number");
		const value = Number.parseInt(text, 8);
		if (value > 0o777) throw new ParameterError('argument must be between 0 and 777 inclusive');
		return {text: value.toString(8), value};
	},
};

const UNITS: Readonly<Record<string, bigint>> = {
	'': 1n,
	b: 1n,
	k: 1000n,
	kb: 1024n,
	m: 1_000_000n,
	mb: 2n ** 20n,
	g: 1_000_000_000n,
	gb: 2n ** 30n,
};

/** Bytes of `1gb`, `100k`, `5`; null for anything else. Nothing at all is 0, and overflow stops at 2^64-1, as in redis. */
function parseMemory(text: string): bigint | null {
	const [, digits = '', unit = ''] = /^([0-9]*)([a-z]*)$/i.exec(text) ?? [null, '', '?'];
	const factor = UNITS[unit.toLowerCase()];
	if (factor === undefined || digits.length > 127) return null;
	const bytes = BigInt(digits === '' ? 0 : digits) * factor;
	return bytes > ULONG_MAX ? ULONG_MAX : bytes;
}

const memoryKind = (least: bigint, most: bigint): Kind => ({
	parse(text) {
		const value = parseMemory(text);
		if (value === null) throw new ParameterError('argument must be a memory value');
		checkBounds(value, least, most);
		return {text: String(value), value: Number(value)};
	},
});

const MEMORY_OR_PERCENT: Kind = {
	parse(text) {
		const percent = /^([0-9]+)%$/.exec(text)?.[1];
		if (percent !== undefined) {
			if (BigInt(percent) > 100n)
				throw new ParameterError('percentage argument must be less or equal to 100');
			return {text: `${Number(percent)}%`, value: -Number(percent)};
		}
		const value = parseMemory(text);
		if (value === null) throw new ParameterError('argument must be a memory or percent value');
		return {text: String(value), value: Number(value)};
	},
};

function refuseWords(words: readonly string[]): ParameterError {
	return new ParameterError(`argument(s) must be one of the following: ${words.join(', ')}`);
}

const wordKind = (words: readonly string[]): Kind => ({
	parse(text) {
		const word = text.toLowerCase();
		if (!words.includes(word)) throw refuseWords(words);
		return {text: word, value: word};
	},
});

const TEXT: Kind = {parse: (text) => ({text, value: text})};

const checkedText = (check: (text: string) => string | null): Kind => ({
	parse(text) {
		const problem = check(text);
		if (problem !== null) throw new ParameterError(problem);
		return {text, value: text};
	},
});

/** Words apart by single blanks; empty text is no word at all. */
const splitWords = (text: string): string[] => (text === '' ? [] : text.split(' '));

const WORDS: Kind = {isList: true, parse: (text) => ({text, value: splitWords(text)})};

const PERCENTILES: Kind = {
	isList: true,
	parse(text) {
		const percentiles = splitWords(text).map((word) => {
			const value = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i.test(word)
				? Number(word)
				: Number.NaN;
			if (Number.isNaN(value))
				throw new ParameterError('Invalid latency-tracking-info-percentiles parameters');
			if (value < 0 || value > 100) {
				throw new ParameterError(
					'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
				);
			}
			return value;
		});
		return {text: percentiles.join(' '), value: percentiles};
	},
};

const SAVE: Kind = {
	isList: true,
	parse(text) {
		const words = splitWords(text);
		const wrong =
			words.length % 2 === 1 ||
			words.some((word, i) => !/^[0-9]+$/.test(word) || (i % 2 === 0 && Number(word) < 1));
		if (wrong) throw new ParameterError('Invalid save parameters');
		return {text: words.map(Number).join(' '), value: words.map(Number)};
	},
	lines(text) {
		const words = splitWords(text);
		if (words.length === 0) return [''];
		return words.flatMap((word, i) => (i % 2 === 0 ? [`${word} ${words[i + 1]}`] : []));
	},
};

const LIMIT_CLASSES = {normal: 'normal', replica: 'slave', pubsub: 'pubsub'} as const;

function parseLimits(text: string): Record<keyof OutputBufferLimits, OutputBufferLimit> {
	const [normal, replica, pubsub] = [0, 4, 8].map((at) => {
		const [, hard, soft, seconds] = splitWords(text).slice(at, at + 4);
		return {hardBytes: Number(hard), softBytes: Number(soft), softSeconds: Number(seconds)};
	});
	return {normal: normal!, replica: replica!, pubsub: pubsub!};
}

/** Only the named classes change, the others stay as they are. */
const OUTPUT_BUFFER_LIMITS: Kind = {
	isList: true,
	parse(text, current) {
		const limits = parseLimits(current);
		const words = splitWords(text);
		if (words.length % 4 !== 0)
			throw new ParameterError('Wrong number of arguments in buffer limit configuration.');
		for (let at = 0; at < words.length; at += 4) {
			const [name = '', hard = '', soft = '', seconds = ''] = words.slice(at, at + 4);
			const key = name.toLowerCase() === 'slave' ? 'replica' : name.toLowerCase();
			if (!(key in LIMIT_CLASSES)) {
				throw new ParameterError('Invalid client class specified in buffer limit configuration.');
			}
			const hardBytes = parseMemory(hard);
			const softBytes = parseMemory(soft);
			if (hardBytes === null || softBytes === null || !/^[0-9]+$/.test(seconds)) {
				throw new ParameterError(
					'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
				);
			}
			limits[key as keyof OutputBufferLimits] = {
				hardBytes: Number(hardBytes),
				softBytes: Number(softBytes),
				softSeconds: Number(seconds),
			};
		}
		return {text: limitLines(limits).join(' '), value: limits};
	},
	lines: (text) => limitLines(parseLimits(text)),
};

function limitLines(limits: OutputBufferLimits): string[] {
	return (['normal', 'replica', 'pubsub'] as const).map((key) => {
		const {hardBytes, softBytes, softSeconds} = limits[key];
		return `${LIMIT_CLASSES[key]} ${hardBytes} ${softBytes} ${softSeconds}`;
	});
}

/** Host and port of a primary, or nothing. */
const REPLICA_OF: Kind = {
	isList: true,
	parse(text) {
		const words = splitWords(text.trim());
		if (words.length === 0 || /^no one$/i.test(text)) return {text: '', value: ''};
		if (words.length !== 2) throw new ParameterError('wrong number of arguments');
		const port = /^[0-9]+$/.test(words[1]!) ? Number(words[1]) : Number.NaN;
		if (!(port <= 65_535)) throw new ParameterError('Invalid master port');
		return {text: words.join(' '), value: words.join(' ')};
	},
};

/** The classes that `A` stands for, in the order they are printed. */
const ALL_EVENTS = 'g$lshzxetd';

const KEYSPACE_EVENTS: Kind = {
	parse(text) {
		const given = new Set(text.replaceAll('A', ALL_EVENTS));
		const pick = (letters: string): string =>
			letters
				.split('')
				.filter((letter) => given.has(letter))
				.join('');
		if (pick(`${ALL_EVENTS}nKEm`).length !== given.size) {
			throw new ParameterError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
		}
		const printed = (pick(ALL_EVENTS) === ALL_EVENTS ? 'A' : pick(`${ALL_EVENTS}n`)) + pick('KEm');
		return {text: printed, value: printed};
	},
};

const OOM_SCORES: Kind = {
	isList: true,
	parse(text) {
		const words = splitWords(text);
		if (words.length !== 3) throw new ParameterError('wrong number of arguments');
		if (words.some((word) => !/^-?[0-9]+$/.test(word) || Math.abs(Number(word)) > 2000)) {
			throw new ParameterError('Invalid oom-score-adj-values, elements must be between -2000 and 2000.');
		}
		return {text: words.map(Number).join(' '), value: words.map(Number)};
	},
};

const SHUTDOWN_WORDS = ['default', 'save', 'nosave', 'now', 'force'];

const SHUTDOWN_OPTIONS: Kind = {
	isList: true,
	parse(text) {
		const words = splitWords(text.toLowerCase());
		if (words.length === 0 || words.some((word) => !SHUTDOWN_WORDS.includes(word)))
			throw refuseWords(SHUTDOWN_WORDS);
		if (words.includes('save') && words.includes('nosave')) {
			throw new ParameterError("shutdown options SAVE and NOSAVE can't be used simultaneously");
		}
		const set = SHUTDOWN_WORDS.slice(1).filter((word) => words.includes(word));
		const printed = set.length === 0 ? 'default' : set.join(' ');
		return {text: printed, value: set};
	},
};

const HOSTNAME = checkedText((text) => {
	if (text.length >= 256) return 'Hostnames must be less than 256 characters';
	return /^[A-Za-z0-9.-]*$/.test(text)
		? null
		: 'Hostnames may only contain alphanumeric characters, hyphens or dots';
});

/** A file or directory that stands in `dir`. */
const nameKind = (parameter: string, what: string): Kind =>
	checkedText((text) => {
		if (text === '' && parameter !== 'dbfilename') return `${parameter} can't be empty`;
		return /[\\/]/.test(text) ? `${parameter} can't be a path, just a ${what}` : null;
	});

/** A relative one is seen from where the directory was. */
const DIRECTORY: Kind = {
	parse(text, current) {
		const directory = text === '' ? current : resolve(current, text);
		return {text: directory, value: directory};
	},
};

/** Its variables may be empty but for these, and what comes out must not be. */
const TITLE = checkedText((text) => {
	const expanded = text
		.replaceAll('{{', 'x')
		.replaceAll(/\{(?:listen-addr|server-mode|port|tls-port)\}/g, 'x')
		.replaceAll(/\{(?:title|unixsocket|config-file)\}/g, '')
		.trim();
	const isGood = expanded !== '' && !expanded.includes('{');
	return isGood ? null : 'template format is invalid or contains unknown variables';
});

interface Absence {
	/** In redis's words. */
	readonly refusal: string;
	readonly reason: string;
}

/** A feature that this server does not have: only the value that leaves it off is taken. */
const off = (kind: Kind, value: string, {refusal, reason}: Absence): Kind => ({
	parse(text, current) {
		const parsed = kind.parse(text, current);
		if (parsed.text !== value) throw new ParameterError(refusal, reason);
		return parsed;
	},
});

const NO_TLS: Absence = {
	refusal: 'Unable to update TLS configuration. Check server logs.',
	reason: 'this server has no TLS',
};
const NO_DEFRAG: Absence = {
	refusal:
		'Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the one shipped by default with the Redis source distribution',
	reason: 'there is nothing to defragment here',
};

// One row a parameter

const yesNo = (name: string, initial: 'yes' | 'no', extras: Extras<boolean> = {}): Parameter =>
	parameter(name, YES_NO, initial, extras);
const integer = (
	name: string,
	initial: number,
	least: bigint,
	most: bigint,
	extras: Extras<number> = {},
): Parameter => parameter(name, integerKind(least, most), String(initial), extras);
const memory = (
	name: string,
	initial: number,
	least: bigint,
	most: bigint,
	extras: Extras<number> = {},
): Parameter => parameter(name, memoryKind(least, most), String(initial), extras);
const word = <W extends string>(
	name: string,
	initial: W,
	words: readonly W[],
	extras: Extras<W> = {},
): Parameter => parameter(name, wordKind(words), initial, extras);
const text = (name: string, initial = '', extras: Extras<string> = {}): Parameter =>
	parameter(name, TEXT, initial, extras);
const special = (name: string, kind: Kind, initial: string, extras: Extras<unknown> = {}): Parameter =>
	parameter(name, kind, initial, extras);

const immutable = {change: 'immutable'} as const;
const secret = {sensitive: true} as const;
const GATE: readonly Gate[] = ['no', 'yes', 'local'];
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];
const POLICIES: readonly MaxMemoryPolicy[] = [
	'volatile-lru',
	'volatile-lfu',
	'volatile-random',
	'volatile-ttl',
	'allkeys-lru',
	'allkeys-lfu',
	'allkeys-random',
	'noeviction',
];

export const PARAMETERS: readonly Parameter[] = [
	// network
	special('bind', WORDS, '* -::*', {...immutable, setting: 'bind'}),
	text('bind-source-addr'),
	integer('port', 6379, 0n, 65_535n, {...immutable, setting: 'port'}),
	integer('tcp-backlog', 511, 0n, INT_MAX, {...immutable, setting: 'tcpBacklog'}),
	integer('tcp-keepalive', 300, 0n, INT_MAX, {setting: 'tcpKeepAliveSeconds'}),
	integer('timeout', 0, 0n, INT_MAX, {setting: 'timeoutSeconds'}),
	integer('socket-mark-id', 0, 0n, UINT_MAX, immutable),
	text('unixsocket', '', immutable),
	special('unixsocketperm', OCTAL, '0', immutable),
	yesNo('protected-mode', 'yes', {setting: 'protectedMode'}),
	integer('maxclients', 10_000, 1n, UINT_MAX, {setting: 'maxClients'}),
	special(
		'client-output-buffer-limit',
		OUTPUT_BUFFER_LIMITS,
		'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
		{
			setting: 'clientOutputBufferLimits',
		},
	),
	memory('client-query-buffer-limit', 2 ** 30, MEGABYTE, LONG_MAX, {setting: 'clientQueryBufferLimitBytes'}),
	special('maxmemory-clients', MEMORY_OR_PERCENT, '0'),
	memory('proto-max-bulk-len', 512 * 2 ** 20, MEGABYTE, LONG_MAX, {setting: 'protoMaxBulkBytes'}),
	integer('io-threads', 1, 1n, 128n, immutable),
	yesNo('io-threads-do-reads', 'no', immutable),
	text('requirepass', '', {...secret, setting: 'requirePass'}),

	// TLS
	special('tls-port', off(integerKind(0n, 65_535n), '0', NO_TLS), '0'),
	special('tls-cluster', off(YES_NO, 'no', NO_TLS), 'no'),
	special('tls-replication', off(YES_NO, 'no', NO_TLS), 'no'),
	word('tls-auth-clients', 'yes', ['no', 'yes', 'optional']),
	text('tls-ca-cert-dir'),
	text('tls-ca-cert-file'),
	text('tls-cert-file'),
	text('tls-ciphers'),
	text('tls-ciphersuites'),
	text('tls-client-cert-file'),
	text('tls-client-key-file'),
	text('tls-client-key-file-pass', '', secret),
	text('tls-dh-params-file'),
	text('tls-key-file'),
	text('tls-key-file-pass', '', secret),
	yesNo('tls-prefer-server-ciphers', 'no'),
	text('tls-protocols'),
	integer('tls-session-cache-size', 20_480, 0n, INT_MAX),
	integer('tls-session-cache-timeout', 300, 0n, INT_MAX),
	yesNo('tls-session-caching', 'yes'),

	// the process
	yesNo('daemonize', 'no', immutable),
	word('supervised', 'no', ['upstart', 'systemd', 'auto', 'no'], immutable),
	text('pidfile', '', immutable),
	text('logfile', '', immutable),
	word('loglevel', 'notice', LOG_LEVELS, {setting: 'logLevel'}),
	yesNo('syslog-enabled', 'no', immutable),
	word(
		'syslog-facility',
		'local0',
		['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
		immutable,
	),
	text('syslog-ident', 'redis', immutable),
	yesNo('always-show-logo', 'no', immutable),
	yesNo('set-proc-title', 'yes', immutable),
	special('proc-title-template', TITLE, '{title} {listen-addr} {server-mode}'),
	text('server_cpulist', '', immutable),
	text('bio_cpulist', '', immutable),
	text('aof_rewrite_cpulist', '', immutable),
	text('bgsave_cpulist', '', immutable),
	text('ignore-warnings'),
	yesNo('crash-log-enabled', 'yes'),
	yesNo('crash-memcheck-enabled', 'yes'),
	yesNo('disable-thp', 'yes', immutable),
	word('oom-score-adj', 'no', ['no', 'yes', 'relative', 'absolute']),
	special('oom-score-adj-values', OOM_SCORES, '0 200 800'),
	yesNo('jemalloc-bg-thread', 'yes'),
	special('hz', HZ, '10', {setting: 'hz'}),
	yesNo('dynamic-hz', 'yes'),
	special('dir', DIRECTORY, '', {change: 'protected', setting: 'dir'}),
	word('enable-debug-command', 'no', GATE, {...immutable, setting: 'enableDebugCommand'}),
	word('enable-module-command', 'no', GATE, immutable),
	word('enable-protected-configs', 'no', GATE, immutable),
	special('shutdown-on-sigint', SHUTDOWN_OPTIONS, 'default'),
	special('shutdown-on-sigterm', SHUTDOWN_OPTIONS, 'default', {setting: 'shutdownOnSigterm'}),
	integer('shutdown-timeout', 10, 0n, INT_MAX, {setting: 'shutdownTimeoutSeconds'}),

	// data
	integer('databases', 16, 1n, INT_MAX, {...immutable, setting: 'databases'}),
	memory('maxmemory', 0, 0n, ULONG_MAX, {setting: 'maxMemoryBytes'}),
	word('maxmemory-policy', 'noeviction', POLICIES, {setting: 'maxMemoryPolicy'}),
	integer('maxmemory-samples', 5, 1n, INT_MAX),
	integer('maxmemory-eviction-tenacity', 10, 0n, 100n),
	integer('lfu-log-factor', 10, 0n, INT_MAX, {setting: 'lfuLogFactor'}),
	integer('lfu-decay-time', 1, 0n, INT_MAX, {setting: 'lfuDecayMinutes'}),
	integer('active-expire-effort', 1, 1n, 10n, {setting: 'activeExpireEffort'}),
	yesNo('lazyfree-lazy-eviction', 'no'),
	yesNo('lazyfree-lazy-expire', 'no'),
	yesNo('lazyfree-lazy-server-del', 'no'),
	yesNo('lazyfree-lazy-user-del', 'no'),
	yesNo('lazyfree-lazy-user-flush', 'no'),
	yesNo('activerehashing', 'yes'),
	special('activedefrag', off(YES_NO, 'no', NO_DEFRAG), 'no'),
	integer('active-defrag-cycle-max', 25, 1n, 99n),
	integer('active-defrag-cycle-min', 1, 1n, 99n),
	memory('active-defrag-ignore-bytes', 104_857_600, 1n, LONG_MAX),
	integer('active-defrag-max-scan-fields', 1000, 1n, LONG_MAX),
	integer('active-defrag-threshold-lower', 10, 0n, 1000n),
	integer('active-defrag-threshold-upper', 100, 0n, 1000n),
	integer('hash-max-listpack-entries', 512, 0n, LONG_MAX, {alias: 'hash-max-ziplist-entries'}),
	memory('hash-max-listpack-value', 64, 0n, LONG_MAX, {alias: 'hash-max-ziplist-value'}),
	memory('hll-sparse-max-bytes', 3000, 0n, LONG_MAX),
	integer('list-compress-depth', 0, 0n, INT_MAX),
	integer('list-max-listpack-size', -2, -INT_MAX - 1n, INT_MAX, {alias: 'list-max-ziplist-size'}),
	integer('set-max-intset-entries', 512, 0n, LONG_MAX),
	memory('stream-node-max-bytes', 4096, 0n, LONG_MAX),
	integer('stream-node-max-entries', 100, 0n, LONG_MAX),
	integer('zset-max-listpack-entries', 128, 0n, LONG_MAX, {alias: 'zset-max-ziplist-entries'}),
	memory('zset-max-listpack-value', 64, 0n, LONG_MAX, {alias: 'zset-max-ziplist-value'}),
	special('notify-keyspace-events', KEYSPACE_EVENTS, ''),
	integer('tracking-table-max-keys', 1_000_000, 0n, LONG_MAX),
	integer('busy-reply-threshold', 5000, 0n, LONG_MAX, {alias: 'lua-time-limit'}),
	word('sanitize-dump-payload', 'no', ['no', 'yes', 'clients']),

	// files
	special('save', SAVE, '3600 1 300 100 60 10000', {setting: 'savePoints'}),
	special('dbfilename', nameKind('dbfilename', 'filename'), 'dump.rdb', {
		change: 'protected',
		setting: 'dbFilename',
	}),
	yesNo('rdbcompression', 'yes', {setting: 'rdbCompression'}),
	yesNo('rdbchecksum', 'yes', {...immutable, setting: 'rdbChecksum'}),
	yesNo('rdb-del-sync-files', 'no'),
	yesNo('rdb-save-incremental-fsync', 'yes', {setting: 'rdbSaveIncrementalFsync'}),
	yesNo('stop-writes-on-bgsave-error', 'yes', {setting: 'stopWritesOnBgsaveError'}),
	yesNo('appendonly', 'no', {setting: 'appendOnly'}),
	special('appendfilename', nameKind('appendfilename', 'filename'), 'appendonly.aof', {
		...immutable,
		setting: 'appendFilename',
	}),
	special('appenddirname', nameKind('appenddirname', 'dirname'), 'appendonlydir', {
		...immutable,
		setting: 'appendDirname',
	}),
	word('appendfsync', 'everysec', ['everysec', 'always', 'no'], {setting: 'appendFsync'}),
	yesNo('no-appendfsync-on-rewrite', 'no', {setting: 'noAppendFsyncOnRewrite'}),
	integer('auto-aof-rewrite-percentage', 100, 0n, INT_MAX, {setting: 'autoAofRewritePercentage'}),
	memory('auto-aof-rewrite-min-size', 67_108_864, 0n, LONG_MAX, {setting: 'autoAofRewriteMinBytes'}),
	yesNo('aof-disable-auto-gc', 'no', {setting: 'aofDisableAutoGc'}),
	yesNo('aof-load-truncated', 'yes', {setting: 'aofLoadTruncated'}),
	yesNo('aof-rewrite-incremental-fsync', 'yes', {setting: 'aofRewriteIncrementalFsync'}),
	yesNo('aof-timestamp-enabled', 'no', {setting: 'aofTimestampEnabled'}),
	yesNo('aof-use-rdb-preamble', 'yes', {setting: 'aofUseRdbPreamble'}),

	// replication
	special('replicaof', REPLICA_OF, '', {...immutable, alias: 'slaveof', setting: 'replicaOf'}),
	text('masterauth', '', {...secret, setting: 'primaryPassword'}),
	text('masteruser', '', {...secret, setting: 'primaryUser'}),
	integer('repl-timeout', 60, 1n, INT_MAX, {setting: 'replicationTimeoutSeconds'}),
	integer('repl-ping-replica-period', 10, 1n, INT_MAX, {
		alias: 'repl-ping-slave-period',
		setting: 'replPingReplicaPeriodSeconds',
	}),
	memory('repl-backlog-size', 1_048_576, 1n, LONG_MAX, {setting: 'replicationBacklogBytes'}),
	integer('repl-backlog-ttl', 3600, 0n, LONG_MAX, {setting: 'replicationBacklogSeconds'}),
	yesNo('repl-disable-tcp-nodelay', 'no', {setting: 'replDisableTcpNoDelay'}),
	word('repl-diskless-load', 'disabled', ['disabled', 'on-empty-db', 'swapdb']),
	yesNo('repl-diskless-sync', 'yes', {setting: 'replDisklessSync'}),
	// Redis waits 5 s, for a snapshot is a fork of it. Here one is made at once, and the next when it is done.
	integer('repl-diskless-sync-delay', 0, 0n, INT_MAX, {setting: 'replDisklessSyncDelaySeconds'}),
	integer('repl-diskless-sync-max-replicas', 0, 0n, INT_MAX, {setting: 'replDisklessSyncMaxReplicas'}),
	integer('min-replicas-to-write', 0, 0n, INT_MAX, {
		alias: 'min-slaves-to-write',
		setting: 'minReplicasToWrite',
	}),
	integer('min-replicas-max-lag', 10, 0n, INT_MAX, {
		alias: 'min-slaves-max-lag',
		setting: 'minReplicasMaxLagSeconds',
	}),
	text('replica-announce-ip', '', {alias: 'slave-announce-ip', setting: 'replicaAnnounceIp'}),
	integer('replica-announce-port', 0, 0n, 65_535n, {
		alias: 'slave-announce-port',
		setting: 'replicaAnnouncePort',
	}),
	yesNo('replica-announced', 'yes', {setting: 'replicaAnnounced'}),
	yesNo('replica-ignore-disk-write-errors', 'no', {setting: 'replicaIgnoreDiskWriteErrors'}),
	yesNo('replica-ignore-maxmemory', 'yes', {
		alias: 'slave-ignore-maxmemory',
		setting: 'replicaIgnoreMaxMemory',
	}),
	yesNo('replica-lazy-flush', 'no', {alias: 'slave-lazy-flush'}),
	integer('replica-priority', 100, 0n, INT_MAX, {alias: 'slave-priority', setting: 'replicaPriority'}),
	yesNo('replica-read-only', 'yes', {alias: 'slave-read-only', setting: 'replicaReadOnly'}),
	yesNo('replica-serve-stale-data', 'yes', {
		alias: 'slave-serve-stale-data',
		setting: 'replicaServeStaleData',
	}),
	word('propagation-error-behavior', 'ignore', ['ignore', 'panic', 'panic-on-replicas'], {
		setting: 'propagationErrorBehavior',
	}),

	// users
	text('aclfile', '', immutable),
	integer('acllog-max-len', 128, 0n, LONG_MAX),
	word('acl-pubsub-default', 'resetchannels', ['allchannels', 'resetchannels']),

	// observation
	integer('slowlog-log-slower-than', 10_000, -1n, LONG_MAX, {setting: 'slowlogLogSlowerThanUs'}),
	integer('slowlog-max-len', 128, 0n, LONG_MAX, {setting: 'slowlogMaxLength'}),
	integer('latency-monitor-threshold', 0, 0n, LONG_MAX, {setting: 'latencyMonitorThresholdMs'}),
	yesNo('latency-tracking', 'yes', {setting: 'latencyTracking'}),
	special('latency-tracking-info-percentiles', PERCENTILES, '50 99 99.9', {
		setting: 'latencyTrackingInfoPercentiles',
	}),

	// cluster
	yesNo('cluster-enabled', 'no', {...immutable, setting: 'clusterEnabled'}),
	text('cluster-config-file', 'nodes.conf', {...immutable, setting: 'clusterConfigFile'}),
	integer('cluster-port', 0, 0n, 65_535n, immutable),
	integer('cluster-node-timeout', 15_000, 0n, LONG_MAX, {setting: 'clusterNodeTimeoutMs'}),
	integer('cluster-migration-barrier', 1, 0n, INT_MAX, {setting: 'clusterMigrationBarrier'}),
	integer('cluster-replica-validity-factor', 10, 0n, INT_MAX, {
		alias: 'cluster-slave-validity-factor',
		setting: 'clusterReplicaValidityFactor',
	}),
	yesNo('cluster-require-full-coverage', 'yes', {setting: 'clusterRequireFullCoverage'}),
	yesNo('cluster-replica-no-failover', 'no', {
		alias: 'cluster-slave-no-failover',
		setting: 'clusterReplicaNoFailover',
	}),
	yesNo('cluster-allow-reads-when-down', 'no', {setting: 'clusterAllowReadsWhenDown'}),
	yesNo('cluster-allow-pubsubshard-when-down', 'yes', {setting: 'clusterAllowPubsubshardWhenDown'}),
	yesNo('cluster-allow-replica-migration', 'yes', {setting: 'clusterAllowReplicaMigration'}),
	memory('cluster-link-sendbuf-limit', 0, 0n, ULONG_MAX, {setting: 'clusterLinkSendBufferLimitBytes'}),
	word('cluster-preferred-endpoint-type', 'ip', ['ip', 'hostname', 'unknown-endpoint'], {
		setting: 'clusterPreferredEndpointType',
	}),
	text('cluster-announce-ip', '', {setting: 'clusterAnnounceIp'}),
	special('cluster-announce-hostname', HOSTNAME, '', {setting: 'clusterAnnounceHostname'}),
	integer('cluster-announce-port', 0, 0n, 65_535n, {setting: 'clusterAnnouncePort'}),
	integer('cluster-announce-tls-port', 0, 0n, 65_535n),
	integer('cluster-announce-bus-port', 0, 0n, 65_535n, {setting: 'clusterAnnounceBusPort'}),
];

/** By name and by alias. */
export const PARAMETERS_BY_NAME: ReadonlyMap<string, Parameter> = new Map(
	PARAMETERS.flatMap((parameter) => {
		const {name, alias} = parameter;
		return alias === undefined
			? [[name, parameter]]
			: [
					[name, parameter],
					[alias, parameter],
				];
	}),
);
