/** CONFIG: the parameters of the node by redis's names. What they are and which values they take stands in src/node/config-parameters.ts. */
import {latin1, latin1ToBytes} from '../lib/bytes.ts';
import {block, bytes, many} from './args.ts';
import {type Command, command} from './command.ts';
import {replyHelp} from './help.ts';

const facts = {group: 'server', flags: ['admin', 'noscript', 'loading', 'stale']} as const;

const config = command({
	name: 'config',
	since: '2.0.0',
	group: 'server',
	flags: [],
	summary: 'A container for server configuration commands',
	complexity: 'Depends on subcommand.',
});

const configGet = command({
	...facts,
	name: 'config|get',
	since: '2.0.0',
	summary: 'Get the values of configuration parameters',
	complexity: 'O(N) when N is the number of configuration parameters provided',
	history: [['7.0.0', 'Added the ability to pass multiple pattern parameters in one call']],
	args: [many(block('parameter', {parameter: bytes('parameter')}))],
	run({reply, services}, patterns) {
		const found = services.config.get(patterns.map(({parameter}) => parameter));
		reply.map(found.size);
		for (const [name, value] of found) {
			reply.bulk(latin1ToBytes(name));
			reply.bulk(latin1ToBytes(value));
		}
	},
});

const configSet = command({
	...facts,
	name: 'config|set',
	since: '2.0.0',
	summary: 'Set configuration parameters to the given values',
	complexity: 'O(N) when N is the number of configuration parameters provided',
	history: [['7.0.0', 'Added the ability to set multiple parameters in one call.']],
	tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
	args: [many(block('parameter_value', {parameter: bytes('parameter'), value: bytes('value')}))],
	run({reply, services}, pairs) {
		services.config.set(pairs.map(({parameter, value}) => [latin1(parameter), latin1(value)]));
		reply.ok();
	},
});

const configResetStat = command({
	...facts,
	name: 'config|resetstat',
	since: '2.0.0',
	summary: 'Reset the stats returned by INFO',
	complexity: 'O(1)',
	run({reply, services: {stats, commandStats, databases}}) {
		stats.reset();
		commandStats.reset();
		for (const db of databases) {
			db.keyspaceHits = 0;
			db.keyspaceMisses = 0;
			db.expiredCount = 0;
		}
		reply.ok();
	},
});

const configRewrite = command({
	...facts,
	name: 'config|rewrite',
	since: '2.8.0',
	summary: 'Rewrite the configuration file with the in memory configuration',
	complexity: 'O(1)',
	run({reply, services}) {
		services.config.rewrite();
		services.log('notice', 'CONFIG REWRITE executed with success.');
		reply.ok();
	},
});

const HELP = [
	'GET <pattern>',
	'    Return parameters matching the glob-like <pattern> and their values.',
	'SET <directive> <value>',
	'    Set the configuration <directive> to <value>.',
	'RESETSTAT',
	'    Reset statistics reported by the INFO command.',
	'REWRITE',
	'    Rewrite the configuration file.',
];

const configHelp = command({
	name: 'config|help',
	since: '5.0.0',
	group: 'server',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'CONFIG', HELP);
	},
});

export const configCommands: readonly Command[] = [
	config,
	configGet,
	configSet,
	configResetStat,
	configRewrite,
	configHelp,
];
