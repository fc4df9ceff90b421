/** MEMORY: what keys and the node itself cost. Names of the figures are redis's; what has no counterpart here is 0. */
import type {ReplyWriter} from '../resp/reply-writer.ts';
import {integer, key, named, optional} from './args.ts';
import {type Command, command} from './command.ts';
import {SYNTAX_ERROR} from './errors.ts';
import {replyHelp} from './help.ts';
import {type MemoryRatios, memoryRatios} from './memory-ratios.ts';
import type {MemoryFigures} from './services.ts';

const observing = [
	'nondeterministic_output',
	'request_policy:all_shards',
	'response_policy:special',
] as const;

const memory = command({
	name: 'memory',
	since: '4.0.0',
	group: 'server',
	flags: [],
	summary: 'A container for memory diagnostics commands',
	complexity: 'Depends on subcommand.',
});

const memoryUsage = command({
	name: 'memory|usage',
	since: '4.0.0',
	group: 'server',
	flags: ['readonly'],
	summary: 'Estimate the memory usage of a key',
	complexity: 'O(N) where N is the number of samples.',
	args: [key(['RO']), optional(named('SAMPLES', integer('count', {least: 0, rangeError: SYNTAX_ERROR})))],
	run({db, reply}, name) {
		const ref = db.findKey(name);
		if (ref === 0) reply.null();
		else reply.integer(db.bytesOf(ref));
	},
});

const memoryStats = command({
	name: 'memory|stats',
	since: '4.0.0',
	group: 'server',
	flags: [],
	summary: 'Show memory usage details',
	complexity: 'O(1)',
	tips: observing,
	run({reply, services}) {
		const figures = services.memory.figures();
		replyStats(reply, figures, memoryRatios(figures));
	},
});

type Stat = readonly [name: string, value: number, kind?: 'double'];

function replyStats(reply: ReplyWriter, figures: MemoryFigures, ratios: MemoryRatios): void {
	const before: readonly Stat[] = [
		['peak.allocated', figures.peakBytes],
		['total.allocated', figures.usedBytes],
		['startup.allocated', figures.startupBytes],
		['replication.backlog', 0],
		['clients.slaves', 0],
		['clients.normal', figures.clientsBytes],
		['cluster.links', 0],
		['aof.buffer', 0],
		['lua.caches', 0],
		['functions.caches', 0],
	];
	const after: readonly Stat[] = [
		['overhead.total', ratios.overheadBytes],
		['keys.count', figures.keyCount],
		['keys.bytes-per-key', ratios.bytesPerKey],
		['dataset.bytes', figures.datasetBytes],
		['dataset.percentage', ratios.datasetPercent, 'double'],
		['peak.percentage', ratios.peakPercent, 'double'],
		['allocator.allocated', ratios.allocatedBytes],
		['allocator.active', ratios.activeBytes],
		['allocator.resident', ratios.activeBytes],
		['allocator-fragmentation.ratio', ratios.fragmentation, 'double'],
		['allocator-fragmentation.bytes', ratios.fragmentationBytes],
		['allocator-rss.ratio', 1, 'double'],
		['allocator-rss.bytes', 0],
		['rss-overhead.ratio', ratios.residentOverhead, 'double'],
		['rss-overhead.bytes', ratios.residentOverheadBytes],
		['fragmentation', ratios.residentRatio, 'double'],
		['fragmentation.bytes', ratios.residentRatioBytes],
	];
	reply.map(before.length + figures.tables.length + after.length);
	replyEach(reply, before);
	for (const {database, mainBytes, expiryBytes} of figures.tables) {
		reply.bulkText(`db.${database}`);
		reply.map(3);
		replyEach(reply, [
			['overhead.hashtable.main', mainBytes],
			['overhead.hashtable.expires', expiryBytes],
			['overhead.hashtable.slot-to-keys', 0],
		]);
	}
	replyEach(reply, after);
}

function replyEach(reply: ReplyWriter, stats: readonly Stat[]): void {
	for (const [name, value, kind] of stats) {
		reply.bulkText(name);
		if (kind === 'double') reply.double(value);
		else reply.integer(value);
	}
}

const memoryDoctor = command({
	name: 'memory|doctor',
	since: '4.0.0',
	group: 'server',
	flags: [],
	summary: 'Outputs memory problems report',
	complexity: 'O(1)',
	tips: observing,
	run({reply, services}) {
		reply.verbatim('txt', diagnosis(services.memory.figures()));
	},
});

const WORTH_A_LOOK_BYTES = 5 << 20;

function diagnosis(figures: MemoryFigures): string {
	if (figures.usedBytes < WORTH_A_LOOK_BYTES) {
		return 'This node holds less than 5 MB: too little to tell anything about its memory.\n';
	}
	const {fragmentation, residentOverhead} = memoryRatios(figures);
	const findings: string[] = [];
	if (figures.peakBytes > figures.usedBytes * 1.5) {
		findings.push(
			'The peak was more than 1.5 times what is used now: pages that are not full yet stay with the node.',
		);
	}
	if (fragmentation > 1.4) {
		findings.push(
			`Pages hold ${fragmentation.toFixed(2)} times their data, as after many deletions. MEMORY PURGE gives empty ones back.`,
		);
	}
	if (residentOverhead > 1.4) {
		findings.push(
			`The process holds ${residentOverhead.toFixed(2)} times what its data needs; the rest is the JavaScript heap and its buffers.`,
		);
	}
	if (figures.clientsBytes > figures.usedBytes / 4) {
		findings.push(
			'Clients hold more than a quarter of the memory: CLIENT LIST shows who does not read its replies.',
		);
	}
	return findings.length === 0
		? 'No problem with memory was found.\n'
		: findings.map((line) => ` * ${line}\n`).join('');
}

const memoryPurge = command({
	name: 'memory|purge',
	since: '4.0.0',
	group: 'server',
	flags: [],
	summary: 'Ask the allocator to release memory',
	complexity: 'Depends on how much memory is allocated, could be slow',
	tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
	run({reply, services}) {
		services.memory.purge();
		reply.ok();
	},
});

const memoryMallocStats = command({
	name: 'memory|malloc-stats',
	since: '4.0.0',
	group: 'server',
	flags: [],
	summary: 'Show allocator internal stats',
	complexity: 'Depends on how much memory is allocated, could be slow',
	tips: observing,
	run({reply, services}) {
		const figures = services.memory.figures();
		const lines = [
			`arena: ${figures.arenaUsedBytes} bytes used of ${figures.arenaReservedBytes} reserved`,
			`heap: ${figures.heapUsedBytes} bytes used of ${figures.heapReservedBytes} reserved`,
		];
		reply.verbatim('txt', `${lines.join('\n')}\n`);
	},
});

const HELP = [
	'DOCTOR',
	'    Return memory problems reports.',
	'MALLOC-STATS',
	'    Return internal statistics report from the memory allocator.',
	'PURGE',
	'    Attempt to purge dirty pages for reclamation by the allocator.',
	'STATS',
	'    Return information about the memory usage of the server.',
	'USAGE <key> [SAMPLES <count>]',
	'    Return memory in bytes used by <key> and its value. Nested values are',
	'    sampled up to <count> times (default: 5, 0 means sample all).',
];

const memoryHelp = command({
	name: 'memory|help',
	since: '4.0.0',
	group: 'server',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'MEMORY', HELP);
	},
});

export const memoryCommands: readonly Command[] = [
	memory,
	memoryUsage,
	memoryStats,
	memoryDoctor,
	memoryPurge,
	memoryMallocStats,
	memoryHelp,
];
