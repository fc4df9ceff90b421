/** SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF: the files of the node on request. */
import {flag, optional} from './args.ts';
import {type Command, command} from './command.ts';

const facts = {since: '1.0.0', group: 'server', flags: ['admin', 'noscript', 'no_async_loading']} as const;

const save = command({
	...facts,
	name: 'save',
	flags: [...facts.flags, 'no_multi'],
	summary: 'Synchronously save the dataset to disk',
	complexity: 'O(N) where N is the total number of keys in all databases',
	run({reply, services: {persistence}}) {
		persistence.save();
		reply.ok();
	},
});

const bgSave = command({
	...facts,
	name: 'bgsave',
	summary: 'Asynchronously save the dataset to disk',
	complexity: 'O(1)',
	history: [['3.2.2', 'Added the `SCHEDULE` option.']],
	args: [optional(flag('SCHEDULE', {name: 'schedule', since: '3.2.2'}))],
	run({client, reply, services: {persistence}}, schedule) {
		// A snapshot must not begin in the middle of a transaction.
		const outcome = persistence.saveInBackground(schedule !== undefined, !client.mayBlock);
		reply.simple(outcome === 'started' ? 'Background saving started' : 'Background saving scheduled');
	},
});

const lastSave = command({
	name: 'lastsave',
	since: '1.0.0',
	group: 'server',
	flags: ['loading', 'stale', 'fast'],
	summary: 'Get the UNIX time stamp of the last successful save to disk',
	complexity: 'O(1)',
	tips: ['nondeterministic_output'],
	categories: ['admin', 'dangerous'],
	run({reply, services: {persistence}}) {
		reply.integer(persistence.lastSaveSeconds);
	},
});

const bgRewriteAof = command({
	...facts,
	name: 'bgrewriteaof',
	summary: 'Asynchronously rewrite the append-only file',
	complexity: 'O(1)',
	run({client, reply, services: {persistence}}) {
		const outcome = persistence.rewriteAof(!client.mayBlock);
		reply.simple(
			outcome === 'started'
				? 'Background append only file rewriting started'
				: 'Background append only file rewriting scheduled',
		);
	},
});

export const persistenceCommands: readonly Command[] = [save, bgSave, lastSave, bgRewriteAof];
