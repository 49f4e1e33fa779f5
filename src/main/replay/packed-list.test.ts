// Packed lists: what goes in comes out, however far back, and copies share bytes without sharing a future.
import fc from "fast-check";
import { expect, it } from "vitest";
import { PackedList } from "./packed-list.ts";

interface Fact { readonly text: string; readonly mantissa: number | bigint; readonly nested: readonly { readonly why: string }[] }

function fact(number: number): Fact {
  const mantissa = number % 7 === 0 ? 2n ** 70n + BigInt(number) : number * 1.5;
  return { text: `ids ${number}…${number + 1} "⚡"`, mantissa, nested: [{ why: "x".repeat(number % 900) }] };
}

it("gives back every element, packed or recent", () => {
  const list = new PackedList<Fact>();
  for (let number = 0; number < 5_000; number += 1) list.push(fact(number));
  expect(list.length).toBe(5_000);
  fc.assert(fc.property(fc.nat(4_999), (index) => {
    expect(list.at(index)).toEqual(fact(index));
  }));
  expect(list.at(5_000)).toBeUndefined();
});

it("copies any beginning, and both go their own way from there", () => {
  const list = new PackedList<Fact>();
  for (let number = 0; number < 3_000; number += 1) list.push(fact(number));
  for (const length of [0, 1, 700, 1_024, 2_400, 3_000]) {
    const copy = list.copyUntil(length);
    for (let number = 0; number < 2_000; number += 1) copy.push(fact(100_000 + number));
    expect(copy.length).toBe(length + 2_000);
    for (const index of [0, length - 1]) if (index >= 0 && index < length) expect(copy.at(index)).toEqual(fact(index));
    expect(copy.at(length)).toEqual(fact(100_000));
    expect(copy.at(length + 1_999)).toEqual(fact(101_999));
  }
  for (const index of [0, 699, 1_500, 2_999]) expect(list.at(index)).toEqual(fact(index));
});

it("takes an element larger than a slab, and refuses numbers that JSON cannot hold", () => {
  const list = new PackedList<Fact>();
  const large: Fact = { text: "y".repeat(3_000_000), mantissa: 1, nested: [] };
  list.push(large);
  for (let number = 0; number < 1_100; number += 1) list.push(fact(number));
  expect(list.at(0)).toEqual(large);
  const odd = new PackedList<Fact>();
  odd.push({ text: "", mantissa: Number.NaN, nested: [] });
  expect(() => {
    for (let number = 0; number < 1_100; number += 1) odd.push(fact(number));
  }).toThrow("finite");
});
