/** Brings cluster.yaml and the options of the command line together. */
import {existsSync} from 'node:fs';
import {UsageError} from '../launcher/errors.ts';
import type {TransportChoice} from '../launcher/messages.ts';
import {
	FIELDS,
	settle,
	type ClusterSettings,
	type ClusterWishes,
	type FieldName,
} from '../launcher/settings.ts';

const DEFAULT_FILE = 'cluster.yaml';

/** Settings as commander gives them: text, and only what was typed. */
export interface SettingOptions {
	readonly name?: string;
	readonly engine?: string;
	readonly shards?: string;
	readonly replicas?: string;
	readonly basePort?: string;
	readonly bind?: string;
	readonly dataDir?: string;
	readonly nodeTimeout?: string;
	readonly password?: string;
	readonly restart?: string;
	readonly transport?: TransportChoice;
	readonly config?: readonly string[];
}

/**
 * Options win over the file. Without a file named, ./cluster.yaml counts where there is one.
 * @throws UsageError
 */
export async function readSettings(
	file: string | undefined,
	options: SettingOptions,
): Promise<ClusterSettings> {
	const name = file ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
	const fromFile =
		name === undefined
			? undefined
			: (await import('../launcher/cluster-yaml.ts')).readClusterFile(name, options.engine);
	const typed = await optionWishes(options, fromFile?.wishes.engine);
	const wasTyped = (field: string): boolean => field in options;
	const settings = settle(
		[fromFile?.wishes ?? {}, typed],
		(field) => (wasTyped(field) ? optionName(field) : fromFile?.where(field)) ?? optionName(field),
	);
	fromFile?.checkAgainst(settings);
	return settings;
}

/** Where the cluster of this working directory is, for commands that only look for it: its data directory, or its hosts. */
export function readPlace(file: string | undefined, dataDir: string | undefined): Promise<ClusterSettings> {
	return readSettings(file, dataDir === undefined ? {} : {dataDir});
}

async function optionWishes(
	options: SettingOptions,
	engineOfFile: string | undefined,
): Promise<ClusterWishes> {
	const {name, engine, bind, dataDir, password, restart, transport, config = []} = options;
	const texts = {name, engine, bind, dataDir, password, restart};
	const numbers = {
		shards: options.shards,
		replicas: options.replicas,
		basePort: options.basePort,
		nodeTimeout: options.nodeTimeout,
	};
	const wishes: Record<string, unknown> = {};
	for (const [field, text] of Object.entries(texts))
		if (text !== undefined) wishes[field] = accept(field as FieldName, text);
	for (const [field, text] of Object.entries(numbers)) {
		if (text !== undefined)
			wishes[field === 'nodeTimeout' ? 'nodeTimeoutMs' : field] = accept(field as FieldName, numberOf(text));
	}
	if (transport !== undefined) wishes['transport'] = transport;
	if (config.length > 0) wishes['config'] = await directives(config, engine ?? engineOfFile);
	return wishes;
}

/** The number, or the text itself where it is none: the refusal then shows it. */
const numberOf = (text: string): number | string => (/^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text);

function accept(field: FieldName, value: number | string): number | string {
	const problem = FIELDS[field].refuse(value);
	if (problem !== null) throw new UsageError(`${optionName(field)}: ${problem}`);
	return value;
}

async function directives(
	typed: readonly string[],
	engine: string | undefined,
): Promise<Record<string, string>> {
	const {refuseDirective} = await import('../launcher/directives.ts');
	const result: Record<string, string> = {};
	for (const text of typed) {
		const [, name, value] = /^\s*([^\s=]+)\s*(?:=|\s)\s*(.*)$/s.exec(text) ?? [];
		if (name === undefined || value === undefined)
			throw new UsageError(`--config ${text}: must be directive=value, such as --config maxmemory=100mb`);
		const problem = refuseDirective(name, value, engine);
		if (problem !== null) throw new UsageError(`--config ${name}: ${problem}`);
		result[name.toLowerCase()] = value;
	}
	return result;
}

/** `basePort` is `--base-port`. */
const optionName = (field: string): string =>
	`--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
