/** The manager's lines, with the colours of redis-cli, and its questions. */

import type {OutputOptions} from './messages.ts';

/** Where a job's output goes and where its answers come from: a terminal, a test, or another thread. */
export interface Sink {
	/** Text as it is, line feeds included. */
	output(text: string, stream: 'stdout' | 'stderr'): void;
	/** Shows the question, without line feed, and waits for a line. null when there is nobody to ask. */
	ask(question: string): Promise<string | null>;
	/** Steps done of steps in all. */
	progress?(done: number, total: number, what: string): void;
}

/** SGR parameters, as redis-cli 7.0 writes them. */
const STYLES = {info: '29;1m', ok: '32;1m', warning: '33;1m', error: '31;1m'} as const;
const RESET = '0m';

export class Printer {
	readonly #sink: Sink;
	readonly #color: boolean;
	readonly #json: boolean;
	/** What was printed as an error, for the report of a `--json` run. */
	readonly errors: string[] = [];

	constructor(sink: Sink, {color = false, json = false}: OutputOptions) {
		this.#sink = sink;
		this.#color = color;
		this.#json = json;
	}

	/** `>>> ...` */
	info(text: string): void {
		this.#styled('info', `${text}\n`);
	}

	/** `[OK] ...` */
	ok(text: string): void {
		this.#styled('ok', `${text}\n`);
	}

	/** `[WARNING] ...` */
	warning(text: string): void {
		this.#styled('warning', `${text}\n`);
	}

	/** `[ERR] ...`. On standard output, where redis-cli has it. */
	error(text: string): void {
		this.errors.push(text.trim());
		this.#styled('error', `${text}\n`);
	}

	/** A line without style. */
	line(text: string): void {
		this.raw(`${text}\n`);
	}

	/** Text as it is: a dot, or the end of a row of dots. */
	raw(text: string): void {
		if (!this.#json) this.#sink.output(text, 'stdout');
	}

	/** A line that is about the run, not its result: on standard error, in a `--json` run too. */
	complaint(text: string): void {
		this.errors.push(text);
		this.#sink.output(`${text}\n`, 'stderr');
	}

	/** The one line of a `--json` run. */
	json(value: unknown): void {
		if (this.#json) this.#sink.output(`${JSON.stringify(value)}\n`, 'stdout');
	}

	/** The answer, or null when nobody is there to give one: always so in a `--json` run, where a program reads. */
	ask(question: string): Promise<string | null> {
		return this.#json ? Promise.resolve(null) : this.#sink.ask(question);
	}

	/** Whether anybody may see progress: what is measured for that alone can be saved otherwise. */
	get showsProgress(): boolean {
		return this.#sink.progress !== undefined;
	}

	progress(done: number, total: number, what: string): void {
		this.#sink.progress?.(done, total, what);
	}

	#styled(style: keyof typeof STYLES, text: string): void {
		this.raw(this.#color ? `\x1b[${STYLES[style]}${text}\x1b[${RESET}` : text);
	}
}
