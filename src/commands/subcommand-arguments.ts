/** The error of containers whose subcommands check their arguments by themselves. */
import type {Request} from '../resp/request.ts';
import {CommandError, printable} from './errors.ts';

const SHOWN_BYTES = 128;

export function badSubcommand(request: Request, container: string): CommandError {
	const shown = printable(request, 1, SHOWN_BYTES);
	return new CommandError(
		`ERR unknown subcommand or wrong number of arguments for '${shown}'. Try ${container} HELP.`,
	);
}
