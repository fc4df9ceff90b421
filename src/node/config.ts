/**
 * The configuration of one node: the values of all parameters by name, and `Settings` for those that act. A change of several
 * parameters is carried out as a whole or not at all: all values are checked first, then set, then applied; when one of them
 * cannot be applied, the old values are set and applied again.
 */
import {CommandError} from '../commands/errors.ts';
import type {Config} from '../commands/services.ts';
import {Settings} from '../commands/settings.ts';
import {latin1, latin1ToBytes} from '../lib/bytes.ts';
import {globMatch} from '../lib/glob.ts';
import {rewriteConfigFile} from './config-file.ts';
import {type Parameter, ParameterError, PARAMETERS, PARAMETERS_BY_NAME} from './config-parameters.ts';

/** Makes a change take effect outside the settings. Throws ParameterError when that is impossible. */
type ApplyHook = () => void;

/** Where CONFIG REWRITE writes. Texts with one character a byte; errors are the system's. */
export interface ConfigFilePort {
	readonly path: string;
	/** Null when the file is gone. */
	read(): string | null;
	write(text: string): void;
}

interface NodeConfigOptions {
	/** Directives of the start, in order; a later one of the same name adds to or replaces an earlier one. */
	readonly directives?: Iterable<readonly [name: string, value: string]>;
	/** Null: the node was started without a file. */
	readonly file?: ConfigFilePort | null;
}

export class NodeConfig implements Config {
	readonly settings = new Settings();
	readonly #texts = new Map<string, string>();
	readonly #hooks = new Map<string, ApplyHook>();
	readonly #file: ConfigFilePort | null;

	/** @throws ParameterError whose message names the directive */
	constructor({directives = [], file = null}: NodeConfigOptions = {}) {
		this.#file = file;
		for (const parameter of PARAMETERS) this.#store(parameter, parameter.initial);
		const seen = new Set<string>();
		for (const [name, value] of directives) this.#start(name, value, seen);
	}

	get file(): string {
		return this.#file?.path ?? '';
	}

	/** Calls `hook` after each change of the parameter; one hook a parameter. */
	onChange(name: string, hook: ApplyHook): void {
		this.#hooks.set(name, hook);
	}

	get(patterns: readonly Uint8Array[]): ReadonlyMap<string, string> {
		const found = new Map<string, string>();
		const taken = new Set<string>();
		for (const pattern of patterns) {
			const text = latin1(pattern);
			if (!/[*?[]/.test(text)) {
				const parameter = PARAMETERS_BY_NAME.get(text.toLowerCase());
				if (parameter !== undefined && !taken.has(text.toLowerCase())) {
					taken.add(text.toLowerCase());
					found.set(text, this.#text(parameter));
				}
				continue;
			}
			for (const [name, parameter] of PARAMETERS_BY_NAME) {
				if (taken.has(name) || !globMatch(pattern, latin1ToBytes(name), true)) continue;
				taken.add(name);
				found.set(name, this.#text(parameter));
			}
		}
		return found;
	}

	/** The value of one parameter as text. */
	text(name: string): string {
		const parameter = PARAMETERS_BY_NAME.get(name);
		return parameter === undefined ? '' : this.#text(parameter);
	}

	isSensitive(name: string): boolean {
		return PARAMETERS_BY_NAME.get(name.toLowerCase())?.sensitive ?? false;
	}

	set(pairs: readonly (readonly [name: string, value: string])[]): void {
		const changes = this.#check(pairs);
		const before = changes.map(({parameter}) => this.#text(parameter));
		const restore = (): void => {
			for (const [i, {parameter}] of changes.entries()) this.#store(parameter, before[i]!);
		};
		for (const {name, parameter, value} of changes) {
			try {
				this.#store(parameter, value);
			} catch (error) {
				restore();
				throw refusal(name, error);
			}
		}
		for (const [i, {name, parameter}] of changes.entries()) {
			if (this.#text(parameter) === before[i]) continue;
			try {
				this.#hooks.get(parameter.name)?.();
			} catch (error) {
				restore();
				for (const {parameter: restored} of changes.slice(0, i)) this.#hooks.get(restored.name)?.();
				throw refusal(name, error);
			}
		}
	}

	/** Something else than CONFIG SET changed the value: REPLICAOF. */
	record(name: string, value: string): void {
		this.#store(PARAMETERS_BY_NAME.get(name)!, value);
	}

	rewrite(): void {
		if (this.#file === null) throw new CommandError('ERR The server is running without a config file');
		const values = PARAMETERS.map((parameter) => {
			const text = this.#text(parameter);
			return {
				names: parameter.alias === undefined ? [parameter.name] : [parameter.name, parameter.alias],
				isInitial: text === parameter.kind.parse(parameter.initial, parameter.initial).text,
				lines: parameter.kind.lines?.(text) ?? [text],
				isList: parameter.kind.isList === true,
			};
		});
		try {
			this.#file.write(rewriteConfigFile(this.#file.read() ?? '', values));
		} catch (error) {
			throw new CommandError(
				`ERR Rewriting config file: ${error instanceof Error ? error.message : String(error)}`,
			);
		}
	}

	/** A directive of the start: nothing is immutable yet. */
	#start(name: string, value: string, seen: Set<string>): void {
		const parameter = PARAMETERS_BY_NAME.get(name.toLowerCase());
		if (parameter === undefined)
			throw new ParameterError(`${name}: Bad directive or wrong number of arguments`);
		// The first of them takes the place of the initial ones.
		const adds = parameter.name === 'save' && seen.has('save') && value !== '';
		seen.add(parameter.name);
		try {
			this.#store(parameter, adds ? `${this.#text(parameter)} ${value}`.trim() : value);
		} catch (error) {
			if (error instanceof ParameterError) throw new ParameterError(`${name}: ${error.reason}`);
			throw error;
		}
	}

	#text(parameter: Parameter): string {
		return this.#texts.get(parameter.name) ?? parameter.initial;
	}

	/** @throws ParameterError, nothing is changed then */
	#store(parameter: Parameter, text: string): void {
		const parsed = parameter.kind.parse(text, this.#text(parameter));
		this.#texts.set(parameter.name, parsed.text);
		// The table's `setting` was checked against the kind of the value where the row was declared.
		if (parameter.setting !== undefined)
			(this.settings as unknown as Record<string, unknown>)[parameter.setting] = parsed.value;
	}

	/** What CONFIG SET refuses before any value is looked at. */
	#check(
		pairs: readonly (readonly [name: string, value: string])[],
	): {name: string; parameter: Parameter; value: string}[] {
		const changes: {name: string; parameter: Parameter; value: string}[] = [];
		for (const [name, value] of pairs) {
			const parameter = PARAMETERS_BY_NAME.get(name.toLowerCase());
			if (parameter === undefined) {
				throw new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${name}'`);
			}
			if (parameter.change === 'immutable') throw refusal(name, "can't set immutable config");
			if (parameter.change === 'protected' && !this.#allowsProtected())
				throw refusal(name, "can't set protected config");
			if (changes.some((other) => other.name.toLowerCase() === name.toLowerCase())) {
				throw refusal(name, 'duplicate parameter');
			}
			changes.push({name, parameter, value});
		}
		return changes;
	}

	#allowsProtected(): boolean {
		return this.text('enable-protected-configs') !== 'no';
	}
}

function refusal(name: string, cause: unknown): CommandError {
	if (cause instanceof Error && !(cause instanceof ParameterError)) throw cause;
	const reason = cause instanceof ParameterError ? cause.message : String(cause);
	return new CommandError(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`);
}
