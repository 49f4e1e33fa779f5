// The only globals beyond ECMAScript that pure code may name. Both are total functions of their input and exist in
// Node and in browsers alike; everything else (clock, timers, randomness, I/O) has no type in the pure programs.

declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBufferView | ArrayBuffer, options?: { stream?: boolean }): string;
}
