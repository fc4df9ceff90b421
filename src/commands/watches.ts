/**
 * Keys that clients watch for their transactions (WATCH). Implemented by src/node/watched-keys.ts, which hears of every change
 * from the keyspaces; commands only begin and end the watching.
 */
import type {Client} from './client.ts';

export interface Watches {
	/** From now on a change of the key makes the client's EXEC fail. A key that is watched already stays so. */
	watch(client: Client, key: Uint8Array): void;
	/** Forgets the keys of the client; what became of its transaction stays. */
	unwatch(client: Client): void;
	/** Whether EXEC must fail: a watched key was changed, or has expired since. */
	isTouched(client: Client): boolean;
	/** Two databases are going to be swapped. */
	swapping(first: number, second: number): void;
}

/** For commands that run where nobody watches. */
export const NO_WATCHES: Watches = {
	watch: () => undefined,
	unwatch: () => undefined,
	isTouched: () => false,
	swapping: () => undefined,
};
