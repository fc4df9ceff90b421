/** LATENCY: events that took longer than latency-monitor-threshold, and the histograms of all commands. */
import {latin1} from '../lib/bytes.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import {bytes, many, optional} from './args.ts';
import {type Command, command} from './command.ts';
import {CommandError} from './errors.ts';
import {replyHelp} from './help.ts';
import type {LatencyEvent, LatencyHistogram} from './services.ts';
import {sparkline} from './sparkline.ts';

const facts = {group: 'server', flags: ['admin', 'noscript', 'loading', 'stale']} as const;
const observing = ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'] as const;

const latency = command({
	name: 'latency',
	since: '2.8.13',
	group: 'server',
	flags: [],
	summary: 'A container for latency diagnostics commands',
	complexity: 'Depends on subcommand.',
});

const latencyDoctor = command({
	...facts,
	name: 'latency|doctor',
	since: '2.8.13',
	summary: 'Return a human readable latency analysis report.',
	complexity: 'O(1)',
	tips: observing,
	run({reply, services}) {
		const threshold = services.config.settings.latencyMonitorThresholdMs;
		reply.verbatim('txt', report(services.latency.events(), threshold));
	},
});

/** What was seen, and what usually helps. */
function report(events: readonly LatencyEvent[], thresholdMs: number): string {
	if (thresholdMs === 0 && events.length === 0) {
		return 'Latency monitoring is off. Turn it on with CONFIG SET latency-monitor-threshold <milliseconds>, then ask again.\n';
	}
	if (events.length === 0) return `No event took ${thresholdMs} ms or longer.\n`;
	const lines = events.map(({name, samples, maxMs}, i) => {
		const mean = samples.reduce((sum, {ms}) => sum + ms, 0) / samples.length;
		return `${i + 1}. ${name}: ${samples.length} latency spikes (average ${Math.round(mean)}ms, worst ${maxMs}ms).`;
	});
	const advice = events.some(({name}) => name === 'command' || name === 'fast-command')
		? [
				'',
				'Slow commands block every other client of this node: look at SLOWLOG GET, and at the size of the keys they touch.',
			]
		: [];
	return `${[`Events of ${thresholdMs} ms or longer:`, '', ...lines, ...advice].join('\n')}\n`;
}

const latencyGraph = command({
	...facts,
	name: 'latency|graph',
	since: '2.8.13',
	summary: 'Return a latency graph for the event.',
	complexity: 'O(1)',
	tips: observing,
	args: [bytes('event')],
	run({reply, services: {latency: monitor, clock}}, given) {
		const name = latin1(given);
		const event = monitor.event(name);
		if (event === undefined) throw new CommandError(`ERR No samples available for event '${name}'`);
		const values = event.samples.map(({ms}) => ms);
		const head = `${name} - high ${Math.max(...values)} ms, low ${Math.min(...values)} ms (all time high ${event.maxMs} ms)`;
		const nowSeconds = Math.floor(clock.nowMs / 1000);
		const bars = event.samples.map(({atSeconds, ms}) => ({value: ms, label: age(nowSeconds - atSeconds)}));
		reply.verbatim('txt', `${head}\n${'-'.repeat(80)}\n${sparkline(bars)}`);
	},
});

function age(seconds: number): string {
	if (seconds < 60) return `${seconds}s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
	return `${Math.floor(seconds / 86_400)}d`;
}

const latencyHistogram = command({
	...facts,
	name: 'latency|histogram',
	since: '7.0.0',
	summary: 'Return the cumulative distribution of latencies of a subset of commands or all.',
	complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
	tips: observing,
	args: [optional(many(bytes('command')))],
	run({reply, services: {commandStats, table}}, names) {
		const used = new Map(commandStats.used());
		const wanted = names?.flatMap((name) => {
			const found = table.named(latin1(name));
			return found === undefined ? [] : [found, ...found.subcommands];
		}) ?? [...used.keys()];
		const found = wanted.flatMap((each): [Command, LatencyHistogram][] => {
			const histogram = used.get(each)?.histogram ?? null;
			return histogram === null ? [] : [[each, histogram]];
		});
		reply.map(found.length);
		for (const [each, histogram] of found) {
			reply.bulkText(each.name);
			replyHistogram(reply, histogram);
		}
	},
});

function replyHistogram(reply: ReplyWriter, histogram: LatencyHistogram): void {
	const bounds = histogram.cumulative();
	reply.map(2);
	reply.bulkText('calls');
	reply.integer(histogram.count);
	reply.bulkText('histogram_usec');
	reply.map(bounds.length);
	for (const [boundUs, calls] of bounds) {
		reply.integer(boundUs);
		reply.integer(calls);
	}
}

const latencyHistory = command({
	...facts,
	name: 'latency|history',
	since: '2.8.13',
	summary: 'Return timestamp-latency samples for the event.',
	complexity: 'O(1)',
	tips: observing,
	args: [bytes('event')],
	run({reply, services}, name) {
		const samples = services.latency.event(latin1(name))?.samples ?? [];
		reply.array(samples.length);
		for (const {atSeconds, ms} of samples) {
			reply.array(2);
			reply.integer(atSeconds);
			reply.integer(ms);
		}
	},
});

const latencyLatest = command({
	...facts,
	name: 'latency|latest',
	since: '2.8.13',
	summary: 'Return the latest latency samples for all events.',
	complexity: 'O(1)',
	tips: observing,
	run({reply, services}) {
		const events = services.latency.events();
		reply.array(events.length);
		for (const {name, samples, maxMs} of events) {
			const last = samples.at(-1)!;
			reply.array(4);
			reply.bulkText(name);
			reply.integer(last.atSeconds);
			reply.integer(last.ms);
			reply.integer(maxMs);
		}
	},
});

const latencyReset = command({
	...facts,
	name: 'latency|reset',
	since: '2.8.13',
	summary: 'Reset latency data for one or more events.',
	complexity: 'O(1)',
	tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
	args: [optional(many(bytes('event')))],
	run({reply, services}, names) {
		reply.integer(services.latency.reset(names?.map((name) => latin1(name))));
	},
});

const HELP = [
	'DOCTOR',
	'    Return a human readable latency analysis report.',
	'GRAPH <event>',
	'    Return an ASCII latency graph for the <event> class.',
	'HISTORY <event>',
	'    Return time-latency samples for the <event> class.',
	'LATEST',
	'    Return the latest latency samples for all events.',
	'RESET [<event> ...]',
	'    Reset latency data of one or more <event> classes.',
	'    (default: reset all data for all event classes)',
	'HISTOGRAM [COMMAND ...]',
	'    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
	'    If no commands are specified then all histograms are replied.',
];

const latencyHelp = command({
	name: 'latency|help',
	since: '2.8.13',
	group: 'server',
	flags: ['loading', 'stale'],
	summary: 'Show helpful text about the different subcommands.',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'LATENCY', HELP);
	},
});

export const latencyCommands: readonly Command[] = [
	latency,
	latencyDoctor,
	latencyGraph,
	latencyHistogram,
	latencyHistory,
	latencyLatest,
	latencyReset,
	latencyHelp,
];
