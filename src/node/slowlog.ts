/** The last slow commands, newest first, with their arguments cut to what a person can read. */
import type {Client} from '../commands/client.ts';
import type {Command} from '../commands/command.ts';
import {REDACTED, secretArguments} from '../commands/redaction.ts';
import type {Config, Slowlog, SlowlogEntry} from '../commands/services.ts';
import {toBytes} from '../lib/bytes.ts';
import type {Request} from '../resp/request.ts';

const MOST_ARGUMENTS = 32;
const MOST_ARGUMENT_BYTES = 128;

export class NodeSlowlog implements Slowlog {
	readonly #config: Config;
	/** Oldest first. */
	#entries: SlowlogEntry[] = [];
	#nextId = 0;

	constructor(config: Config) {
		this.#config = config;
	}

	get length(): number {
		return this.#entries.length;
	}

	entries(count: number): readonly SlowlogEntry[] {
		const wanted = count < 0 ? this.#entries.length : Math.min(count, this.#entries.length);
		return wanted === 0 ? [] : this.#entries.slice(-wanted).toReversed();
	}

	reset(): void {
		this.#entries = [];
	}

	add(command: Command, request: Request, client: Client, durationUs: number, nowMs: number): void {
		const {slowlogLogSlowerThanUs, slowlogMaxLength} = this.#config.settings;
		if (slowlogLogSlowerThanUs < 0 || slowlogMaxLength === 0 || durationUs < slowlogLogSlowerThanUs) return;
		this.#entries.push({
			id: this.#nextId++,
			atSeconds: Math.floor(nowMs / 1000),
			durationUs: Math.floor(durationUs),
			arguments: shownArguments(request, secretArguments(command, request, this.#config)),
			address: client.address,
			clientName: client.name,
		});
		if (this.#entries.length > slowlogMaxLength)
			this.#entries.splice(0, this.#entries.length - slowlogMaxLength);
	}
}

function shownArguments(request: Request, secret: ReadonlySet<number>): Uint8Array[] {
	const isCut = request.count > MOST_ARGUMENTS;
	const shown: Uint8Array[] = [];
	for (let i = 0; i < (isCut ? MOST_ARGUMENTS - 1 : request.count); i++) {
		const length = request.lengths[i]!;
		if (secret.has(i)) shown.push(REDACTED);
		else if (length <= MOST_ARGUMENT_BYTES) shown.push(request.bytes(i).slice());
		else shown.push(cut(request.bytes(i)));
	}
	if (isCut) shown.push(toBytes(`... (${request.count - MOST_ARGUMENTS + 1} more arguments)`));
	return shown;
}

function cut(argument: Uint8Array): Uint8Array {
	const note = toBytes(`... (${argument.length - MOST_ARGUMENT_BYTES} more bytes)`);
	const shown = new Uint8Array(MOST_ARGUMENT_BYTES + note.length);
	shown.set(argument.subarray(0, MOST_ARGUMENT_BYTES));
	shown.set(note, MOST_ARGUMENT_BYTES);
	return shown;
}
