/**
 * How a write command reaches replicas and the append-only file: as its effect, so that it does the same there whatever the
 * time is and whatever chance decides. A command that changed something goes on as the client sent it, unless its handler
 * says otherwise here.
 */

/** A word of a command. Numbers are safe integers or bigints, printed in decimal digits; text goes as UTF-8. */
export type PropagatedWord = Uint8Array | string | number | bigint;

export interface Propagation {
	/** False: nobody follows. Then the other methods may be called and do nothing; a hot handler asks first. */
	readonly isOn: boolean;
	/** Goes on in place of the running command. Called several times, all of them do, in order. */
	instead(...words: readonly PropagatedWord[]): void;
	/** Nothing of the running command goes on, although it changed something. */
	nothing(): void;
	/** The running command goes on although nothing was counted as changed. */
	force(): void;
	/** The running command goes to replicas and into no file, although nothing was counted as changed. */
	forceForReplicas(): void;
}

/** For commands that run where there is nobody to follow. */
export const NO_PROPAGATION: Propagation = {
	isOn: false,
	instead: () => undefined,
	nothing: () => undefined,
	force: () => undefined,
	forceForReplicas: () => undefined,
};
