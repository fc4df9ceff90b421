/** Refs gathered by a walk. Reused, so that a walk allocates nothing once it has its length. */
export class RefBatch {
	refs = new Int32Array(64);
	length = 0;

	add(ref: number): void {
		if (this.length === this.refs.length) {
			const longer = new Int32Array(this.length * 2);
			longer.set(this.refs);
			this.refs = longer;
		}
		this.refs[this.length++] = ref;
	}
}
