// Numbers as they are read at a glance, and whole.

const UNITS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "K"],
];

/** Three digits and a unit: 3,981,245,712 is 3.98G. */
export function short(value: number): string {
  for (const [size, unit] of UNITS) {
    const scaled = Number((value / size).toPrecision(3));
    if (scaled >= 1) {
      return `${scaled}${unit}`;
    }
  }
  return `${value}`;
}

/** All digits, in threes. */
export function whole(value: number): string {
  return value.toLocaleString("en-US");
}
