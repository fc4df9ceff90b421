/** A graph of bars in plain characters, as LATENCY GRAPH draws it: four rows, labels written downwards below. */

export interface Bar {
	readonly value: number;
	readonly label: string;
}

const ROWS = 4;
const COLUMNS = 80;
/** Three levels a row; what stands below the top of a bar is filled. */
const LEVELS = ['_', 'o', '#'];
const FILLED = '|';

/** One block of rows for every 80 bars; each line ends with a line feed. */
export function sparkline(bars: readonly Bar[]): string {
	const least = Math.min(...bars.map(({value}) => value));
	const most = Math.max(...bars.map(({value}) => value));
	const blocks: string[] = [];
	for (let at = 0; at < bars.length; at += COLUMNS) {
		blocks.push(block(bars.slice(at, at + COLUMNS), least, most - least));
	}
	return blocks.join('\n');
}

function block(bars: readonly Bar[], least: number, range: number): string {
	const steps = ROWS * LEVELS.length;
	const heights = bars.map(({value}) => {
		const step = range === 0 ? 0 : Math.floor(((value - least) * steps) / range);
		return Math.min(step, steps - 1);
	});
	const lines: string[] = [];
	for (let row = ROWS - 1; row >= 0; row--) {
		lines.push(heights.map((height) => barCharacter(height - row * LEVELS.length)).join(''));
	}
	// A margin between the bars and their labels.
	lines.push(' '.repeat(bars.length));
	const labelRows = Math.max(...bars.map(({label}) => label.length));
	for (let row = 0; row < labelRows; row++) {
		lines.push(bars.map(({label}) => label[row] ?? ' ').join(''));
	}
	return lines.map((line) => `${line}\n`).join('');
}

function barCharacter(level: number): string {
	if (level < 0) return ' ';
	return LEVELS[level] ?? FILLED;
}
