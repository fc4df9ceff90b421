/** `shoal trib`: the command line of the manager, in the spellings of redis-trib.rb and of `redis-cli --cluster`. */

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
	addMembers(trib, program);
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
