/** Doubles as C prints them with `%.17g`: the form of scores and RESP3 doubles in Redis 7.0. */

const ZERO = 0x30;
const POINT = 0x2e;
const SIGNIFICANT_DIGITS = 17;

/** 17 significant digits without trailing zeros, exponents below -4 and from 17 on as `1e+20`; `inf`, `-inf`, `nan`. */
export function formatDouble(value: number): string {
	// String() pads with zeros what is above 2^53, and C does not.
	if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
	if (Number.isNaN(value)) return 'nan';
	if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
	const magnitude = Math.abs(value);
	if (magnitude >= 1e-4 && magnitude < 1e17) {
		return withoutZeros(roundedTie(value) ?? value.toPrecision(SIGNIFICANT_DIGITS));
	}
	const [mantissa = '', power = ''] = (
		roundedTie(value) ?? value.toExponential(SIGNIFICANT_DIGITS - 1)
	).split('e');
	return `${withoutZeros(mantissa)}e${power.slice(0, 1)}${power.slice(1).padStart(2, '0')}`;
}

/** A fraction without the zeros at its end, nor a point that nothing follows. */
function withoutZeros(text: string): string {
	if (!text.includes('.')) return text;
	let end = text.length;
	while (text.charCodeAt(end - 1) === ZERO) end--;
	if (text.charCodeAt(end - 1) === POINT) end--;
	return text.slice(0, end);
}

/**
 * The digits of a value exactly between two of 17 digits: C takes the even one, where JavaScript goes away from zero.
 * Null for any other value. Such a value is m·2^-k with k between 2 and 25: fewer bits after the point do not reach an
 * 18th digit, more of them reach further. It is cut, not rounded, when the 17th digit is even.
 */
function roundedTie(value: number): string | null {
	if (!Number.isInteger(value * 2 ** 25)) return null;
	const exact = value.toExponential(60);
	const point = exact.indexOf('.');
	const tail = exact.slice(point + SIGNIFICANT_DIGITS, exact.indexOf('e'));
	if (!/^50*$/.test(tail) || exact.charCodeAt(point + SIGNIFICANT_DIGITS - 1) % 2 === 1) return null;
	const magnitude = Math.abs(value);
	return magnitude >= 1e-4
		? value.toPrecision(SIGNIFICANT_DIGITS + 1).slice(0, -1)
		: exact.slice(0, point + SIGNIFICANT_DIGITS) + exact.slice(exact.indexOf('e'));
}
