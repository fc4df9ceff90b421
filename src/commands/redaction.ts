/** Which arguments of a command are secrets: MONITOR and the slow log show `(redacted)` in their place. */
import {toBytes} from '../lib/bytes.ts';
import type {Request} from '../resp/request.ts';
import type {Command} from './command.ts';
import type {Config} from './services.ts';

export const REDACTED = toBytes('(redacted)');

const NONE: ReadonlySet<number> = new Set();

/** Positions in the request, in no order. */
export function secretArguments(command: Command, request: Request, config: Config): ReadonlySet<number> {
	switch (command.name) {
		case 'auth':
			return new Set(Array.from({length: request.count - 1}, (_, i) => i + 1));
		case 'hello':
			return secretsOfHello(request);
		case 'config|set':
			return secretsOfConfigSet(request, config);
		case 'migrate':
			return secretsOfMigrate(request);
		default:
			return NONE;
	}
}

/** `HELLO 3 AUTH name password`: both, as the name alone tells half of it. */
function secretsOfHello(request: Request): ReadonlySet<number> {
	const secret = new Set<number>();
	for (let i = 2; i < request.count; i++) {
		if (!request.isWord(i, 'AUTH')) continue;
		secret.add(i + 1).add(i + 2);
		i += 2;
	}
	return secret;
}

function secretsOfMigrate(request: Request): ReadonlySet<number> {
	for (let i = 6; i < request.count && !request.isWord(i, 'KEYS'); i++) {
		if (request.isWord(i, 'AUTH')) return new Set([i + 1]);
		if (request.isWord(i, 'AUTH2')) return new Set([i + 1, i + 2]);
	}
	return NONE;
}

function secretsOfConfigSet(request: Request, config: Config): ReadonlySet<number> {
	const secret = new Set<number>();
	for (let i = 2; i + 1 < request.count; i += 2) {
		if (config.isSensitive(request.latin1(i))) secret.add(i + 1);
	}
	return secret;
}
