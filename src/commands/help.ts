/** The reply of HELP subcommands. */

import type {ReplyWriter} from '../resp/reply-writer.ts';

/**
 * @param lines those between the opening and the entry of HELP itself, which are the same for every container
 */
export function replyHelp(reply: ReplyWriter, container: string, lines: readonly string[]): void {
	reply.array(lines.length + 3);
	reply.simple(`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
	for (const line of lines) reply.simple(line);
	reply.simple('HELP');
	reply.simple('    Prints this help.');
}
