/**
 * Reads cluster.yaml. Every mistake is told as `file:line: key: what is wrong; what to write`, all of them at once.
 * Loaded only when there is a file to read: the yaml package is the larger part of the command line.
 */
import {readFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair, type YAMLMap} from 'yaml';
import {refuseDirective} from './directives.ts';
import {errorCode, messageOf, UsageError} from './errors.ts';
import {readHosts, type HostsContext} from './hosts-yaml.ts';
import {nearest} from './nearest.ts';
import {
	FIELDS,
	nodeCountOf,
	nodeIndexOf,
	OWN_ENGINE,
	shown,
	type ClusterSettings,
	type ClusterWishes,
	type Directives,
	type FieldName,
} from './settings.ts';

/** A file's wishes and the places they stand at. */
export interface ClusterFile {
	readonly wishes: ClusterWishes;
	/** `cluster.yaml:7: basePort`, or undefined when the file does not set it. */
	where(field: string): string | undefined;
	/**
	 * What can be checked only when the command line has been heard too.
	 * @throws UsageError when `nodes:` names a node that the cluster does not have
	 */
	checkAgainst(settings: ClusterSettings): void;
}

const KEYS = [...Object.keys(FIELDS), 'hosts', 'config', 'nodes'];
/** Names of cluster.yaml whose setting is called otherwise inside. */
const WISH_OF: Readonly<Record<string, string>> = {nodeTimeout: 'nodeTimeoutMs'};

/**
 * @param engine that of the command line, which wins over the file's: directives are checked against it
 * @throws UsageError when the file cannot be read or anything in it is wrong
 */
export function readClusterFile(file: string, engine?: string): ClusterFile {
	let text: string;
	try {
		text = readFileSync(file, 'utf8');
	} catch (error) {
		const code = errorCode(error);
		if (code === 'ENOENT')
			throw new UsageError(`${file}: there is no such file; name another, or leave it out for the defaults`);
		if (code === 'EISDIR') throw new UsageError(`${file}: is a directory; name the cluster.yaml in it`);
		throw new UsageError(`${file}: cannot be read: ${messageOf(error)}`);
	}
	return parseClusterFile(text, file, engine);
}

/** @throws UsageError when anything in the text is wrong */
export function parseClusterFile(text: string, file: string, engine?: string): ClusterFile {
	const lines = new LineCounter();
	const document = parseDocument(text, {lineCounter: lines, prettyErrors: false, version: '1.2'});
	const reader = new Reader(file, lines, engine);
	for (const error of document.errors)
		reader.complain(error.pos[0], '', `${sentence(error.message)}; this is no YAML`);
	if (document.errors.length === 0) reader.read(document.contents);
	reader.throwIfWrong();
	return reader;
}

class Reader implements ClusterFile {
	readonly #file: string;
	/** Undefined until it is known. */
	#engine: string | undefined;
	readonly #lines: LineCounter;
	readonly #wrong: string[] = [];
	readonly #offsets = new Map<string, number>();
	#wishes: ClusterWishes = {};

	constructor(file: string, lines: LineCounter, engine: string | undefined) {
		this.#engine = engine;
		this.#file = file;
		this.#lines = lines;
	}

	get wishes(): ClusterWishes {
		return this.#wishes;
	}

	where(field: string): string | undefined {
		const offset = this.#offsets.get(field);
		return offset === undefined ? undefined : this.#place(offset, field);
	}

	checkAgainst(settings: ClusterSettings): void {
		for (const key of settings.nodes.keys()) {
			const offset = this.#offsets.get(`nodes.${key}`);
			if (offset === undefined || nodeIndexOf(key, settings) !== null) continue;
			const last = nodeCountOf(settings) - 1;
			const ports =
				settings.basePort === 0 ? '' : ` or a port from ${settings.basePort} to ${settings.basePort + last}`;
			this.complain(
				offset,
				`nodes.${key}`,
				`the cluster has no such node; write an index from 0 to ${last}${ports}`,
			);
		}
		this.throwIfWrong();
	}

	complain(offset: number, key: string, what: string): void {
		this.#wrong.push(`${this.#place(offset, key)}: ${what}`);
	}

	throwIfWrong(): void {
		if (this.#wrong.length > 0) throw new UsageError(this.#wrong.join('\n'));
	}

	read(contents: unknown): void {
		// An empty file is a file of defaults.
		if (contents === null || (isScalar(contents) && contents.value === null)) return;
		if (!isMap(contents)) {
			this.complain(
				offsetOf(contents),
				'',
				`must be lines of "key: value", such as "shards: 3"; it is ${isSeq(contents) ? 'a list' : 'a single value'}`,
			);
			return;
		}
		const engine = contents.get('engine');
		this.#engine ??= typeof engine === 'string' ? engine : OWN_ENGINE;
		const wishes: Record<string, unknown> = {};
		for (const [key, value, offset] of this.#entries(contents, '')) {
			this.#offsets.set(key, offset);
			if (key === 'config') wishes['config'] = this.#directives(value, 'config', offset);
			else if (key === 'hosts') wishes['hosts'] = readHosts(value, offset, this.#hostsContext);
			else if (key === 'nodes') wishes['nodes'] = this.#nodes(value, offset);
			else if (key in FIELDS) wishes[WISH_OF[key] ?? key] = this.#field(key as FieldName, value, offset);
			else
				this.complain(
					offset,
					key,
					`is no key of cluster.yaml${nearest(key, KEYS) || `; the keys are ${KEYS.join(', ')}`}`,
				);
		}
		this.#wishes = wishes;
	}

	get #hostsContext(): HostsContext {
		return {
			complain: (offset, key, what) => this.complain(offset, key, what),
			entries: (map, path) => this.#entries(map, path),
			offsetOf,
			directory: dirname(this.#file),
		};
	}

	#field(key: FieldName, node: unknown, offset: number): number | string | undefined {
		if (isScalar(node) && (typeof node.value === 'number' || typeof node.value === 'string')) {
			const problem = FIELDS[key].refuse(node.value);
			if (problem === null) return node.value;
			this.complain(offset, key, problem);
			return undefined;
		}
		if (isScalar(node) && node.value === null)
			this.complain(offset, key, 'has no value; write one, or delete the line for the default');
		else
			this.complain(
				offset,
				key,
				`must be ${FIELDS[key].type === 'number' ? 'a number' : 'text'}, not ${shownNode(node)}`,
			);
		return undefined;
	}

	#directives(node: unknown, path: string, offset: number): Directives {
		const directives: Record<string, string> = {};
		if (isScalar(node) && node.value === null) return directives;
		if (!isMap(node)) {
			this.complain(
				offset,
				path,
				`must be lines of "directive: value" as in redis.conf, not ${shownNode(node)}`,
			);
			return directives;
		}
		for (const [name, value, at] of this.#entries(node, `${path}.`)) {
			const text = directiveText(value);
			const problem =
				text === null
					? `must be one value or a list of values, not ${shownNode(value)}`
					: refuseDirective(name, text, this.#engine);
			if (problem !== null) this.complain(at, `${path}.${name}`, problem);
			else directives[name.toLowerCase()] = text ?? '';
		}
		return directives;
	}

	#nodes(node: unknown, offset: number): Map<number, Directives> {
		const nodes = new Map<number, Directives>();
		if (isScalar(node) && node.value === null) return nodes;
		if (!isMap(node)) {
			this.complain(
				offset,
				'nodes',
				`must have a group a node, such as "0:" with "config:" below it, not ${shownNode(node)}`,
			);
			return nodes;
		}
		for (const [key, value, at] of this.#entries(node, 'nodes.')) {
			const path = `nodes.${key}`;
			if (!/^\d{1,5}$/.test(key)) {
				this.complain(at, path, 'must be the index of a node, from 0, or its port');
				continue;
			}
			this.#offsets.set(path, at);
			if (!isMap(value)) {
				this.complain(at, path, `must have "config:" below it, not ${shownNode(value)}`);
				continue;
			}
			for (const [inner, directives, innerAt] of this.#entries(value, `${path}.`)) {
				if (inner === 'config')
					nodes.set(Number(key), this.#directives(directives, `${path}.config`, innerAt));
				else
					this.complain(
						innerAt,
						`${path}.${inner}`,
						`is no key of a node${nearest(inner, ['config']) || '; the only key is config'}`,
					);
			}
		}
		return nodes;
	}

	/** Key, value and the key's place. Keys that are no plain words are complained of and left out. */
	*#entries(map: YAMLMap, path: string): Generator<[key: string, value: unknown, offset: number]> {
		for (const {key, value} of map.items as Pair<unknown, Node | null>[]) {
			if (isScalar(key) && (typeof key.value === 'string' || typeof key.value === 'number'))
				yield [String(key.value), value, offsetOf(key)];
			else this.complain(offsetOf(key), `${path}?`, 'a key must be a plain word');
		}
	}

	#place(offset: number, key: string): string {
		const {line} = this.#lines.linePos(offset);
		return `${this.#file}:${Math.max(line, 1)}${key === '' ? '' : `: ${key}`}`;
	}
}

/** A directive's value as redis.conf has it: `true` is `yes`, a list is its words on one line. */
function directiveText(node: unknown): string | null {
	if (isSeq(node)) {
		const texts = node.items.map(directiveText);
		return texts.includes(null) ? null : texts.join(' ');
	}
	if (!isScalar(node)) return null;
	if (typeof node.value === 'boolean') return node.value ? 'yes' : 'no';
	// The source and not the number: `0755` and `1e3` are as they were written.
	if (typeof node.value === 'number') return node.source ?? String(node.value);
	return typeof node.value === 'string' ? node.value : null;
}

function shownNode(node: unknown): string {
	if (isSeq(node)) return 'a list';
	if (isScalar(node)) return shown(node.value);
	return isMap(node) ? 'a group of keys' : 'nothing';
}

const offsetOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0;

const sentence = (text: string): string => text.replace(/[.:]?\s*$/, '');
