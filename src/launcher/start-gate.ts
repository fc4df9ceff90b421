/** What a start waits for: that something becomes so among many threads, unless the start fails first. */
import {LaunchError} from './errors.ts';

export interface Deadline {
	readonly ms: number;
	/** What did not come in time; null when it can be done without. */
	tooLate(): string | null;
}

/** One waiter at a time. Nothing is polled: whoever changes something calls `look`. */
export class StartGate {
	#failure: LaunchError | undefined;
	#waiter: (() => void) | undefined;

	get hasFailed(): boolean {
		return this.#failure !== undefined;
	}

	/** Something changed: it may be what is waited for. */
	look(): void {
		this.#waiter?.();
	}

	/** The start cannot succeed any more. The first cause counts. */
	fail(error: LaunchError): void {
		this.#failure ??= error;
		this.look();
	}

	/** Resolves as soon as it is so; rejects when the start fails, or at the deadline. */
	until(isSo: () => boolean, deadline?: Deadline): Promise<void> {
		return new Promise((resolve, reject) => {
			let isLate = false;
			const onDeadline = (passed: Deadline): void => {
				isLate = true;
				const missing = passed.tooLate();
				if (missing === null) this.look();
				else this.fail(new LaunchError(missing));
			};
			const timer = deadline === undefined ? undefined : setTimeout(onDeadline, deadline.ms, deadline);
			this.#waiter = () => {
				if (this.#failure === undefined && !isLate && !isSo()) return;
				clearTimeout(timer);
				this.#waiter = undefined;
				if (this.#failure === undefined) resolve();
				else reject(this.#failure);
			};
			this.look();
		});
	}

	/** As the promise does, unless the start fails before. */
	async during<T>(work: Promise<T>): Promise<T> {
		let isDone = false;
		const end = (): void => {
			isDone = true;
			this.look();
		};
		work.then(end, end);
		await this.until(() => isDone);
		return work;
	}
}
