/** `shoal trib`: the command line of the manager, in the spellings of redis-trib.rb and of `redis-cli --cluster`. */

<<<<<<< HEAD
import type {Command} from 'commander';
import {addMembers} from './program-members.ts';
import {
	anyNode,
	commonOptions,
	fail,
	hidden,
	NO_NODE,
	readAddress,
	wholeNumber,
	withAnyNode,
	withCommonOptions,
	type CommonFlags,
	type TribProgramOptions,
} from './program-options.ts';

/** What commander makes of the options of all three commands. */
interface Flags extends CommonFlags {
=======
import {type Command, InvalidArgumentError, Option} from 'commander';
import {parseEndpoint} from './endpoint.ts';
import type {Credentials, Endpoint, OutputOptions, TribJob} from './messages.ts';
import {addMoves} from './program-moves.ts';

export interface TribProgramOptions {
	/** Runs the job and sees to the exit code. `dataDir` is what was typed. */
	run(job: TribJob, dataDir: string | undefined): Promise<void>;
	/** The nodes that are meant when none is named; empty when there are none. */
	defaultNodes(dataDir: string | undefined): Promise<readonly Endpoint[]>;
	/** Whether lines are coloured. */
	readonly color: boolean;
	/** For REDISCLI_AUTH. */
	readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What commander makes of the options of all commands. */
export interface Flags {
	readonly dataDir?: string;
	readonly password?: string;
	readonly pass?: string;
	readonly user?: string;
	readonly json?: boolean;
	readonly dryRun?: boolean;
>>>>>>> tribmove
	readonly yes?: boolean;
	readonly clusterYes?: boolean;
	readonly replicas?: number;
	readonly clusterReplicas?: number;
	readonly masters?: number;
	readonly primaries?: number;
	readonly timeout?: number;
	readonly searchMultipleOwners?: boolean;
	readonly clusterSearchMultipleOwners?: boolean;
}

/** Adds `trib` with its commands to a program, whose settings they inherit. */
export function addTrib(parent: Command, program: TribProgramOptions): void {
	const trib = parent
		.command('trib')
		.description('create, check and describe clusters, ours or of real servers, as redis-trib does');
	addCreate(trib, program);
	addCheck(trib, program);
	addInfo(trib, program);
<<<<<<< HEAD
	addMembers(trib, program);
=======
	addMoves(trib, program);
>>>>>>> tribmove
}

function addCreate(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('create')
		.description('make one cluster of empty nodes')
		.argument('[address...]', 'host:port of every node (default: the nodes that run here)')
		.option('--replicas <count>', 'replicas of every primary', wholeNumber(0))
		.option(
			'--masters <count>',
			'how many nodes become primaries; one or two are allowed this way',
			wholeNumber(1),
		)
		.option('--yes', 'do not ask')
		.option('--timeout <ms>', 'how long the nodes may take to agree', wholeNumber(1))
		.addOption(hidden('--cluster-replicas <count>').argParser(wholeNumber(0)))
		.addOption(hidden('--primaries <count>').argParser(wholeNumber(1)))
		.addOption(hidden('--cluster-yes'));
	withCommonOptions(command).action(async (addresses: string[], flags: Flags) => {
		const given = addresses.map(
			(text) => readAddress(text) ?? fail(command, `Invalid address format: ${text}`),
		);
		const nodes = given.length > 0 ? given : await program.defaultNodes(flags.dataDir);
		if (nodes.length === 0) fail(command, NO_NODE);
		const replicas = flags.replicas ?? flags.clusterReplicas;
		const primaries = flags.masters ?? flags.primaries;
		const options = {
			...commonOptions(program, flags),
			nodes,
			yes: flags.yes === true || flags.clusterYes === true,
			...(replicas === undefined ? {} : {replicas}),
			...(primaries === undefined ? {} : {primaries}),
			...(flags.timeout === undefined ? {} : {joinTimeoutMs: flags.timeout}),
		};
		if (flags.json === true && !options.yes && flags.dryRun !== true) {
			fail(command, '--json asks nothing: give --yes or --dry-run with it');
		}
		await program.run({command: 'create', options}, flags.dataDir);
	});
}

function addCheck(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('check')
		.description('see whether a cluster is in order, asking all of its nodes')
		.option('--search-multiple-owners', 'look for slots of which several nodes hold keys, too')
		.addOption(hidden('--cluster-search-multiple-owners'));
	withAnyNode(withCommonOptions(command)).action(async (words: string[], flags: Flags) => {
		const searchMultipleOwners =
			flags.searchMultipleOwners === true || flags.clusterSearchMultipleOwners === true;
		const node = await anyNode(command, words, program, flags);
		const options = {...commonOptions(program, flags), node, searchMultipleOwners};
		await program.run({command: 'check', options}, flags.dataDir);
	});
}

function addInfo(trib: Command, program: TribProgramOptions): void {
	const command = trib.command('info').description('keys, slots and replicas of every primary');
	withAnyNode(withCommonOptions(command)).action(async (words: string[], flags: Flags) => {
		const node = await anyNode(command, words, program, flags);
		await program.run({command: 'info', options: {...commonOptions(program, flags), node}}, flags.dataDir);
	});
}
<<<<<<< HEAD
=======

/** Every command that works on a whole cluster takes any node of it. */
export function withAnyNode(command: Command): Command {
	return command.argument(
		'[address...]',
		'host:port, or host and port, of any node (default: one that runs here)',
	);
}

/** The options that all commands have. */
export function withCommonOptions(command: Command): Command {
	return command
		.option('--data-dir <directory>', 'where the nodes that run here keep their files')
		.option('-a, --password <password>', 'password of the nodes (or the environment variable REDISCLI_AUTH)')
		.addOption(hidden('--pass <password>'))
		.option('--user <name>', 'user that the password belongs to')
		.option('--json', 'print one JSON object instead of lines')
		.option('--dry-run', 'show what would be done and change nothing');
}

/** What became of them. */
export function commonOptions(
	{color, environment}: TribProgramOptions,
	flags: Flags,
): OutputOptions & {readonly dryRun: boolean; readonly credentials?: Credentials} {
	const password = flags.password ?? flags.pass ?? environment['REDISCLI_AUTH'];
	const credentials = {
		...(password === undefined ? {} : {password}),
		...(flags.user === undefined ? {} : {user: flags.user}),
	};
	return {
		color,
		json: flags.json === true,
		dryRun: flags.dryRun === true,
		...(password === undefined ? {} : {credentials}),
	};
}

/** `host:port`, `host port`, or nothing where nodes run here. */
export async function anyNode(
	command: Command,
	words: readonly string[],
	program: TribProgramOptions,
	flags: Flags,
): Promise<Endpoint> {
	if (words.length > 2) fail(command, INVALID_ADDRESS);
	if (words.length > 0) return readAddress(words.join(':')) ?? fail(command, INVALID_ADDRESS);
	const [node] = await program.defaultNodes(flags.dataDir);
	return node ?? fail(command, NO_NODE);
}

/** A port alone is one of this machine. */
function readAddress(text: string): Endpoint | null {
	return parseEndpoint(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
}

/** Ends with the exit code of wrong usage. */
export function fail(command: Command, message: string): never {
	return command.error(message, {exitCode: USAGE_EXIT_CODE});
}

/** The second spelling of an option, left out of the help. */
export function hidden(flags: string): Option {
	return new Option(flags).hideHelp();
}

/** A parser for options that are whole numbers. */
export function wholeNumber(least: number): (text: string) => number {
	return (text) => {
		const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
		if (value < least) throw new InvalidArgumentError(`A whole number from ${least} on is wanted.`);
		return value;
	};
}
>>>>>>> tribmove
