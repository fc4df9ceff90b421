/** The picture that LOLWUT draws: a shoal that swims one way, and one fish that does not. */
import type {Prng} from '../lib/prng.ts';

const WIDTH = 64;
const HEIGHT = 9;
const FISH = ['><>', '><>', "><(('>", '><(((o>'];
const STRAY = '<><';

/** Lines of plain ASCII, each ended. */
export function shoalOfFish(prng: Prng): string {
	const rows = Array.from({length: HEIGHT}, () => Array.from({length: WIDTH}, () => ' '));
	const school = 12 + prng.below(12);
	for (let i = 0; i < school; i++) put(rows, FISH[prng.below(FISH.length)]!, prng);
	put(rows, STRAY, prng);
	return `${rows.map((row) => row.join('').trimEnd()).join('\n')}\n`;
}

/** Where there is water on all sides; a few tries, then this one stays out of the picture. */
function put(rows: string[][], fish: string, prng: Prng): void {
	for (let tries = 0; tries < 20; tries++) {
		const row = rows[prng.below(HEIGHT)]!;
		const at = 1 + prng.below(WIDTH - fish.length - 2);
		const isFree = row.slice(at - 1, at + fish.length + 1).every((cell) => cell === ' ');
		if (!isFree) continue;
		for (let i = 0; i < fish.length; i++) row[at + i] = fish[i]!;
		return;
	}
}
