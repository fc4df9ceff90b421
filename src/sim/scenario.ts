/**
 * Scenarios: text files of commands, each followed by what it showed when it was last reviewed.
 *
 *     # What the scenario is about, in a sentence. The first line is its title.
 *     > start 3 timeout=1000
 *     > form
 *     > run until ok
 *     n1: Cluster state changed: ok
 *     ok after 7 ms
 *
 * Node ids are shown as names (n1), those of handshakes as `?`. The cases of the two switches are the commands.
 */

import {describeInfo, describeNodes, describeSlots} from '../cluster/describe.ts';
import type {FailoverMode} from '../cluster/changes.ts';
import type {Effects, LogLevel} from '../cluster/effects.ts';
import {RouteFlags, Verdict} from '../cluster/routing.ts';
import {isPrimary, isReplica} from '../cluster/state.ts';
import {parseSlotRange, type SlotRange} from '../slots/slot-ranges.ts';
import {checkClaims, disagreement, InvariantChecker} from './invariants.ts';
import type {SimNode} from './sim-node.ts';
import {Simulation} from './simulation.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];
/** How long `run until` waits before the scenario has failed. */
const PATIENCE_MS = 120_000;

/** The scenario's text with everything that its commands show now. Comments and blank lines stay. */
export function rewriteScenario(text: string): string {
	const runner = new ScenarioRunner();
	const lines: string[] = [];
	for (const line of text.split('\n')) {
		if (line.startsWith('> ')) lines.push(line, ...runner.run(line.slice(2)));
		else if (line === '' || line.startsWith('#')) lines.push(line);
	}
	return lines.join('\n');
}

class ScenarioRunner {
	#sim: Simulation | null = null;
	#level: LogLevel = 'notice';
	#shown: string[] = [];
	readonly #checker = new InvariantChecker();

	/** Lines that the command shows. */
	run(command: string): string[] {
		this.#shown = [];
		const words = command.trim().split(/\s+/);
		const node = /^n\d+$/.test(words[0]!) ? this.#node(words[0]!) : null;
		if (node === null) this.#runGlobal(words);
		else this.#runOn(node, words.slice(1));
		// What happens while the stage is set is no part of the play.
		if (words[0] === 'start' || words[0] === 'form') return [];
		return this.#shown.map((line) => this.#withNames(line));
	}

	#runGlobal([name, ...words]: readonly string[]): void {
		switch (name) {
			// start <nodes> [seed=1] [timeout=15000]
			case 'start':
				return this.#start(words);
			// form [primaries]: epochs and slots for the first nodes, and all meet n1
			case 'form':
				return this.#simulation.form(words[0] === undefined ? undefined : Number(words[0]));
			// add: one more empty node
			case 'add':
				return void this.#simulation.addNode();
			// run <ms> | run until ok|agreed|down|linked|<node> leads
			case 'run':
				return this.#run(words);
			// partition n1,n2 | n3
			case 'partition':
				return this.#simulation.partition(
					words
						.join('')
						.split('|')
						.map((group) => this.#nodes(group)),
				);
			// cut n1 > n2 (one way)
			case 'cut':
				return this.#simulation.network.cutOneWay(words[0]!, words[2]!);
			case 'heal':
				return this.#simulation.network.heal();
			// loss <percent>, repeat <percent>
			case 'loss':
				this.#simulation.network.faults.lossPercent = Number(words[0]);
				return;
			case 'repeat':
				this.#simulation.network.faults.repeatPercent = Number(words[0]);
				return;
			// delay <min> <max>
			case 'delay':
				this.#simulation.network.faults.minDelayMs = Number(words[0]);
				this.#simulation.network.faults.maxDelayMs = Number(words[1]);
				return;
			// log debug|verbose|notice|warning: what is shown from here on
			case 'log':
				this.#level = LEVELS.find((level) => level === words[0]) ?? fail(`no level ${words[0]}`);
				return;
			default:
				fail(`no command ${name}`);
		}
	}

	#runOn(node: SimNode, [name, ...words]: readonly string[]): void {
		switch (name) {
			case 'kill':
				return node.kill();
			case 'restart':
				return node.restart();
			case 'meet': {
				const [, host, port] = /^(?:(.*):)?n?(\d+)$/.exec(words[0]!) ?? fail(`no address ${words[0]}`);
				const target = words[0]!.startsWith('n') ? this.#node(words[0]!).port : Number(port);
				return this.#submit(node, {
					kind: 'meet',
					host: host ?? '127.0.0.1',
					port: target,
					busPort: target + 10_000,
				});
			}
			case 'addslots':
				return this.#submit(node, {kind: 'add-slots', ranges: words.map(rangeOf)});
			case 'delslots':
				return this.#submit(node, {kind: 'delete-slots', ranges: words.map(rangeOf)});
			case 'flushslots':
				return this.#submit(node, {kind: 'flush-slots'});
			case 'setslot':
				return this.#setSlot(node, words);
			case 'set-config-epoch':
				return this.#submit(node, {kind: 'set-config-epoch', epoch: Number(words[0])});
			case 'bumpepoch':
				return this.#submit(node, {kind: 'bump-epoch'});
			case 'forget':
				return this.#submit(node, {kind: 'forget', node: this.#idOf(words[0]!)});
			case 'reset':
				this.#checker.forget(node);
				return this.#submit(node, {kind: 'reset', hard: words[0] === 'hard'});
			// keys <slot> <count>: as if clients had written or deleted them
			case 'keys':
				if (Number(words[1]) === 0) node.data.keys.delete(Number(words[0]));
				else node.data.keys.set(Number(words[0]), Number(words[1]));
				return;
			// write <bytes>: into the node's replication stream, as if clients had written
			case 'write':
				return this.#show(node.data.write(Number(words[0])) ? 'written' : 'not written');
			// stream runs|held|cut: from the primary to this replica
			case 'stream':
				node.data.stream = words[0] as typeof node.data.stream;
				return;
			case 'replicate':
				return this.#submit(node, {kind: 'replicate', node: this.#idOf(words[0]!)});
			// failover [force|takeover]
			case 'failover':
				return this.#submit(node, {kind: 'failover', mode: (words[0] ?? 'default') as FailoverMode});
			// data: the offset of the node's data, and its link to its primary
			case 'data':
				return this.#data(node);
			// config <field>=<value>
			case 'config':
				return node.reconfigure(Object.fromEntries(words.map(settingOf)));
			// route <slot> [write] [readonly] [asking] [migrate] [present=n] [missing=n]
			case 'route':
				return this.#route(node, words);
			case 'nodes':
				return this.#show(...withoutTimes(describeNodes(node.core.view)));
			case 'conf':
				return this.#show(...withoutTimes(node.disk));
			case 'info':
				return this.#info(node, words);
			case 'slots':
				for (const {first, last, servers} of describeSlots(node.core.view, node.config)) {
					this.#show(`${first}-${last} ${servers.map((server) => server.id).join(' ')}`);
				}
				return;
			default:
				fail(`no command ${name}`);
		}
	}

	#start(words: readonly string[]): void {
		const settings = new Map(words.slice(1).map((word) => word.split('=') as [string, string]));
		this.#sim = new Simulation({
			nodes: Number(words[0]),
			seed: Number(settings.get('seed') ?? 1),
			config: {nodeTimeoutMs: Number(settings.get('timeout') ?? 15_000)},
			onStep: (node, effects) => this.#watch(node, effects),
		});
	}

	#run(words: readonly string[]): void {
		const sim = this.#simulation;
		if (words[0] !== 'until') {
			sim.run(Number(words[0]));
			checkClaims(sim.nodes);
			return;
		}
		const goal = words.slice(1).join(' ');
		const nodes = sim.aliveNodes;
		const goals: Record<string, () => boolean> = {
			ok: () => nodes.every((node) => node.core.view.isOk),
			down: () => nodes.every((node) => !node.core.view.isOk),
			agreed: () => disagreement(nodes) === null,
			linked: () => nodes.every((node) => !isReplica(node.core.view.myself) || node.data.isPrimaryLinkUp()),
			[`${words[1]} leads`]: () => isPrimary(this.#node(words[1]!).core.view.myself),
		};
		const tookMs = sim.runUntil(goals[goal] ?? fail(`no goal ${goal}`), PATIENCE_MS);
		if (tookMs === null) fail(`not ${goal} within ${PATIENCE_MS} ms: ${disagreement(nodes)}`);
		this.#show(`${goal} after ${tookMs} ms`);
		checkClaims(sim.nodes);
	}

	#watch(node: SimNode, effects: Effects): void {
		this.#checker.checkNode(node, effects);
		for (const {level, text} of effects.logs) {
			if (LEVELS.indexOf(level) >= LEVELS.indexOf(this.#level)) this.#show(`${node.name}: ${text}`);
		}
		for (const event of effects.events) {
			if (event.kind === 'slots-lost')
				this.#show(`${node.name}: deletes the keys of slots ${event.slots.join(' ')}`);
			if (event.kind === 'node-failing') this.#show(`${node.name}: PFAIL ${event.node}`);
		}
	}

	#submit(node: SimNode, change: Parameters<SimNode['submit']>[0]): void {
		const outcome = node.submit(change);
		this.#show(outcome.ok ? outcome.reply : outcome.error);
	}

	#setSlot(node: SimNode, [slotWord, action, name]: readonly string[]): void {
		const slot = Number(slotWord);
		const other = name === undefined ? '' : this.#idOf(name);
		switch (action) {
			case 'migrating':
				return this.#submit(node, {kind: 'set-slot-migrating', slot, to: other});
			case 'importing':
				return this.#submit(node, {kind: 'set-slot-importing', slot, from: other});
			case 'stable':
				return this.#submit(node, {kind: 'set-slot-stable', slot});
			case 'node':
				return this.#submit(node, {kind: 'set-slot-node', slot, owner: other});
			default:
				fail(`no SETSLOT ${action}`);
		}
	}

	#data({core, data}: SimNode): void {
		const offset = `offset ${data.replicationOffset()}, ${data.keyCount()} keys`;
		const link = `link ${data.isPrimaryLinkUp() ? 'up' : 'down'}`;
		this.#show(isReplica(core.view.myself) ? `${offset}, ${link}` : offset);
	}

	#route(node: SimNode, [slotWord, ...words]: readonly string[]): void {
		const slot = Number(slotWord);
		let flags = 0;
		if (words.includes('write')) flags |= RouteFlags.WRITE;
		if (words.includes('readonly')) flags |= RouteFlags.READONLY_CLIENT;
		if (words.includes('asking')) flags |= RouteFlags.ASKING;
		if (words.includes('migrate')) flags |= RouteFlags.MIGRATE;
		const count = (name: string): number =>
			Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? 0);
		let verdict = node.core.route(slot, flags);
		if (verdict === Verdict.CHECK_KEYS) {
			const present = count('present');
			const missing = count('missing');
			verdict = node.core.routeOpenSlot(slot, flags, present, missing, present + missing > 1);
		}
		this.#show(verdict === Verdict.SERVE ? 'served' : node.core.redirection(verdict, slot));
	}

	#info(node: SimNode, fields: readonly string[]): void {
		for (const line of describeInfo(node.core.view, 0).split('\r\n')) {
			if (fields.length === 0 || fields.includes(line.split(':')[0]!)) this.#show(line);
		}
	}

	#show(...lines: readonly string[]): void {
		this.#shown.push(...lines);
	}

	/** Ids of the nodes by their names, whatever they are called now. */
	#withNames(line: string): string {
		const names = new Map(this.#sim?.nodes.map((node) => [node.core.view.myself.id as string, node.name]));
		return line.replace(/[0-9a-f]{40}/g, (id) => names.get(id) ?? '?');
	}

	/** What is no node's name is passed on as it is, to see what the node says to it. */
	#idOf(name: string): string {
		return /^n\d+$/.test(name) ? this.#node(name).core.view.myself.id : name;
	}

	#nodes(list: string): SimNode[] {
		return list.split(',').map((name) => this.#node(name));
	}

	#node(name: string): SimNode {
		return this.#simulation.node(Number(name.slice(1)));
	}

	get #simulation(): Simulation {
		return this.#sim ?? fail('the first command must be start');
	}
}

/** Lines without the times, which say nothing in a review, and sorted, since the order is that of acquaintance. */
function withoutTimes(nodes: string): string[] {
	return nodes
		.trimEnd()
		.split('\n')
		.map((line) => line.replace(/ \d+ \d+ (\d+ (?:dis)?connected)/, ' $1'))
		.toSorted();
}

function rangeOf(word: string): SlotRange {
	return parseSlotRange(word) ?? fail(`no slots ${word}`);
}

function settingOf(word: string): [string, string | number | boolean] {
	const [name, value] = word.split('=') as [string, string];
	if (value === 'yes' || value === 'no') return [name, value === 'yes'];
	return [name, /^\d+$/.test(value) ? Number(value) : value];
}

function fail(problem: string): never {
	throw new Error(problem);
}
