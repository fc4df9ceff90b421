/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. What is queued behind MULTI, and how EXEC runs it, is the executor's. */
import {key, many} from './args.ts';
import type {Client} from './client.ts';
import {type Command, command} from './command.ts';
import {CommandError} from './errors.ts';
import {Transaction} from './transaction.ts';
import type {Watches} from './watches.ts';

const NESTED_MULTI = new CommandError('ERR MULTI calls can not be nested');
const EXEC_WITHOUT_MULTI = new CommandError('ERR EXEC without MULTI');
const DISCARD_WITHOUT_MULTI = new CommandError('ERR DISCARD without MULTI');
const WATCH_INSIDE_MULTI = new CommandError('ERR WATCH inside MULTI is not allowed');

/** The client has neither a transaction nor watched keys any more. */
export function discardTransaction(client: Client, watches: Watches): void {
	client.transaction = null;
	client.isTouched = false;
	watches.unwatch(client);
}

const facts = {
	group: 'transactions',
	flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
} as const;

const multi = command({
	...facts,
	name: 'multi',
	since: '1.2.0',
	summary: 'Mark the start of a transaction block',
	complexity: 'O(1)',
	run({client, reply}) {
		if (client.transaction !== null) throw NESTED_MULTI;
		client.transaction = new Transaction();
		reply.ok();
	},
});

/** Of a client that sent MULTI the executor carries it out itself. */
const exec = command({
	name: 'exec',
	since: '1.2.0',
	group: 'transactions',
	flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
	summary: 'Execute all commands issued after MULTI',
	complexity: 'Depends on commands in the transaction',
	run() {
		throw EXEC_WITHOUT_MULTI;
	},
});

const discard = command({
	...facts,
	name: 'discard',
	since: '2.0.0',
	summary: 'Discard all commands issued after MULTI',
	complexity: 'O(N), when N is the number of queued commands',
	run({client, reply, services: {watches}}) {
		if (client.transaction === null) throw DISCARD_WITHOUT_MULTI;
		discardTransaction(client, watches);
		reply.ok();
	},
});

const watch = command({
	...facts,
	name: 'watch',
	since: '2.2.0',
	summary: 'Watch the given keys to determine execution of the MULTI/EXEC block',
	complexity: 'O(1) for every key.',
	args: [many(key(['RO']))],
	run({client, reply, services: {watches}}, keys) {
		if (client.transaction !== null) throw WATCH_INSIDE_MULTI;
		// What happens to further keys makes no difference any more.
		if (!client.isTouched) for (const watched of keys) watches.watch(client, watched);
		reply.ok();
	},
});

const unwatch = command({
	...facts,
	name: 'unwatch',
	since: '2.2.0',
	summary: 'Forget about all watched keys',
	complexity: 'O(1)',
	run({client, reply, services: {watches}}) {
		watches.unwatch(client);
		client.isTouched = false;
		reply.ok();
	},
});

export const transactionCommands: readonly Command[] = [multi, exec, discard, watch, unwatch];
