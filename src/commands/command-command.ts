/** COMMAND and its subcommands: the table printed as Redis 7.0 prints its own. */

import {toBytes} from '../lib/bytes.ts';
import {globMatch} from '../lib/glob.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import {Request} from '../resp/request.ts';
import {type Arg, bytes, many, named, oneOf, optional, pattern, text} from './args.ts';
import {type Command, command} from './command.ts';
import {CommandError} from './errors.ts';
import {replyHelp} from './help.ts';
import {type KeyFlag, KeyPositions, type KeySpec} from './key-specs.ts';
import type {CommandTable} from './table.ts';

const facts = {
	group: 'server',
	flags: ['loading', 'stale'],
	categories: ['connection'],
} as const;

export const commandCommand = command({
	...facts,
	name: 'command',
	since: '2.8.13',
	summary: 'Get array of Redis command details',
	complexity: 'O(N) where N is the total number of Redis commands',
	tips: ['nondeterministic_output_order'],
	arity: -1,
	run({reply, services: {table}}) {
		reply.array(table.commands.length);
		for (const each of table.commands) replyInfo(reply, each);
	},
});

export const commandCount = command({
	...facts,
	name: 'command|count',
	since: '2.8.13',
	summary: 'Get total number of Redis commands',
	complexity: 'O(1)',
	run({reply, services: {table}}) {
		reply.integer(table.commands.length);
	},
});

export const commandInfo = command({
	...facts,
	name: 'command|info',
	since: '2.8.13',
	summary: 'Get array of specific Redis command details, or all when no argument is given.',
	complexity: 'O(N) where N is the number of commands to look up',
	history: [['7.0.0', 'Allowed to be called with no argument to get info on all commands.']],
	tips: ['nondeterministic_output_order'],
	args: [optional(many(text('command-name')))],
	run({reply, services: {table}}, names) {
		const found = names?.map((name) => table.named(name)) ?? table.commands;
		reply.array(found.length);
		for (const each of found) {
			if (each === undefined) reply.null();
			else replyInfo(reply, each);
		}
	},
});

export const commandDocs = command({
	...facts,
	name: 'command|docs',
	since: '7.0.0',
	summary: 'Get array of specific Redis command documentation',
	complexity: 'O(N) where N is the number of commands to look up',
	tips: ['nondeterministic_output_order'],
	args: [optional(many(text('command-name')))],
	run({reply, services: {table}}, names) {
		const found =
			names?.map((name) => table.named(name)).filter((each) => each !== undefined) ?? table.commands;
		reply.map(found.length);
		for (const each of found) replyDocs(reply, each);
	},
});

const findKeysFacts = {
	...facts,
	complexity: 'O(N) where N is the number of arguments to the command',
	arity: -4,
} as const;

export const commandGetKeys = command({
	...findKeysFacts,
	name: 'command|getkeys',
	since: '2.8.13',
	summary: 'Extract keys given a full Redis command',
	documentedArgs: [],
	args: [many(bytes('arg'))],
	run({reply, request, services: {table}}) {
		const {full, found} = findKeysOf(request, table);
		reply.array(found.count);
		for (let i = 0; i < found.count; i++) reply.bulk(full.bytes(found.at[i]!));
	},
});

export const commandGetKeysAndFlags = command({
	...findKeysFacts,
	name: 'command|getkeysandflags',
	since: '7.0.0',
	summary: 'Extract keys and access flags given a full Redis command',
	documentedArgs: [],
	args: [many(bytes('arg'))],
	run({reply, request, services: {table}}) {
		const {full, found, named: target} = findKeysOf(request, table);
		reply.array(found.count);
		for (let i = 0; i < found.count; i++) {
			reply.array(2);
			reply.bulk(full.bytes(found.at[i]!));
			replyWords(reply, usedFlags(target, target.keySpecs[found.spec[i]!], full));
		}
	},
});

const INVALID_COMMAND = new CommandError('ERR Invalid command specified');
const NO_KEY_ARGUMENTS = new CommandError('ERR The command has no key arguments');
const INVALID_COUNT = new CommandError('ERR Invalid number of arguments specified for command');
const INVALID_ARGUMENTS = new CommandError('ERR Invalid arguments specified for command');

/**
 * The keys of the command that stands behind the two words of COMMAND GETKEYS. Positions are those of `full`.
 */
function findKeysOf(
	request: Request,
	table: CommandTable,
): {full: Request; named: Command; found: KeyPositions} {
	const full = new Request();
	full.region = request.region;
	full.count = request.count - 2;
	full.offsets = request.offsets.subarray(2);
	full.lengths = request.lengths.subarray(2);

	const target = table.find(full);
	if (target === null) throw INVALID_COMMAND;
	const hasKeys = target.facts.findKeys !== undefined || target.keySpecs.some(isOfKeys);
	if (!hasKeys) throw NO_KEY_ARGUMENTS;
	if (!target.acceptsCount(full.count)) throw INVALID_COUNT;
	const found = new KeyPositions();
	target.collectKeys(full, found);
	if (found.count === 0 && !target.has('no_mandatory_keys')) throw INVALID_ARGUMENTS;
	return {full, named: target, found};
}

/** Channels of sharded pub/sub have specs, but are no keys. */
const isOfKeys = (spec: KeySpec): boolean => !spec.flags.includes('not_key');

function usedFlags(target: Command, spec: KeySpec | undefined, request: Request): readonly KeyFlag[] {
	const flags = spec?.flags ?? [];
	if (flags.includes('variable_flags') && target.facts.keyFlagsOf !== undefined)
		return target.facts.keyFlagsOf(request);
	return flags;
}

export const commandList = command({
	...facts,
	name: 'command|list',
	since: '7.0.0',
	summary: 'Get an array of Redis command names',
	complexity: 'O(N) where N is the total number of Redis commands',
	tips: ['nondeterministic_output_order'],
	args: [
		optional(
			named(
				'FILTERBY',
				oneOf('filterby', {
					module: named('MODULE', bytes('module-name')),
					category: named('ACLCAT', text('category')),
					pattern: named('PATTERN', pattern()),
				}),
			),
		),
	],
	run({reply, services: {table}}, filter) {
		const found = table.all.filter((each) => filter === undefined || isListed(each, filter));
		reply.array(found.length);
		for (const {name} of found) reply.bulkText(name);
	},
});

type Filter =
	| {readonly kind: 'module' | 'pattern'; readonly value: Uint8Array}
	| {readonly kind: 'category'; readonly value: string};

function isListed(each: Command, filter: Filter): boolean {
	switch (filter.kind) {
		case 'module':
			return false;
		case 'category':
			return each.categories.some((category) => category === filter.value.toLowerCase());
		case 'pattern':
			return globMatch(filter.value, toBytes(each.name), true);
	}
}

export const commandHelp = command({
	...facts,
	name: 'command|help',
	since: '5.0.0',
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'COMMAND', [
			'(no subcommand)',
			'    Return details about all Redis commands.',
			'COUNT',
			'    Return the total number of commands in this Redis server.',
			'LIST',
			'    Return a list of all commands in this Redis server.',
			'INFO [<command-name> ...]',
			'    Return details about multiple Redis commands.',
			'    If no command names are given, documentation details for all',
			'    commands are returned.',
			'DOCS [<command-name> ...]',
			'    Return documentation details about multiple Redis commands.',
			'    If no command names are given, documentation details for all',
			'    commands are returned.',
			'GETKEYS <full-command>',
			'    Return the keys from a full Redis command.',
			'GETKEYSANDFLAGS <full-command>',
			'    Return the keys and the access flags from a full Redis command.',
		]);
	},
});

export const commandCommands: readonly Command[] = [
	commandCommand,
	commandCount,
	commandDocs,
	commandGetKeys,
	commandGetKeysAndFlags,
	commandHelp,
	commandInfo,
	commandList,
];

// COMMAND INFO

function replyInfo(reply: ReplyWriter, each: Command): void {
	reply.array(10);
	reply.bulkText(each.name);
	reply.integer(each.arity);
	replyWords(reply, each.flags);
	reply.integer(each.firstKey);
	reply.integer(each.lastKey);
	reply.integer(each.keyStep);
	reply.set(each.categories.length);
	for (const category of each.categories) reply.simple(`@${category}`);
	const tips = each.facts.tips ?? [];
	reply.set(tips.length);
	for (const tip of tips) reply.bulkText(tip);
	reply.set(each.keySpecs.length);
	for (const spec of each.keySpecs) replyKeySpec(reply, spec);
	// Redis: an array, but an empty set where there are none.
	if (each.subcommands.length === 0) reply.set(0);
	else reply.array(each.subcommands.length);
	for (const subcommand of each.subcommands) replyInfo(reply, subcommand);
}

function replyWords(reply: ReplyWriter, words: readonly string[]): void {
	reply.set(words.length);
	for (const word of words) reply.simple(word);
}

function replyKeySpec(reply: ReplyWriter, {notes, flags, begin, find}: KeySpec): void {
	reply.map(notes === undefined ? 3 : 4);
	if (notes !== undefined) replyFact(reply, 'notes', notes);
	reply.bulkText('flags');
	replyWords(reply, flags);
	reply.bulkText('begin_search');
	if (begin === 'unknown') replySearch(reply, 'unknown', {});
	else if ('index' in begin) replySearch(reply, 'index', {index: begin.index});
	else replySearch(reply, 'keyword', {keyword: begin.keyword, startfrom: begin.startFrom});
	reply.bulkText('find_keys');
	if (find === 'unknown') replySearch(reply, 'unknown', {});
	else if ('lastKey' in find) {
		replySearch(reply, 'range', {lastkey: find.lastKey, keystep: find.step, limit: find.limit});
	} else replySearch(reply, 'keynum', {keynumidx: find.countAt, firstkey: find.firstKey, keystep: find.step});
}

function replySearch(
	reply: ReplyWriter,
	type: string,
	spec: Readonly<Record<string, number | string>>,
): void {
	reply.map(2);
	replyFact(reply, 'type', type);
	reply.bulkText('spec');
	const entries = Object.entries(spec);
	reply.map(entries.length);
	for (const [field, value] of entries) {
		reply.bulkText(field);
		if (typeof value === 'number') reply.integer(value);
		else reply.bulkText(value);
	}
}

function replyFact(reply: ReplyWriter, field: string, value: string): void {
	reply.bulkText(field);
	reply.bulkText(value);
}

// COMMAND DOCS

function replyDocs(reply: ReplyWriter, each: Command): void {
	const {facts: told, subcommands} = each;
	reply.bulkText(each.name);
	const map = new MapReply(reply);
	map.fact('summary', told.summary);
	map.fact('since', told.since);
	map.fact('group', told.group);
	map.fact('complexity', told.complexity);
	if (told.docFlags !== undefined) replyWords(map.field('doc_flags'), told.docFlags);
	map.fact('deprecated_since', told.deprecatedSince);
	map.fact('replaced_by', told.replacedBy);
	if (told.history !== undefined) {
		map.field('history').set(told.history.length);
		for (const [version, change] of told.history) {
			reply.array(2);
			reply.bulkText(version);
			reply.bulkText(change);
		}
	}
	const args = documented(told.documentedArgs ?? each.args);
	if (args.length > 0) {
		map.field('arguments');
		replyArguments(reply, args, {next: 0});
	}
	if (subcommands.length > 0) {
		map.field('subcommands').map(subcommands.length);
		for (const subcommand of subcommands) replyDocs(reply, subcommand);
	}
	map.close();
}

/** What the docs list in place of an argument: options one by one, the count of keys beside them. */
function documented(args: readonly Arg<unknown>[]): readonly Arg<unknown>[] {
	return args.flatMap((arg) => (arg.documentedAs === undefined ? [arg] : documented(arg.documentedAs)));
}

/** @param specs counts the key specs that were told: keys find theirs in order */
function replyArguments(reply: ReplyWriter, args: readonly Arg<unknown>[], specs: {next: number}): void {
	reply.array(args.length);
	for (const arg of args) replyArgument(reply, arg, specs);
}

function replyArgument(reply: ReplyWriter, arg: Arg<unknown>, specs: {next: number}): void {
	const {facts: told} = arg;
	const map = new MapReply(reply);
	map.fact('name', told.name ?? arg.name);
	map.fact('type', arg.type);
	const spec = told.spec ?? (arg.type === 'key' ? specs.next++ : undefined);
	if (spec !== undefined) map.field('key_spec_index').integer(spec);
	map.fact('token', arg.token);
	map.fact('summary', told.summary);
	map.fact('since', told.since);
	map.fact('deprecated_since', told.deprecatedSince);
	const flags: string[] = [];
	if (arg.isOptional === true) flags.push('optional');
	if (arg.isMultiple === true) flags.push('multiple');
	if (arg.repeatsToken === true) flags.push('multiple_token');
	if (flags.length > 0) replyWords(map.field('flags'), flags);
	if (arg.parts !== undefined) {
		map.field('arguments');
		replyArguments(reply, documented(arg.parts), specs);
	}
	map.close();
}

/** A map whose size is known when it is closed. */
class MapReply {
	readonly #reply: ReplyWriter;
	readonly #token: number;
	#size = 0;

	constructor(reply: ReplyWriter) {
		this.#reply = reply;
		this.#token = reply.deferMap();
	}

	/** Writes the field's name; the caller writes its value next. */
	field(name: string): ReplyWriter {
		this.#size++;
		this.#reply.bulkText(name);
		return this.#reply;
	}

	fact(name: string, value: string | undefined): void {
		if (value !== undefined) this.field(name).bulkText(value);
	}

	close(): void {
		this.#reply.closeMap(this.#token, this.#size);
	}
}
