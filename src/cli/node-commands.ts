/** The grammar of `shoal chaos` and `shoal node`. What they do is nodes.ts, loaded when one is called. */
import {InvalidArgumentError, Option, type Command} from 'commander';
import type {NodeAct} from '../launcher/acts.ts';
import {dataDirOption} from './options.ts';

interface Flags {
	readonly dataDir?: string;
	readonly json?: boolean;
	readonly graceful?: boolean;
	readonly after?: number;
	readonly port?: number;
}

const TARGETS = `
Targets, one or several:
  0, "node 0"              by index, from 0 (shoal node list)
  7000, 127.0.0.1:7000     by port or address
  3f9a0c                   by id, or how it begins
  primaries, replicas, all of the nodes that it can be done to
  random                   any one of them
  minority, majority       so many of the primaries that serve slots
  shard:<n>                a primary and its replicas, from 0
  owner-of:<key or slot>   who serves it; a number is a slot
`;

const REPORT = `
With --json one object is printed: {action, ok, nodes: [{index, host, port, nodeId, phase, clusterOk, cause?, alone?,
role?, linkUp?, primaryId?, restartsInMs?, error?}]}. Exit codes: 0 done, 1 not done to every target, 2 wrong usage.
`;

export function addNodeCommands(program: Command, setExitCode: (code: number) => void): void {
	const act = async (what: NodeAct, command: string, flags: Flags): Promise<void> => {
		const {actOnNodes} = await import('./nodes.ts');
		setExitCode(await actOnNodes(what, command, flags));
	};
	addChaos(program, act);
	addNode(program, act, setExitCode);
}

type Act = (what: NodeAct, command: string, flags: Flags) => Promise<void>;

function addChaos(program: Command, act: Act): void {
	const chaos = program.command('chaos').description('let nodes of the running cluster die and come back');
	const graceful = (): Option => new Option('--graceful', 'let it save what it has, as SHUTDOWN does');
	withTargets(chaos.command('kill'))
		.description('end nodes at once, in the middle of what they do: nothing is flushed')
		.addOption(graceful())
		.action((targets: string[], flags: Flags) =>
			act({action: 'kill', targets, graceful: flags.graceful === true}, 'shoal chaos kill', flags),
		);
	withTargets(chaos.command('start'))
		.description('start nodes that are down, from their files and under their addresses')
		.action((targets: string[], flags: Flags) => act({action: 'start', targets}, 'shoal chaos start', flags));
	withTargets(chaos.command('restart'))
		.description('kill nodes and start them again')
		.option('--after <time>', 'how long they stay down: 500ms, 2s, 1m; a plain number is seconds', duration)
		.addOption(graceful())
		.action((targets: string[], flags: Flags) =>
			act(
				{action: 'restart', targets, graceful: flags.graceful === true, afterMs: flags.after ?? 0},
				'shoal chaos restart',
				flags,
			),
		);
}

function addNode(program: Command, act: Act, setExitCode: (code: number) => void): void {
	const node = program.command('node').description('add, start, stop and list nodes of the running cluster');
	withCommon(
		node
			.command('start')
			.description('one more node, empty and alone; or nodes that are down, from their files')
			.argument('[target...]', 'nodes to start again (default: a new one)')
			.addOption(
				new Option('--port <port>', 'port of a new node (default: the next free one)').argParser(port),
			),
	)
		.addHelpText('after', TARGETS + REPORT)
		.action((targets: string[], flags: Flags, command: Command) => {
			if (targets.length > 0 && flags.port !== undefined)
				command.error('error: --port is for a new node; name nodes to start again, or a port', {exitCode: 2});
			const what: NodeAct =
				targets.length > 0
					? {action: 'start', targets}
					: {action: 'add', ...(flags.port === undefined ? {} : {port: flags.port})};
			return act(what, 'shoal node start', flags);
		});
	withTargets(node.command('stop'))
		.description('end nodes cleanly: what must be saved is saved')
		.action((targets: string[], flags: Flags) => act({action: 'stop', targets}, 'shoal node stop', flags));
	withCommon(
		node.command('list').description('all nodes by index; with --json a list as in shoal status'),
	).action(async (flags: Flags) => {
		const {listNodes} = await import('./nodes.ts');
		setExitCode(await listNodes(flags));
	});
}

const withTargets = (command: Command): Command =>
	withCommon(command.argument('<target...>', 'which nodes, see below')).addHelpText(
		'after',
		TARGETS + REPORT,
	);

const withCommon = (command: Command): Command =>
	command.addOption(dataDirOption()).option('--json', 'print JSON');

/** Milliseconds. How long is too long the launcher says. */
function duration(text: string): number {
	const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
	if (number === undefined) throw new InvalidArgumentError('A time is wanted, such as 500ms, 2s or 1m.');
	return Math.round(Number(number) * UNITS[unit as keyof typeof UNITS]);
}

const UNITS = {ms: 1, s: 1000, m: 60_000} as const;

/** Which ports there are the launcher says. */
function port(text: string): number {
	if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A number is wanted.');
	return Number(text);
}
