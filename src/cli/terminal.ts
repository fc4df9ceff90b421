/** The terminal of one job of the manager: its lines, its questions and its progress. */
import {createInterface, type Interface} from 'node:readline';
import type {JobConsole} from '../launcher/manager-thread.ts';

/** The person at the keyboard, or the script that stands in for one. */
export class Terminal implements JobConsole {
	readonly #lines: string[] = [];
	#reader: Interface | undefined;
	/** Questions without an answer; the next line is for the last of them. */
	readonly #waiting: ((line: string | null) => void)[] = [];
	#ended = false;
	#progressShown = false;
	/** Of the job that runs, once the launcher has told it. */
	jobId: number | undefined;

	began(id: number): void {
		this.jobId = id;
	}

	output(text: string, stream: 'stdout' | 'stderr'): void {
		this.#clearProgress();
		process[stream].write(text);
	}

	ask(question: string): Promise<string | null> {
		this.#clearProgress();
		process.stdout.write(question);
		this.#reader ??= this.#openReader();
		const line = this.#lines.shift();
		if (line !== undefined) return Promise.resolve(line);
		if (this.#ended) return Promise.resolve(null);
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	progress(done: number, total: number, what: string): void {
		if (!process.stderr.isTTY) return;
		this.#progressShown = true;
		process.stderr.write(`\r\u001b[K${what} ${done}/${total}`);
	}

	close(): void {
		this.#clearProgress();
		this.#reader?.close();
	}

	#clearProgress(): void {
		if (this.#progressShown) process.stderr.write('\r\u001b[K');
		this.#progressShown = false;
	}

	#openReader(): Interface {
		const reader = createInterface({input: process.stdin});
		reader.on('line', (line) => {
			const waiting = this.#waiting.pop();
			if (waiting === undefined) this.#lines.push(line);
			else waiting(line);
		});
		reader.once('close', () => {
			this.#ended = true;
			for (const waiting of this.#waiting.splice(0)) waiting(null);
		});
		return reader;
	}
}
