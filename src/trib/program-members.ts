/** The commands of `shoal trib` that change who belongs to a cluster, mend it, or reach all of its nodes. */

import {resolve} from 'node:path';
import type {Command} from 'commander';
import type {MembersJob} from './member-jobs.ts';
import type {Credentials, Endpoint} from './messages.ts';
import {
	anyNode,
	commonOptions,
	fail,
	hidden,
	INVALID_ADDRESS,
	readAddress,
	wholeNumber,
	withCommonOptions,
	withAnyNode,
	NO_NODE,
	type CommonFlags,
	type TribProgramOptions,
} from './program-options.ts';

/** What commander makes of the options of these commands. */
interface Flags extends CommonFlags {
	readonly slave?: boolean;
	readonly replica?: boolean;
	readonly clusterSlave?: boolean;
	readonly clusterReplica?: boolean;
	readonly masterId?: string;
	readonly primaryId?: string;
	readonly clusterMasterId?: string;
	readonly clusterPrimariesId?: string;
	readonly timeout?: number;
	readonly clusterTimeout?: number;
	readonly pipeline?: number;
	readonly clusterPipeline?: number;
	readonly shutdown?: boolean;
	readonly force?: boolean;
	readonly yes?: boolean;
	readonly clusterYes?: boolean;
	readonly plan?: boolean;
	readonly searchMultipleOwners?: boolean;
	readonly clusterSearchMultipleOwners?: boolean;
	readonly fixWithUnreachableMasters?: boolean;
	readonly fixWithUnreachablePrimaries?: boolean;
	readonly clusterFixWithUnreachableMasters?: boolean;
	readonly clusterFixWithUnreachablePrimaries?: boolean;
	readonly replace?: boolean;
	readonly clusterReplace?: boolean;
	readonly copy?: boolean;
	readonly clusterCopy?: boolean;
	readonly onlyMasters?: boolean;
	readonly onlyPrimaries?: boolean;
	readonly clusterOnlyMasters?: boolean;
	readonly clusterOnlyPrimaries?: boolean;
	readonly onlyReplicas?: boolean;
	readonly clusterOnlyReplicas?: boolean;
	readonly from?: string;
	readonly clusterFrom?: string;
	readonly fromUser?: string;
	readonly clusterFromUser?: string;
	readonly fromPass?: string;
	readonly clusterFromPass?: string;
}

/** Adds the commands, in the spellings of redis-trib.rb, redis-cli and valkey-cli. */
export function addMembers(trib: Command, program: TribProgramOptions): void {
	addAddNode(trib, program);
	addDelNode(trib, program);
	addFix(trib, program);
	addCall(trib, program);
	addSetTimeout(trib, program);
	addImport(trib, program);
	addBackup(trib, program);
}

function addAddNode(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('add-node')
		.description('make an empty node a member: a primary without slots, or a replica')
		.argument('<address...>', 'the new node, then any node of the cluster (default: one that runs here)')
		.option('--slave', 'as replica of the primary that has the fewest')
		.option('--replica', 'the same')
		.option('--master-id <node>', 'as replica of this primary: its id or host:port')
		.option('--timeout <ms>', 'how long the nodes may take to agree', wholeNumber(1))
		.addOption(hidden('--cluster-slave'))
		.addOption(hidden('--cluster-replica'))
		.addOption(hidden('--primary-id <node>'))
		.addOption(hidden('--cluster-master-id <node>'))
		.addOption(hidden('--cluster-primaries-id <node>'));
	withCommonOptions(command).action(async (words: string[], flags: Flags) => {
		const [newNode, given, ...more] = readAddresses(command, words);
		if (newNode === undefined || more.length > 0) fail(command, INVALID_ADDRESS);
		const primary = flags.masterId ?? flags.primaryId ?? flags.clusterMasterId ?? flags.clusterPrimariesId;
		const asReplica =
			primary !== undefined ||
			[flags.slave, flags.replica, flags.clusterSlave, flags.clusterReplica].includes(true);
		const node = given ?? (await runningNode(command, program, flags, newNode));
		await program.run(
			{
				command: 'add-node',
				options: {
					...commonOptions(program, flags),
					node,
					newNode,
					asReplica,
					...(primary === undefined ? {} : {primary}),
					...(flags.timeout === undefined ? {} : {joinTimeoutMs: flags.timeout}),
				},
			},
			flags.dataDir,
		);
	});
}

function addDelNode(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('del-node')
		.description('remove a node without slots; its replicas go to other primaries')
		.argument('<words...>', 'any node of the cluster (default: one that runs here), then the id or host:port')
		.option('--shutdown', 'end the node, as redis-trib did, instead of resetting it')
		.option('--force', 'make the others forget a node that does not answer');
	withCommonOptions(command).action(async (words: string[], flags: Flags) => {
		const target = words.at(-1)!;
		const where = words.slice(0, -1);
		const node = await anyNode(command, where, program, flags);
		await program.run(
			{
				command: 'del-node',
				options: {
					...commonOptions(program, flags),
					node,
					target,
					shutdown: flags.shutdown === true,
					force: flags.force === true,
				},
			},
			flags.dataDir,
		);
	});
}

function addFix(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('fix')
		.description('close open slots, and cover slots that nobody serves')
		.option('--plan', 'tell what would be done and which keys could be lost, and change nothing')
		.option('--yes', 'do not ask')
		.option('--search-multiple-owners', 'mend slots of which several nodes hold keys, too')
		.option(
			'--fix-with-unreachable-masters',
			'give away the slots of primaries that do not answer; their keys are lost',
		)
		.option('--replace', 'where two nodes have a key with different values, overwrite the one of the owner')
		.option('--timeout <ms>', 'for each MIGRATE', wholeNumber(1))
		.option('--pipeline <count>', 'keys for each MIGRATE', wholeNumber(1))
		.addOption(hidden('--cluster-yes'))
		.addOption(hidden('--cluster-search-multiple-owners'))
		.addOption(hidden('--cluster-fix-with-unreachable-masters'))
		.addOption(hidden('--cluster-fix-with-unreachable-primaries'))
		.addOption(hidden('--fix-with-unreachable-primaries'))
		.addOption(hidden('--cluster-replace'))
		.addOption(hidden('--cluster-timeout <ms>').argParser(wholeNumber(1)))
		.addOption(hidden('--cluster-pipeline <count>').argParser(wholeNumber(1)));
	withAnyNode(withCommonOptions(command)).action(async (words: string[], flags: Flags) => {
		const node = await anyNode(command, words, program, flags);
		const common = commonOptions(program, flags);
		const timeoutMs = flags.timeout ?? flags.clusterTimeout;
		const pipeline = flags.pipeline ?? flags.clusterPipeline;
		const options = {
			...common,
			node,
			dryRun: common.dryRun || flags.plan === true,
			yes: flags.yes === true || flags.clusterYes === true,
			searchMultipleOwners: flags.searchMultipleOwners === true || flags.clusterSearchMultipleOwners === true,
			withUnreachablePrimaries: [
				flags.fixWithUnreachableMasters,
				flags.fixWithUnreachablePrimaries,
				flags.clusterFixWithUnreachableMasters,
				flags.clusterFixWithUnreachablePrimaries,
			].includes(true),
			replace: flags.replace === true || flags.clusterReplace === true,
			...(timeoutMs === undefined ? {} : {timeoutMs}),
			...(pipeline === undefined ? {} : {pipeline}),
		};
		if (options.json && !options.yes && !options.dryRun) {
			fail(command, '--json asks nothing: give --yes or --plan with it');
		}
		await program.run({command: 'fix', options}, flags.dataDir);
	});
}

function addCall(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('call')
		.description('send one command to every node')
		.argument('<words...>', 'any node of the cluster, then the command and its arguments')
		.option('--only-masters', 'to primaries only')
		.option('--only-replicas', 'to replicas only')
		.addOption(hidden('--only-primaries'))
		.addOption(hidden('--cluster-only-masters'))
		.addOption(hidden('--cluster-only-primaries'))
		.addOption(hidden('--cluster-only-replicas'));
	withCommonOptions(command).action(async (words: string[], flags: Flags) => {
		const {node, rest} = await leadingNode(command, words, program, flags);
		if (rest.length === 0) fail(command, 'name a command to call');
		const primaries = [
			flags.onlyMasters,
			flags.onlyPrimaries,
			flags.clusterOnlyMasters,
			flags.clusterOnlyPrimaries,
		].includes(true);
		const replicas = flags.onlyReplicas === true || flags.clusterOnlyReplicas === true;
		if (primaries && replicas) fail(command, 'only primaries and only replicas leave no node');
		const options = {
			...commonOptions(program, flags),
			node,
			words: rest,
			...(primaries ? {only: 'primaries' as const} : {}),
			...(replicas ? {only: 'replicas' as const} : {}),
		};
		await program.run({command: 'call', options}, flags.dataDir);
	});
}

function addSetTimeout(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('set-timeout')
		.description('set the node timeout of every node, for good')
		.argument('<words...>', 'any node of the cluster (default: one that runs here), then the milliseconds');
	withCommonOptions(command).action(async (words: string[], flags: Flags) => {
		const timeoutMs = wholeNumber(0)(words.at(-1)!);
		const node = await anyNode(command, words.slice(0, -1), program, flags);
		const options = {...commonOptions(program, flags), node, timeoutMs};
		await program.run({command: 'set-timeout', options}, flags.dataDir);
	});
}

function addImport(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('import')
		.description('bring the keys of a server that is no cluster node into the cluster')
		.option('--from <address>', 'host:port of the server')
		.option('--from-user <name>', 'user of that server')
		.option('--from-pass <password>', 'password of that server')
		.option('--copy', 'leave the keys there, too')
		.option('--replace', 'overwrite keys of the cluster')
		.option('--timeout <ms>', 'for each key', wholeNumber(1))
		.addOption(hidden('--cluster-from <address>'))
		.addOption(hidden('--cluster-from-user <name>'))
		.addOption(hidden('--cluster-from-pass <password>'))
		.addOption(hidden('--cluster-copy'))
		.addOption(hidden('--cluster-replace'))
		.addOption(hidden('--cluster-timeout <ms>').argParser(wholeNumber(1)));
	withAnyNode(withCommonOptions(command)).action(async (words: string[], flags: Flags) => {
		const text = flags.from ?? flags.clusterFrom;
		if (text === undefined)
			fail(command, "[ERR] Option '--cluster-from' is required for subcommand 'import'.");
		const from =
			readAddress(text) ??
			fail(
				command,
				'[ERR] Invalid --cluster-from host. You need to pass a valid address (ie. 120.0.0.1:7000).',
			);
		const node = await anyNode(command, words, program, flags);
		const timeoutMs = flags.timeout ?? flags.clusterTimeout;
		const fromCredentials = sourceCredentials(flags);
		const job: MembersJob = {
			command: 'import',
			options: {
				...commonOptions(program, flags),
				node,
				from,
				copy: flags.copy === true || flags.clusterCopy === true,
				replace: flags.replace === true || flags.clusterReplace === true,
				...(fromCredentials === null ? {} : {fromCredentials}),
				...(timeoutMs === undefined ? {} : {timeoutMs}),
			},
		};
		await program.run(job, flags.dataDir);
	});
}

function addBackup(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('backup')
		.description('save an RDB file of every primary, and the shape of the cluster')
		.argument('<words...>', 'any node of the cluster (default: one that runs here), then a new directory');
	withCommonOptions(command).action(async (words: string[], flags: Flags) => {
		const node = await anyNode(command, words.slice(0, -1), program, flags);
		// The manager may run in another process, with another working directory.
		const options = {...commonOptions(program, flags), node, directory: resolve(words.at(-1)!)};
		await program.run({command: 'backup', options}, flags.dataDir);
	});
}

function sourceCredentials(flags: Flags): Credentials | null {
	const user = flags.fromUser ?? flags.clusterFromUser;
	const password = flags.fromPass ?? flags.clusterFromPass;
	if (password === undefined) return null;
	return user === undefined ? {password} : {user, password};
}

/** Addresses as `host:port` or as `host port`, in a row. */
function readAddresses(command: Command, words: readonly string[]): Endpoint[] {
	const addresses: Endpoint[] = [];
	for (let at = 0; at < words.length; at++) {
		const word = words[at]!;
		const next = words[at + 1];
		const isHost = readAddress(word) === null && next !== undefined && /^\d+$/.test(next);
		addresses.push(
			readAddress(isHost ? `${word}:${next}` : word) ?? fail(command, `Invalid address format: ${word}`),
		);
		if (isHost) at++;
	}
	return addresses;
}

/** The node that the words begin with, as `host:port`, `host port` or a port; or else one that runs here. */
async function leadingNode(
	command: Command,
	words: readonly string[],
	program: TribProgramOptions,
	flags: Flags,
): Promise<{readonly node: Endpoint; readonly rest: readonly string[]}> {
	const [first = '', second = '', ...others] = words;
	const whole = readAddress(first);
	if (whole !== null) return {node: whole, rest: words.slice(1)};
	const pair =
		/^\d+$/.test(second) && /^[\w.-]*[.\d][\w.-]*$|^localhost$/.test(first)
			? readAddress(`${first}:${second}`)
			: null;
	if (pair !== null) return {node: pair, rest: others};
	return {node: await anyNode(command, [], program, flags), rest: words};
}

/** A node that runs here and is not the new one itself. */
async function runningNode(
	command: Command,
	program: TribProgramOptions,
	flags: Flags,
	newNode: Endpoint,
): Promise<Endpoint> {
	const nodes = await program.defaultNodes(flags.dataDir);
	const other = nodes.find(({host, port}) => host !== newNode.host || port !== newNode.port);
	return other ?? fail(command, NO_NODE);
}
