/**
 * Every declared command against COMMAND INFO and COMMAND DOCS of the installed redis-server, field by field.
 */

import {connect} from 'node:net';

import test from 'ava';

import type {Category, Group} from '../../src/commands/acl-categories.ts';
import {Command, type Flag} from '../../src/commands/command.ts';
import {allCommands} from '../../src/commands/families.ts';
import type {KeyFlag, KeySpec} from '../../src/commands/key-specs.ts';
import {type Reply, ReplyParser, RespError} from '../../src/resp/reply-parser.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {CommandRunner, encode} from './harness.ts';

type Plain = null | string | number | Plain[] | {[field: string]: Plain};

const runner = new CommandRunner({commands: allCommands});
runner.client.protocol = 3;

/** Asks over a connection of its own, in RESP3. */
async function ask(port: number, ...commands: readonly (readonly string[])[]): Promise<Reply[]> {
	const socket = connect(port, '127.0.0.1');
	const parser = new ReplyParser();
	const replies: Reply[] = [];
	try {
		await new Promise<void>((resolve, reject) => {
			socket.on('error', reject);
			socket.on('data', (chunk) => {
				parser.feed(chunk, (reply) => replies.push(reply));
				if (replies.length > commands.length) resolve();
			});
			for (const words of [['HELLO', '3'], ...commands]) socket.write(encode(words));
		});
	} finally {
		socket.destroy();
	}
	return replies.slice(1);
}

/** Maps as objects, whose fields have no order; all else keeps the order in which it was printed. */
function plain(reply: Reply): Plain {
	if (reply instanceof Map) {
		return Object.fromEntries([...reply].map(([field, value]) => [String(field), plain(value)]));
	}
	if (reply instanceof Set || Array.isArray(reply)) return [...reply].map(plain);
	if (reply instanceof RespError) return `error: ${reply.message}`;
	if (reply === null || typeof reply === 'string' || typeof reply === 'number') return reply;
	throw new Error('COMMAND replies with no such value');
}

const INFO_FIELDS = [
	'name',
	'arity',
	'flags',
	'first key',
	'last key',
	'step',
	'ACL categories',
	'tips',
	'key specs',
	'subcommands',
] as const;

/** COMMAND INFO of one command with named fields, without the subcommands. */
function infoFields(info: Plain | undefined): {[field: string]: Plain} {
	if (!Array.isArray(info)) return {};
	return Object.fromEntries(INFO_FIELDS.slice(0, -1).map((field, i) => [field, info[i]!]));
}

/** COMMAND DOCS of one command; subcommands are compared by themselves. */
function docsFields(docs: Plain | undefined): {[field: string]: Plain} {
	if (typeof docs !== 'object' || docs === null || Array.isArray(docs)) return {};
	const {subcommands: _, ...fields} = docs;
	return fields;
}

function docsOf(reply: Reply | undefined, {name}: Command): Plain | undefined {
	return reply instanceof Map ? plain(reply.get(name) ?? null) : undefined;
}

if (hasRedisServer()) {
	test('COMMAND INFO and COMMAND DOCS of each command are those of redis-server', async (t) => {
		await using server = await startRedisServer();
		const names = runner.table.all.map(({name}) => name);
		const [theirInfo, theirDocs] = await ask(
			server.port,
			['COMMAND', 'INFO', ...names],
			['COMMAND', 'DOCS', ...names],
		);
		const ourInfo = runner.run('COMMAND', 'INFO', ...names);
		const ourDocs = runner.run('COMMAND', 'DOCS', ...names);
		let compared = 0;
		for (const [i, command] of runner.table.all.entries()) {
			const theirs = (theirInfo as Reply[])[i]!;
			// Newer than 7.0: nothing to compare with.
			if (theirs === null) continue;
			compared++;
			t.deepEqual(infoFields(plain((ourInfo as Reply[])[i]!)), infoFields(plain(theirs)), command.name);
			t.deepEqual(docsFields(docsOf(ourDocs, command)), docsFields(docsOf(theirDocs, command)), command.name);
		}
		t.true(compared > 30);
	});
}

/** A key spec as COMMAND INFO prints it, as a declaration would say it. */
function keySpec(printed: Plain): KeySpec {
	const spec = printed as {flags: KeyFlag[]; begin_search: Printed; find_keys: Printed};
	const {begin_search: begin, find_keys: find} = spec;
	return {
		flags: spec.flags,
		begin:
			begin.type === 'index'
				? {index: Number(begin.spec['index'])}
				: begin.type === 'keyword'
					? {keyword: String(begin.spec['keyword']), startFrom: Number(begin.spec['startfrom'])}
					: 'unknown',
		find:
			find.type === 'range'
				? {
						lastKey: Number(find.spec['lastkey']),
						step: Number(find.spec['keystep']),
						limit: Number(find.spec['limit']),
					}
				: find.type === 'keynum'
					? {
							countAt: Number(find.spec['keynumidx']),
							firstKey: Number(find.spec['firstkey']),
							step: Number(find.spec['keystep']),
						}
					: 'unknown',
	};
}
type Printed = {type: string; spec: {[field: string]: string | number}};

if (hasRedisServer()) {
	test('what is derived from key specs, flags and group holds for every command of redis-server', async (t) => {
		await using server = await startRedisServer();
		const [names] = (await ask(server.port, ['COMMAND', 'LIST'])) as [string[]];
		const [info, docs] = await ask(server.port, ['COMMAND', 'INFO', ...names], ['COMMAND', 'DOCS', ...names]);
		t.true(names.length > 300);
		for (const [i, name] of names.entries()) {
			const [, , flags, first, last, step, categories, , specs, subcommands] = plain(
				(info as Reply[])[i]!,
			) as Plain[];
			const declared = (flags as Flag[]).filter((flag) => flag !== 'movablekeys');
			const {group} = plain((docs as Map<Reply, Reply>).get(name)!) as {group: Group};
			const command = new Command(
				{
					name,
					group,
					since: '',
					summary: '',
					flags: declared,
					keySpecs: (specs as Plain[]).map(keySpec),
					...oddCategories(name),
				},
				[],
				(subcommands as Plain[]).length > 0 && name !== 'command' ? null : () => {},
				null,
			);
			t.deepEqual(
				[command.firstKey, command.lastKey, command.keyStep],
				[first, last, step] as number[],
				name,
			);
			t.deepEqual([...command.flags], flags as Flag[], name);
			t.deepEqual(
				command.categories.map((category) => `@${category}`),
				categories as string[],
				name,
			);
		}
	});
}

/** Commands that are in other categories than their group's. */
const ODD_CATEGORIES: Readonly<Record<string, readonly Category[]>> = {
	asking: ['connection'],
	dbsize: ['keyspace'],
	flushall: ['keyspace', 'dangerous'],
	flushdb: ['keyspace', 'dangerous'],
	info: ['dangerous'],
	keys: ['keyspace', 'dangerous'],
	lastsave: ['admin', 'dangerous'],
	migrate: ['keyspace', 'dangerous'],
	'pubsub|help': [],
	readonly: ['connection'],
	readwrite: ['connection'],
	restore: ['keyspace', 'dangerous'],
	'restore-asking': ['keyspace', 'dangerous'],
	role: ['admin', 'dangerous'],
	sort: ['list', 'set', 'sortedset', 'dangerous'],
	sort_ro: ['list', 'set', 'sortedset', 'dangerous'],
	swapdb: ['keyspace', 'dangerous'],
	wait: ['connection'],
};

function oddCategories(name: string): {readonly categories?: readonly Category[]} {
	const categories = name.split('|')[0] === 'command' ? (['connection'] as const) : ODD_CATEGORIES[name];
	return categories === undefined ? {} : {categories};
}

test('a command is declared once, and its subcommands behind a container', (t) => {
	t.deepEqual(
		runner.table.all.map(({id}) => id),
		runner.table.all.map((_, i) => i),
	);
	for (const command of runner.table.all) {
		t.is(command.parent?.name, command.name.includes('|') ? command.name.split('|')[0] : undefined);
	}
});
