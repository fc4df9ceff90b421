/** SLOWLOG: which commands took long. */
import {integer, optional, custom} from './args.ts';
import {type Command, command} from './command.ts';
import {CommandError} from './errors.ts';
import {replyHelp} from './help.ts';
import {badSubcommand} from './subcommand-arguments.ts';

const BAD_COUNT = new CommandError('ERR count should be greater than or equal to -1');
const DEFAULT_COUNT = 10;

const facts = {group: 'server', flags: ['admin', 'loading', 'stale']} as const;

const slowlog = command({
	name: 'slowlog',
	since: '2.2.12',
	group: 'server',
	flags: [],
	summary: 'A container for slow log commands',
	complexity: 'Depends on subcommand.',
});

const slowlogGet = command({
	...facts,
	name: 'slowlog|get',
	since: '2.2.12',
	summary: "Get the slow log's entries",
	complexity: 'O(N) where N is the number of entries returned',
	history: [['4.0.0', 'Added client IP address, port and name to the reply.']],
	tips: ['request_policy:all_nodes', 'nondeterministic_output'],
	args: [
		custom<number>([optional(integer('count'))], {
			min: 0,
			max: Infinity,
			read(cursor) {
				if (cursor.at === cursor.end) return DEFAULT_COUNT;
				if (cursor.end - cursor.at > 1) throw badSubcommand(cursor.request, 'SLOWLOG');
				return integer('count', {least: -1, error: BAD_COUNT, rangeError: BAD_COUNT}).read(cursor);
			},
		}),
	],
	run({reply, services}, count) {
		const entries = services.slowlog.entries(count);
		reply.array(entries.length);
		for (const entry of entries) {
			reply.array(6);
			reply.integer(entry.id);
			reply.integer(entry.atSeconds);
			reply.integer(entry.durationUs);
			reply.array(entry.arguments.length);
			for (const argument of entry.arguments) reply.bulk(argument);
			reply.bulkText(entry.address);
			reply.bulkText(entry.clientName);
		}
	},
});

const slowlogLen = command({
	...facts,
	name: 'slowlog|len',
	since: '2.2.12',
	summary: "Get the slow log's length",
	complexity: 'O(1)',
	tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
	run({reply, services}) {
		reply.integer(services.slowlog.length);
	},
});

const slowlogReset = command({
	...facts,
	name: 'slowlog|reset',
	since: '2.2.12',
	summary: 'Clear all entries from the slow log',
	complexity: 'O(N) where N is the number of entries in the slowlog',
	tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
	run({reply, services}) {
		services.slowlog.reset();
		reply.ok();
	},
});

const HELP = [
	'GET [<count>]',
	'    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
	'    Entries are made of:',
	'    id, timestamp, time in microseconds, arguments array, client IP and port,',
	'    client name',
	'LEN',
	'    Return the length of the slowlog.',
	'RESET',
	'    Reset the slowlog.',
];

const slowlogHelp = command({
	name: 'slowlog|help',
	since: '6.2.0',
	group: 'server',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'SLOWLOG', HELP);
	},
});

export const slowlogCommands: readonly Command[] = [
	slowlog,
	slowlogGet,
	slowlogLen,
	slowlogReset,
	slowlogHelp,
];
