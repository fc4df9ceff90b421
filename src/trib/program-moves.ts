/** The command lines of `trib reshard`, `rebalance` and `move-slot`, in the spellings of redis-trib.rb and redis-cli. */

import {type Command, InvalidArgumentError, Option} from 'commander';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {parseSlotRange} from '../slots/slot-ranges.ts';
import {parseEndpoint} from './endpoint.ts';
import type {MoveOptions} from './messages.ts';
import {
	anyNode,
	commonOptions,
	fail,
	hidden,
	wholeNumber,
	withAnyNode,
	withCommonOptions,
	type Flags,
	type TribProgramOptions,
} from './program.ts';

interface MoveFlags extends Flags {
	readonly pipeline?: number;
	readonly clusterPipeline?: number;
	readonly clusterTimeout?: number;
	readonly replace?: boolean;
	readonly clusterReplace?: boolean;
	readonly classic?: boolean;
	readonly parallel?: number;
	readonly rate?: number;
}

interface ReshardFlags extends MoveFlags {
	readonly from?: string;
	readonly clusterFrom?: string;
	readonly to?: string;
	readonly clusterTo?: string;
	readonly slots?: number;
	readonly clusterSlots?: number;
	readonly resume?: boolean;
	readonly abort?: boolean;
}

interface RebalanceFlags extends MoveFlags {
	readonly weight?: readonly string[];
	readonly clusterWeight?: readonly string[];
	readonly autoWeights?: boolean;
	readonly useEmptyMasters?: boolean;
	readonly clusterUseEmptyMasters?: boolean;
	readonly clusterUseEmptyPrimaries?: boolean;
	readonly threshold?: number;
	readonly clusterThreshold?: number;
	readonly simulate?: boolean;
	readonly clusterSimulate?: boolean;
	readonly by?: 'slots' | 'keys' | 'memory';
}

const LARGEST_PARALLEL = 64;

/** Adds the commands that move slots. */
export function addMoves(trib: Command, program: TribProgramOptions): void {
	addReshard(trib, program);
	addRebalance(trib, program);
	addMoveSlot(trib, program);
}

function addReshard(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('reshard')
		.description('move slots to a node, from one, several or all others; asks for what is not given')
		.option('--from <ids>', "nodes that give, with commas between them, or 'all'")
		.option('--to <id>', 'node that receives')
		.option('--slots <count>', 'how many slots', slotCount)
		.option('--resume', 'complete the job of this cluster that was interrupted')
		.option('--abort', 'close the slots that an interrupted job left open and forget the rest of it')
		.addOption(hidden('--cluster-from <ids>'))
		.addOption(hidden('--cluster-to <id>'))
		.addOption(hidden('--cluster-slots <count>').argParser(slotCount));
	withAnyNode(withMoveOptions(command)).action(async (words: string[], flags: ReshardFlags) => {
		const node = await anyNode(command, words, program, flags);
		const from = flags.from ?? flags.clusterFrom;
		const to = flags.to ?? flags.clusterTo;
		const count = flags.slots ?? flags.clusterSlots;
		if (flags.resume === true && flags.abort === true) fail(command, 'either --resume or --abort');
		const recovery = recoveryOf(flags);
		const options = {
			...moveOptions(program, flags),
			node,
			...(from === undefined ? {} : {from: from.split(',').filter((id) => id !== '')}),
			...(to === undefined ? {} : {to}),
			...(count === undefined ? {} : {slotCount: count}),
			...(recovery === undefined ? {} : {recovery}),
		};
		const isWhole = from !== undefined && to !== undefined && count !== undefined;
		const asksNothing = recovery !== undefined || (isWhole && (options.yes || flags.dryRun === true));
		if (flags.json === true && !asksNothing) {
			fail(command, '--json asks nothing: give --from, --to, --slots, and --yes or --dry-run with it');
		}
		await program.run({command: 'reshard', options}, flags.dataDir);
	});
}

function addRebalance(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('rebalance')
		.description('give every primary its share of the slots, the keys or the memory')
		.option('--weight <node=weight...>', 'share of a node; 1 where none is given, 0 empties it')
		.option('--auto-weights', 'shares in proportion to the maxmemory of the nodes')
		.option('--use-empty-masters', 'let nodes without slots take part')
		.option('--threshold <percent>', 'how far off its share a node may be (default: 2)', decimal)
		.addOption(
			new Option('--by <what>', 'what is shared out (default: slots)').choices(['slots', 'keys', 'memory']),
		)
		.option('--simulate', 'print the moves as redis-trib does and make none')
		.addOption(hidden('--cluster-weight <node=weight...>'))
		.addOption(hidden('--cluster-use-empty-masters'))
		.addOption(hidden('--cluster-use-empty-primaries'))
		.addOption(hidden('--cluster-threshold <percent>').argParser(decimal))
		.addOption(hidden('--cluster-simulate'));
	withAnyNode(withMoveOptions(command)).action(async (words: string[], flags: RebalanceFlags) => {
		// A list of weights takes every word up to the next option: an address behind it is one of them.
		const given = [...(flags.weight ?? []), ...(flags.clusterWeight ?? [])];
		const addressWords = [...words, ...given.filter((text) => !text.includes('='))];
		const node = await anyNode(command, addressWords, program, flags);
		const weights = given
			.filter((text) => text.includes('='))
			.map((text) => readWeight(text) ?? fail(command, `Invalid weight: ${text} (wanted: node=number)`));
		const threshold = flags.threshold ?? flags.clusterThreshold;
		const useEmpty =
			flags.useEmptyMasters === true ||
			flags.clusterUseEmptyMasters === true ||
			flags.clusterUseEmptyPrimaries === true;
		const options = {
			...moveOptions(program, flags),
			node,
			weights,
			useEmpty,
			autoWeights: flags.autoWeights === true,
			simulate: flags.simulate === true || flags.clusterSimulate === true,
			...(flags.by === undefined ? {} : {by: flags.by}),
			...(threshold === undefined ? {} : {thresholdPercent: threshold}),
		};
		await program.run({command: 'rebalance', options}, flags.dataDir);
	});
}

function addMoveSlot(trib: Command, program: TribProgramOptions): void {
	const command = trib
		.command('move-slot')
		.description('move one slot, or a range of them, to a node')
		.argument('<slot>', 'slot, or first-last')
		.argument('<node>', 'id, its beginning, or host:port of the node that receives');
	withAnyNode(withMoveOptions(command)).action(
		async (slotText: string, to: string, words: string[], flags: MoveFlags) => {
			const slots =
				parseSlotRange(slotText) ??
				fail(command, `Invalid slot: ${slotText} (wanted: 0 to ${SLOT_COUNT - 1})`);
			// The address of the receiving node leads to its cluster as well as any other.
			const cluster = words.length === 0 && parseEndpoint(to) !== null ? [to] : words;
			const node = await anyNode(command, cluster, program, flags);
			const options = {...moveOptions(program, flags), node, slots, to};
			await program.run({command: 'move-slot', options}, flags.dataDir);
		},
	);
}

function withMoveOptions(command: Command): Command {
	return withCommonOptions(command)
		.option('--yes', 'do not ask')
		.option('--timeout <ms>', 'longest silence between two nodes (default: 60000)', wholeNumber(1))
		.option('--pipeline <count>', 'keys a MIGRATE (default: 10)', wholeNumber(1))
		.option(
			'--replace',
			"overwrite keys that the receiving node has with another value: the giving node's wins",
		)
		.option('--classic', 'move with MIGRATE also where the nodes offer atomic migration')
		.option('--parallel <count>', 'how many slots are moved at a time (default: 1)', parallelCount)
		.option('--rate <keys>', 'move at most so many keys a second', wholeNumber(1))
		.addOption(hidden('--cluster-yes'))
		.addOption(hidden('--cluster-timeout <ms>').argParser(wholeNumber(1)))
		.addOption(hidden('--cluster-pipeline <count>').argParser(wholeNumber(1)))
		.addOption(hidden('--cluster-replace'));
}

function moveOptions(
	program: TribProgramOptions,
	flags: MoveFlags,
): Omit<MoveOptions, 'node'> & {readonly yes: boolean} {
	const timeoutMs = flags.timeout ?? flags.clusterTimeout;
	const pipeline = flags.pipeline ?? flags.clusterPipeline;
	return {
		...commonOptions(program, flags),
		yes: flags.yes === true || flags.clusterYes === true,
		replace: flags.replace === true || flags.clusterReplace === true,
		classic: flags.classic === true,
		...(timeoutMs === undefined ? {} : {timeoutMs}),
		...(pipeline === undefined ? {} : {pipeline}),
		...(flags.parallel === undefined ? {} : {parallel: flags.parallel}),
		...(flags.rate === undefined ? {} : {keysPerSecond: flags.rate}),
	};
}

function recoveryOf({resume, abort}: ReshardFlags): 'resume' | 'abort' | undefined {
	if (resume === true) return 'resume';
	return abort === true ? 'abort' : undefined;
}

/** `a1b2=1.5`; null when it is not that. */
function readWeight(text: string): {node: string; weight: number} | null {
	const at = text.lastIndexOf('=');
	const [node, weight] = [text.slice(0, at), text.slice(at + 1)];
	return node !== '' && /^\d+(?:\.\d+)?$/.test(weight) ? {node, weight: Number(weight)} : null;
}

function slotCount(text: string): number {
	const count = wholeNumber(1)(text);
	if (count > SLOT_COUNT) throw new InvalidArgumentError(`There are ${SLOT_COUNT} slots.`);
	return count;
}

function parallelCount(text: string): number {
	const count = wholeNumber(1)(text);
	if (count > LARGEST_PARALLEL) throw new InvalidArgumentError(`At most ${LARGEST_PARALLEL}.`);
	return count;
}

function decimal(text: string): number {
	if (!/^\d+(?:\.\d+)?$/.test(text)) throw new InvalidArgumentError('A number from 0 on is wanted.');
	return Number(text);
}
