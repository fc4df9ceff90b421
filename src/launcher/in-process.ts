/** What stands behind the public API: checks its options, starts a launcher, and shows of it what a program needs. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import * as path from 'node:path';
import type {Cluster, ClusterOptions} from '../index.ts';
import {refuseDirective} from './directives.ts';
import {UsageError} from './errors.ts';
import {launch} from './launcher.ts';
import {nearest} from './nearest.ts';
import {FIELDS, settle, shown, type ClusterWishes, type Directives} from './settings.ts';
import type {ThreadFiles} from './thread-files.ts';

/** Options that are settings, and the field that knows their rules. */
const SETTINGS = {
	name: FIELDS.name,
	shards: FIELDS.shards,
	replicas: FIELDS.replicas,
	basePort: FIELDS.basePort,
	bind: FIELDS.bind,
	dataDir: FIELDS.dataDir,
	nodeTimeoutMs: FIELDS.nodeTimeout,
	password: FIELDS.password,
} as const;

const OPTIONS = [...Object.keys(SETTINGS), 'config', 'create', 'signal', 'onEvent'];

export async function startInProcess(options: ClusterOptions, threads: ThreadFiles): Promise<Cluster> {
	const wishes = wishesOf(options);
	const {create, signal, onEvent} = options;
	const wished = settle([wishes], (field) => field);
	const temporary = wishes.dataDir === undefined;
	// Readable by this user alone, since nobody chose the place.
	const settings = temporary ? {...wished, dataDir: mkdtempSync(path.join(tmpdir(), 'shoal-'))} : wished;
	const launcher = await launch({
		settings,
		threads,
		temporary,
		...(create === undefined ? {} : {create}),
		...(signal === undefined ? {} : {signal}),
		...(onEvent === undefined ? {} : {onEvent}),
	}).catch((error: unknown) => {
		if (temporary) rmSync(settings.dataDir, {recursive: true, force: true});
		throw error;
	});
	const nodes = launcher.nodes.map(({nodeId, start: {host, port}}) => ({
		host,
		port,
		id: nodeId,
		address: `${host}:${port}`,
	}));
	const stop = (): Promise<void> => launcher.stop('stopped by the program');
	return {nodes, address: nodes[0]?.address ?? '', stop, [Symbol.asyncDispose]: stop};
}

/** Programs that are not type-checked get the same messages as cluster.yaml. */
function wishesOf(options: ClusterOptions): ClusterWishes {
	const wishes: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(options)) {
		if (!OPTIONS.includes(name))
			throw new UsageError(`${name}: is no option of startCluster${nearest(name, OPTIONS)}`);
		if (value === undefined || !(name in SETTINGS)) continue;
		const problem =
			typeof value === 'number' || typeof value === 'string'
				? SETTINGS[name as keyof typeof SETTINGS].refuse(value)
				: `cannot be ${shown(value)}`;
		if (problem !== null) throw new UsageError(`${name}: ${problem}`);
		wishes[name] = value;
	}
	if (options.config !== undefined) wishes['config'] = directivesOf(options.config);
	return wishes;
}

function directivesOf(config: NonNullable<ClusterOptions['config']>): Directives {
	const directives: Record<string, string> = {};
	for (const [name, value] of Object.entries(config)) {
		const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
		const problem = refuseDirective(name, text);
		if (problem !== null) throw new UsageError(`config.${name}: ${problem}`);
		directives[name.toLowerCase()] = text;
	}
	return directives;
}
