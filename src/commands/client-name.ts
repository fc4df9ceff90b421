/** Names that clients give themselves: they stand in lines of CLIENT LIST, so blanks and line ends would break these. */
import type {Client} from './client.ts';
import {CommandError} from './errors.ts';

const BAD_NAME = new CommandError('ERR Client names cannot contain spaces, newlines or special characters.');

export const isPlainName = (text: string): boolean => /^[!-~]*$/.test(text);

/** @throws CommandError */
export function setClientName(client: Client, name: string): void {
	if (!isPlainName(name)) throw BAD_NAME;
	client.name = name;
}
